"""What lanes are promised of the executor, checked over random loads."""

import math
from collections import Counter
from typing import NamedTuple

from hypothesis import strategies as st

from daemon.batching.run_times import RunCost
from daemon.values.lane import LanePolicy
from daemon.values.messages import Bucket
from tests.requests import make_request, make_requests
from tests.unit.batching.executor import Executor

EPSILON_S = 1e-9


class Load(NamedTuple):
    """A lane: what it is, what a row costs, and when how many requests arrive."""

    max_rows: int
    linger_s: float
    weight: int
    row_s: float
    arrivals: list[tuple[int, int]]


class ExactRunTimes:
    """Knows what each model's runs take."""

    def __init__(self, row_s):
        self.row_s = row_s

    def observe(self, model, rows, seconds, work_s=None):
        pass

    def expected_s(self, model, rows):
        return self.row_s[model] * rows

    def allowance_s(self, model, rows):
        return self.row_s[model] * rows

    def cost(self, model):
        return RunCost(start_s=0.0, row_s=self.row_s[model])


loads = st.lists(
    st.builds(
        Load,
        max_rows=st.sampled_from([1, 2, 4, 8]),
        linger_s=st.sampled_from([0.0, 0.25, 1.0, 4.0]),
        weight=st.sampled_from([1, 1, 2, 8]),
        row_s=st.sampled_from([0.125, 0.25, 1.0]),
        arrivals=st.lists(st.tuples(st.integers(0, 64), st.integers(1, 12)), max_size=12),
    ),
    min_size=2,
    max_size=4,
)
"""Arrival times in quarter seconds."""

OVERTAKEN = [
    Load(1, 0.0, weight=1, row_s=0.125, arrivals=[(0, 1)]),
    Load(1, 0.0, weight=1, row_s=0.125, arrivals=[(1, 6)]),
    Load(1, 0.0, weight=1, row_s=1.0, arrivals=[(0, 2)]),
    Load(1, 0.0, weight=8, row_s=1.0, arrivals=[(7, 5)]),
]
"""Small batches overtake the one ahead again and again until a heavy lane comes."""


def _policies(some, *, sliced):
    return {
        f"lane{index}": LanePolicy(
            f"lane{index}",
            each.max_rows,
            each.linger_s,
            2**20,
            weight=each.weight,
            patience_s=_patience_s(each) if sliced else math.inf,
        )
        for index, each in enumerate(some)
    }


def _patience_s(load):
    return max(load.linger_s, 0.26)


def _executor(batcher_class, some, *, ahead, foreseen=True, sliced=False):
    row_s = {f"lane{index}": each.row_s for index, each in enumerate(some)}
    run_times = ExactRunTimes(row_s) if foreseen else None
    batcher = batcher_class(_policies(some, sliced=sliced), run_times)
    return Executor(batcher, lambda batch: row_s[batch.bucket.model] * batch.rows, ahead=ahead)


def check_linger(batcher_class, some, *, ahead, sliced=False):
    """Nobody waits beyond T while the executor is free, and everybody leaves once."""
    executor = _executor(batcher_class, some, ahead=ahead, sliced=sliced)
    arrivals = _arrivals(some)

    executor.work(arrivals, until_s=10_000.0)

    offered = [request for _, requests in arrivals for request in requests]
    answered = [request for run in executor.runs for request in run.batch.requests]
    assert sorted(map(id, offered)) == sorted(map(id, answered))
    ended_s = 0.0
    for run in executor.runs:
        if run.began_s > ended_s:  # the executor was free until this run began
            linger_s = some[int(run.batch.bucket.lane[4:])].linger_s
            oldest_s = run.batch.requests[0].arrived_s
            assert run.began_s <= max(oldest_s + linger_s, ended_s)
        ended_s = run.ended_s


def check_patience(batcher_class, some, *, ahead):
    """No run takes longer than every other lane has patience, unless it is of one row."""
    executor = _executor(batcher_class, some, ahead=ahead, sliced=True)

    executor.work(_arrivals(some), until_s=10_000.0)

    for run in executor.runs:
        index = int(run.batch.bucket.lane[4:])
        others_s = [_patience_s(each) for number, each in enumerate(some) if number != index]
        assert run.ended_s - run.began_s <= min(others_s) or run.batch.rows == 1


def check_shares(batcher_class, some, *, ahead, foreseen=True, sliced=False):
    """Lanes that always have a full batch get run time by weight.

    The bound of start-time fair queueing, over any interval: the seconds over weight of two lanes
    differ by no more than one full run of each over its weight.
    """
    executor = _executor(batcher_class, some, ahead=ahead, foreseen=foreseen, sliced=sliced)
    batches = 12 if sliced else 60  # of a sliced one there are up to eight runs
    for index, each in enumerate(some):
        key = Bucket(f"lane{index}", f"lane{index}")
        executor.batcher.offer(make_requests(batches * each.max_rows, bucket=key))

    executor.work([], until_s=batches / 1.2 * min(each.row_s * each.max_rows for each in some))

    full_s = [each.row_s * each.max_rows / each.weight for each in some]
    for first in range(len(executor.runs)):
        got_s = Counter()
        for run in executor.runs[first:]:
            index = int(run.batch.bucket.lane[4:])
            got_s[index] += (run.ended_s - run.began_s) / some[index].weight
            for lane, lane_s in enumerate(full_s):
                assert got_s[index] - got_s[lane] <= full_s[index] + lane_s + EPSILON_S


def check_starvation(batcher_class, some, *, ahead, sliced=False):
    """A lane that stays due runs within the bound that daemon/batching/fair_queue.py states."""
    executor = _executor(batcher_class, some, ahead=ahead, sliced=sliced)
    arrivals = _arrivals(some)

    executor.work(arrivals, until_s=10_000.0)

    full_s = [each.row_s * each.max_rows for each in some]
    for index, each in enumerate(some):
        bound_s = sum(
            full_s[other] + some[other].weight / each.weight * full_s[index]
            for other in range(len(some))
            if other != index
        )
        served_s = 0.0
        for run in executor.runs:
            if run.batch.bucket.lane != f"lane{index}":
                continue
            since_s = max(_due_s(run.batch, each.linger_s), served_s)
            others_s = sum(
                other.ended_s - other.began_s
                for other in executor.runs
                if other is not run and since_s < other.began_s < run.began_s
            )
            assert others_s <= bound_s + EPSILON_S
            served_s = run.began_s


def _due_s(batch, linger_s):
    due_s = batch.requests[0].arrived_s + linger_s
    return min(due_s, batch.requests[-1].arrived_s) if batch.cause == "full" else due_s


def _arrivals(some):
    arrivals = [
        (quarter / 4, [_request(index, quarter / 4) for _ in range(count)])
        for index, each in enumerate(some)
        for quarter, count in each.arrivals
    ]
    return sorted(arrivals, key=lambda arrival: arrival[0])


def _request(index, arrived_s):
    return make_request(bucket=Bucket(f"lane{index}", f"lane{index}"), arrived_s=arrived_s)
