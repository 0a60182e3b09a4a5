"""How fast a count grows, and the largest number of a window."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.scaling.sliding_window import SlidingMax, SlidingRate


def _flow(*samples, longest_s=60.0):
    flow = SlidingRate(longest_s)
    for at_s, total in samples:
        flow.see(total, at_s)
    return flow


def test_one_look_is_no_rate():
    assert _flow().rate(15) is None
    assert _flow((0, 100)).rate(15) is None


def test_the_rate_is_taken_over_the_window():
    flow = _flow(*[(second, 10 * second) for second in range(50)], (50, 1_000))

    assert flow.rate(15) == pytest.approx((1_000 - 350) / 15)


def test_a_gap_in_the_looks_makes_the_window_longer_not_the_rate_higher():
    flow = _flow((0, 0), (1, 10), (101, 1_010))

    assert flow.rate(15) == pytest.approx(10)


def test_what_came_in_the_first_look_is_spread():
    assert _flow((0, 0), (1, 1_000)).rate(15) == pytest.approx(200)


def test_a_window_longer_than_the_looks_takes_what_there_is():
    assert _flow((0, 0), (10, 100)).rate(60) == pytest.approx(10)


@given(st.lists(st.floats(0.001, 100), max_size=400))
def test_memory_is_bounded_however_often_it_looks(steps):
    flow, at_s = SlidingRate(60), 0.0
    for step in steps:
        at_s += step
        flow.see(at_s, at_s)

    assert len(flow._samples) <= 60 * 8 + 2


@given(
    st.lists(st.tuples(st.floats(0.1, 50), st.integers(0, 1_000)), min_size=1, max_size=100),
    st.sampled_from([15.0, 60.0]),
)
def test_the_rate_is_never_above_that_of_the_fastest_step(steps, window_s):
    flow, at_s, total = SlidingRate(60), 0.0, 0
    flow.see(total, at_s)
    for step_s, more in steps:
        at_s, total = at_s + step_s, total + more
        flow.see(total, at_s)

    assert 0 <= flow.rate(window_s) <= max(more / step_s for step_s, more in steps) + 1e-6


WINDOW_S = 60.0
looks = st.lists(st.tuples(st.floats(0.1, 40), st.integers(0, 9)), min_size=1, max_size=60)


@given(looks)
def test_it_is_the_largest_seen_within_the_window(steps):
    highest = SlidingMax(WINDOW_S, now=0.0)
    seen, now = [], 0.0
    for passed_s, number in steps:
        now += passed_s
        highest.see(number, now)
        seen.append((now, number))

        assert highest.number == max(each for at, each in seen if at >= now - WINDOW_S)


@given(looks)
def test_it_remembers_each_number_at_most_once(steps):
    highest = SlidingMax(WINDOW_S, now=0.0)
    now = 0.0
    for passed_s, number in steps:
        now += passed_s
        highest.see(number, now)

    assert len(highest._falling) <= len({number for _, number in steps})


def test_it_is_covered_after_a_whole_window():
    highest = SlidingMax(WINDOW_S, now=100.0)

    assert not highest.covered(159.9)
    assert highest.covered(160.0)
