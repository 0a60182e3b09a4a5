from hypothesis import given
from hypothesis import strategies as st

from daemon.telemetry.repeats import Repeats, Suppressed


def test_the_first_events_of_a_kind_pass():
    repeats = Repeats(limit=2, window_s=10.0)

    passed = [repeats.admits("a", now=0.0) for _ in range(4)]

    assert passed == [True, True, False, False]


def test_kinds_do_not_limit_each_other():
    repeats = Repeats(limit=1, window_s=10.0)
    repeats.admits("a", now=0.0)

    assert repeats.admits("b", now=0.0)


def test_what_was_left_out_is_told_when_the_window_is_over():
    repeats = Repeats(limit=1, window_s=10.0)
    for _ in range(5):
        repeats.admits("a", now=3.0)

    assert repeats.due(now=12.9) == []
    assert repeats.due(now=13.0) == [Suppressed("a", 4)]
    assert repeats.due(now=99.0) == []


def test_a_new_window_lets_events_pass_again():
    repeats = Repeats(limit=1, window_s=10.0)
    repeats.admits("a", now=0.0)
    repeats.due(now=10.0)

    assert repeats.admits("a", now=10.0)


def test_closing_tells_of_windows_that_are_still_open():
    repeats = Repeats(limit=1, window_s=10.0)
    repeats.admits("a", now=0.0)
    repeats.admits("a", now=0.0)

    assert repeats.close() == [Suppressed("a", 1)]


def test_memory_is_bounded_and_what_is_beyond_it_is_still_counted():
    repeats = Repeats(limit=1, window_s=10.0, most_kinds=2)
    repeats.admits("a", now=0.0)
    repeats.admits("b", now=0.0)

    passed = [repeats.admits(kind, now=0.0) for kind in ("c", "d", "e")]

    assert passed == [True, False, False]
    assert repeats.close() == [Suppressed("others", 2)]


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 5)), max_size=200),
    st.sampled_from([2.0, 9.0]),
)
def test_every_event_is_either_shown_or_counted(arrivals, longest_s):
    repeats = Repeats(limit=3, window_s=2.0, longest_s=longest_s)
    now = shown = told = 0.0
    for kind, pause_s in arrivals:
        now += pause_s
        told += sum(each.times for each in repeats.due(now=now))
        shown += repeats.admits(kind, now=now)

    told += sum(each.times for each in repeats.close())

    assert shown + told == len(arrivals)


def test_what_goes_on_repeating_is_told_of_less_and_less_often():
    repeats = Repeats(limit=1, window_s=10.0, longest_s=30.0)

    shown = []
    for now in range(200):
        repeats.due(now=now)
        if repeats.admits("a", now=now):
            shown.append(now)

    assert shown == [0, 10, 30, 60, 90, 120, 150, 180]


def test_a_kind_that_was_quiet_for_a_window_begins_anew():
    repeats = Repeats(limit=1, window_s=10.0, longest_s=80.0)
    for now in (0, 1):  # left out once: the next window is 20 s
        repeats.admits("a", now=now)
    repeats.due(now=10)
    repeats.due(now=30)

    passed = []
    for now in (30, 31, 40):
        repeats.due(now=now)
        passed.append(repeats.admits("a", now=now))

    assert passed == [True, False, True]
