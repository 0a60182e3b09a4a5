"""The largest number of a window."""

from hypothesis import given
from hypothesis import strategies as st

from daemon.scaling.sliding_max import Highest

WINDOW_S = 60.0
looks = st.lists(st.tuples(st.floats(0.1, 40), st.integers(0, 9)), min_size=1, max_size=60)


@given(looks)
def test_it_is_the_largest_seen_within_the_window(steps):
    highest = Highest(WINDOW_S, now=0.0)
    seen, now = [], 0.0
    for passed_s, number in steps:
        now += passed_s
        highest.see(number, now)
        seen.append((now, number))

        assert highest.number == max(each for at, each in seen if at >= now - WINDOW_S)


@given(looks)
def test_it_remembers_each_number_at_most_once(steps):
    highest = Highest(WINDOW_S, now=0.0)
    now = 0.0
    for passed_s, number in steps:
        now += passed_s
        highest.see(number, now)

    assert len(highest._falling) <= len({number for _, number in steps})


def test_it_is_covered_after_a_whole_window():
    highest = Highest(WINDOW_S, now=100.0)

    assert not highest.covered(159.9)
    assert highest.covered(160.0)
