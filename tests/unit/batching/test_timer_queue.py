"""Items by time, when times change."""

from hypothesis import given
from hypothesis import strategies as st

from daemon.batching.timer_queue import TimerQueue


def test_the_earliest_comes_first():
    timers = TimerQueue()
    timers.put("later", 2.0)
    timers.put("sooner", 1.0)

    assert timers.first() == (1.0, "sooner")


def test_an_item_moves_with_its_time():
    timers = TimerQueue()
    timers.put("one", 1.0)
    timers.put("two", 2.0)

    timers.put("one", 3.0)

    assert timers.first() == (2.0, "two")


def test_a_discarded_item_is_gone():
    timers = TimerQueue()
    timers.put("one", 1.0)

    timers.discard(["one", "unknown"])

    assert timers.first() is None
    assert len(timers) == 0


def test_far_times_do_not_pile_up():
    timers = TimerQueue()
    timers.put("first", 0.0)

    for time in range(1000):
        timers.put("far", 1e6 + time)

    assert len(timers._heap) < 30


def test_items_of_one_time_come_in_the_order_they_were_put():
    timers = TimerQueue()
    timers.put_new(["a", "b", "c"], 1.0)
    timers.put_new(["d"], 1.0)
    came = []

    while (first := timers.first()) is not None:
        came.append(first[1])
        timers.discard([first[1]])

    assert came == ["a", "b", "c", "d"]


def test_what_is_gone_before_its_time_is_not_kept():
    timers = TimerQueue()

    for number in range(1_000):
        timers.put_new([(number, each) for each in range(10)], 1e6 + number)
        timers.discard([(number, each) for each in range(10)])

    assert sum(len(items) for _, _, items in timers._heap) < 40


@given(
    st.lists(st.tuples(st.integers(0, 31), st.one_of(st.none(), st.integers(0, 9))), max_size=100)
)
def test_a_timer_queue_agrees_with_a_dict(changes):
    """Items are the bits of the first number: what changes together."""
    timers, times = TimerQueue(), {}
    for bits, time in changes:
        items = [item for item in range(5) if bits >> item & 1]
        if time is None:
            timers.discard(items)
            for item in items:
                times.pop(item, None)
        elif len(items) == 1:
            timers.put(items[0], time)
            times[items[0]] = time
        else:
            timers.put_new([item for item in items if times.get(item) != time], time)
            times.update(dict.fromkeys(items, time))

        first = timers.first()
        assert (first is None) == (not times)
        assert first is None or times[first[1]] == first[0] == min(times.values())
        assert set(timers) == set(times)
