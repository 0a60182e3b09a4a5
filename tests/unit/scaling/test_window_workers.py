"""How many workers serve a window, and what arrives beside it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.scaling.window_need import NOTHING, Beside
from daemon.scaling.window_workers import WindowWorkers, together
from tests.unit.scaling.sights import settings

CATCH_UP_S = 60.0
RATE = 100.0

backlogs = st.lists(st.integers(0, 9_000), min_size=1, max_size=12)
besides = st.builds(Beside, st.floats(0.0, 8.0), st.integers(1, 12))


def needed(waiting, beside=NOTHING, *, rate=RATE, running=0, most=100):
    """How many there should be for backlogs of one partition each."""
    scaling = settings(scaling={"catch_up": CATCH_UP_S, "utilisation": 1.0}).scaling
    to_serve = {("documents", number): lag for number, lag in enumerate(waiting)}
    return WindowWorkers(scaling, max_workers=most).decide(to_serve, rate, running, beside)


def slowest_s(waiting, beside, workers):
    """How long it takes who has both the fullest partitions and most of what arrives."""
    fullest = sorted(waiting)[-math.ceil(len(waiting) / workers) :]
    arriving = beside.steady * math.ceil(beside.partitions / workers) / beside.partitions
    return math.inf if arriving >= 1 else sum(fullest) / RATE / (1 - arriving)


@pytest.mark.parametrize(
    ("steady", "workers"), [(0.0, 1), (0.01, 1), (0.3, 1), (0.34, 2), (1.0, 2), (1.4, 3), (2.0, 3)]
)
def test_what_arrives_beside_a_window_is_served_by_what_it_leaves_of_a_worker(steady, workers):
    """4,000 records take one worker 40 s of 60: a third of it is left."""
    assert needed([1_000] * 4, Beside(steady, 8)).workers == workers


def test_one_partition_is_one_workers_whatever_else_there_is():
    assert needed([3_000] * 4, Beside(0.5, 1)).workers == 3


def test_in_a_window_nobody_goes_though_less_arrives_beside_it():
    scaling = settings(scaling={"catch_up": CATCH_UP_S, "utilisation": 1.0}).scaling
    workers = WindowWorkers(scaling, max_workers=100)
    to_serve = {("documents", 0): 5_000}
    begun = workers.decide(to_serve, RATE, 0, Beside(2.0, 8)).workers

    assert workers.decide(to_serve, RATE, begun, Beside(0.1, 8)).workers == begun == 3


def test_who_begins_in_a_window_asks_for_nobody_beside_those_who_run():
    assert needed([100], Beside(1.5, 8), running=6).workers == 6


@pytest.mark.parametrize("beside", [NOTHING, Beside(0.4, 8)])
def test_one_serves_it_while_it_is_not_known_what_a_worker_serves(beside):
    assert needed([9_000] * 4, beside, rate=None).workers == 1


def test_what_bounds_it_is_said_beside_others_too():
    assert needed([9_000] * 4, Beside(0.4, 8)).bound == "there are 4 partitions"
    assert needed([3_000] * 4, Beside(3.0, 8), most=4).bound == "at most 4 may run"


def test_lanes_that_are_always_open_keep_those_that_they_need_for_what_waits():
    always, window = needed([6_000] * 5), needed([100], Beside(0.4, 8))

    both = together(always, window, most=24)

    assert (both.workers, both.wanted) == (5, 5)
    assert together(always, needed([6_000] * 9), most=7).workers == 7


@given(backlogs.filter(any), besides)
def test_both_together_never_need_more_than_each_alone(waiting, beside):
    apart = math.ceil(needed(waiting).workers + beside.steady)

    assert needed(waiting).workers <= needed(waiting, beside).workers <= apart


@given(backlogs.filter(any), besides)
def test_fewer_are_done_in_time_whoever_gets_which_partitions(waiting, beside):
    apart = math.ceil(needed(waiting).workers + beside.steady - 1e-9)
    workers = needed(waiting, beside).workers

    in_time = slowest_s(waiting, beside, workers) <= CATCH_UP_S * (1 + 1e-9)
    assert in_time or workers == min(apart, len(waiting) + beside.partitions)


@given(backlogs.filter(any), besides, st.floats(0.0, 4.0))
def test_more_that_arrives_never_needs_fewer(waiting, beside, more):
    busier = beside._replace(steady=beside.steady + more)

    assert needed(waiting, busier).workers >= needed(waiting, beside).workers
