"""Lanes share the executor: by weight, none starves, none waits beyond T while it is free."""

import pytest
from hypothesis import example, given

from daemon.batching.batcher import Batcher
from tests.unit.batching import sharing

ahead = pytest.mark.parametrize("ahead", [False, True], ids=["one at a time", "one ahead"])
sliced = pytest.mark.parametrize("sliced", [False, True], ids=["whole batches", "in slices"])


@ahead
@sliced
@given(some=sharing.loads)
def test_nobody_waits_beyond_linger_while_the_executor_is_free(ahead, sliced, some):
    sharing.check_linger(Batcher, some, ahead=ahead, sliced=sliced)


@ahead
@sliced
@given(some=sharing.loads)
def test_lanes_that_are_always_full_share_by_weight(ahead, sliced, some):
    sharing.check_shares(Batcher, some, ahead=ahead, sliced=sliced)


@given(some=sharing.loads)
def test_shares_are_of_real_time_when_runs_take_longer_than_expected(some):
    sharing.check_shares(Batcher, some, ahead=False, foreseen=False)


@ahead
@sliced
@given(some=sharing.loads)
@example(some=sharing.OVERTAKEN)
def test_a_lane_that_stays_due_is_not_starved(ahead, sliced, some):
    sharing.check_starvation(Batcher, some, ahead=ahead, sliced=sliced)


@ahead
@given(some=sharing.loads)
def test_no_run_takes_longer_than_other_lanes_have_patience(ahead, some):
    sharing.check_patience(Batcher, some, ahead=ahead)
