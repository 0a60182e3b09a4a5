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


@given(
    st.lists(st.tuples(st.integers(0, 5), st.one_of(st.none(), st.integers(0, 9))), max_size=100)
)
def test_a_timer_queue_agrees_with_a_dict(changes):
    timers, times = TimerQueue(), {}
    for item, time in changes:
        if time is None:
            timers.discard([item])
            times.pop(item, None)
        else:
            timers.put(item, time)
            times[item] = time

        first = timers.first()
        assert (first is None) == (not times)
        assert first is None or times[first[1]] == first[0] == min(times.values())
        assert set(timers) == set(times)
