"""Slices where other work on the machine delays runs: they take longer for it, and never shorter."""

import math
import random
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.batching.batcher import Batcher
from daemon.batching.run_times import RunCost, RunTimes
from daemon.batching.slices import LOSS, most_slices, with_hand_over
from daemon.values.lane import LanePolicy
from daemon.values.messages import Bucket
from tests.requests import make_request, make_requests
from tests.unit.batching.executor import Executor

STANDARD, URGENT = Bucket("standard", "filetype"), Bucket("urgent", "filetype")
FULL_ROWS = 64
PATIENCE_S = 0.05
LANES = {
    "standard": LanePolicy("standard", FULL_ROWS, 30.0, 1 << 20, patience_s=30.0),
    "urgent": LanePolicy("urgent", 8, 0.02, 1 << 20, weight=8, patience_s=PATIENCE_S),
}
ROWS_ALONE = RunCost(start_s=0.0, row_s=0.012)
START_AND_ROWS = RunCost(start_s=0.004, row_s=0.004)
MOSTLY_START = RunCost(start_s=0.05, row_s=0.0005)


class Delays(NamedTuple):
    """Others take the processor of a run so many times a second, for so long on average.

    `jitter` is how much the work of runs itself differs, as a share.
    """

    per_s: float
    mean_s: float
    seed: int
    jitter: float = 0.0


class Machine:
    """Runs of a model with this `cost`, beside other work."""

    def __init__(self, cost, delays):
        self._cost = cost
        self._delays = delays
        self._random = random.Random(delays.seed)
        self.work_s = 0.0
        """Of the latest run."""

    def run_s(self, rows):
        self.work_s = self._cost.at(rows) * self._random.lognormvariate(0.0, self._delays.jitter)
        delayed_s, next_s = 0.0, self._next_s()
        while next_s < self.work_s:
            delayed_s += self._random.expovariate(1 / self._delays.mean_s)
            next_s += self._next_s()
        return self.work_s + delayed_s

    def _next_s(self):
        return self._random.expovariate(self._delays.per_s)


def serve(cost, delays, *, batches=4):
    """Serve as many full standard batches beside urgent requests; return the rows of standard runs."""
    machine, run_times = Machine(cost, delays), RunTimes()
    for rows in [1, 2, 4, 8, 16, 32, FULL_ROWS]:
        run_times.observe("filetype", rows, machine.run_s(rows), machine.work_s)
    batcher = Batcher(LANES, run_times)
    executor = Executor(
        batcher,
        lambda batch: machine.run_s(batch.rows),
        work_s=lambda batch: machine.work_s,
        ahead=False,
    )
    batcher.offer(make_requests(batches * FULL_ROWS, bucket=STANDARD))
    arrivals = [
        (each / 10, [make_request(bucket=URGENT, arrived_s=each / 10)]) for each in range(200)
    ]
    executor.work(arrivals, until_s=600.0)
    return [run.batch.rows for run in executor.runs if run.batch.bucket == STANDARD]


delays = st.builds(
    Delays,
    per_s=st.sampled_from([0.1, 5.0, 40.0, 60.0]),
    mean_s=st.sampled_from([0.005, 0.025, 0.1]),
    seed=st.integers(0, 2**32),
    jitter=st.just(0.0),
)


@given(delays)
def test_rows_that_gain_nothing_run_as_few_together_as_patience_asks_from_the_first_batch_on(some):
    assert max(serve(ROWS_ALONE, some)) <= PATIENCE_S / ROWS_ALONE.row_s


@given(delays)
def test_a_start_is_paid_no_more_often_than_may_be_lost(some):
    most = most_slices(FULL_ROWS, with_hand_over(START_AND_ROWS))

    assert len(serve(START_AND_ROWS, some, batches=4)) <= 4 * most


@given(delays)
def test_a_batch_that_gains_stays_whole(some):
    assert set(serve(MOSTLY_START, some)) == {FULL_ROWS}


@pytest.mark.parametrize("seed", range(8))
def test_runs_whose_work_differs_too_are_cut_as_finely(seed):
    """By 5 %, as the processor time of small runs does."""
    crowded = Delays(60.0, 0.05, seed, jitter=0.05)

    assert max(serve(ROWS_ALONE, crowded)) <= 2 * PATIENCE_S / ROWS_ALONE.row_s


@pytest.mark.parametrize("seed", range(8))
def test_starts_cost_little_more_than_may_be_lost_where_work_differs_too(seed):
    slices = serve(START_AND_ROWS, Delays(60.0, 0.05, seed, jitter=0.05), batches=20)

    lost_s = (len(slices) - 20) * START_AND_ROWS.start_s
    assert lost_s <= 1.5 * LOSS * 20 * START_AND_ROWS.at(FULL_ROWS)
    assert math.fsum(slices) == 20 * FULL_ROWS
