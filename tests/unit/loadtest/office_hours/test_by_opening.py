"""A lane by the clock under a supervisor, computed: a worker for each opening."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtest.office_hours.computed.by_opening import OpeningRules, openings
from loadtest.office_hours.computed.day import Cost, Up

RULES = OpeningRules(look_s=1.0, joins_s=3.0, commit_s=0.25, start_s=5.0)
MOMENTS = [100.0, 200.0, 300.0]


def cost(run_s=0.0, *, row_s=0.0, max_rows=64, end_s=0.0):
    return Cost(lambda rows: run_s + row_s * rows, max_rows, 0.0, 0.0, end_s)


def day(times, spent=None, starts_s=(5.0,), rules=RULES):
    return openings(np.array(times), MOMENTS, rules, spent or cost(), starts_s)


@settings(max_examples=60)
@given(
    st.lists(st.floats(0, 300), min_size=1, max_size=60).map(sorted),
    st.floats(0, 40),
    st.floats(0, 5),
    st.lists(st.floats(0, 60), min_size=1, max_size=4),
)
def test_all_are_served_at_their_moment_or_later_by_one_worker_at_a_time(
    times, run_s, end_s, starts_s
):
    spent = cost(run_s, row_s=0.01, max_rows=8, end_s=end_s)
    found = day(times, spent, starts_s)
    moments = np.array(MOMENTS)[np.searchsorted(MOMENTS, times)]
    assert np.all(np.array(times) + found.wait_s >= moments)
    assert all(up.from_s <= up.to_s for up in found.ups)
    assert all(before.to_s <= after.from_s + 1e-9 for before, after in pairwise(found.ups))
    assert found.busy_s <= found.up_s + 1e-6


def test_a_worker_is_asked_for_a_start_before_the_moment_and_ends_with_what_had_come():
    found = day([10.0, 20.0], cost(1.0, row_s=0.5, end_s=2.0))
    # A start, a look and 3 s before 100, seen half a look later; two rows run for 2 s; then the
    # commit and half a look until it is told to end.
    assert found.ups == (Up(91.5, 104.75),)
    assert found.wait_s.tolist() == [92.0, 82.0]
    assert found.busy_s == 2.0


def test_nobody_is_asked_for_where_nothing_waits():
    assert [up.from_s for up in day([10.0, 250.0]).ups] == [91.5, 291.5]


def test_what_comes_shortly_before_the_moment_wakes_its_worker_then():
    assert day([97.0]).ups[0].from_s == 97.5


def test_what_comes_in_a_window_waits_for_the_next_moment():
    found = day([99.0, 100.5], cost(10.0))
    assert (found.wait_s + np.array([99.0, 100.5])).tolist() == [pytest.approx(114.5), 210.0]


def test_a_start_that_takes_longer_than_ever_is_late_and_the_next_ones_allow_for_it():
    found = day([10.0, 150.0, 250.0], starts_s=[12.0, 5.0])
    assert found.wait_s.tolist() == [93.5, 50.0, 50.0]
    assert [up.from_s for up in found.ups] == [91.5, 184.5, 284.5]


def test_a_window_that_is_not_over_keeps_its_worker_for_the_next_one():
    found = day([10.0, 150.0], cost(95.0))
    assert found.ups == (Up(91.5, 295.75),)
    assert found.wait_s.tolist() == [185.0, 145.0]


def test_a_worker_that_is_just_leaving_is_waited_for():
    found = day([10.0, 150.0], cost(90.0, end_s=30.0))
    assert [up.from_s for up in found.ups] == [91.5, pytest.approx(220.75)]
