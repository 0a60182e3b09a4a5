"""How much of a gathered batch runs at once, so that another lane need not wait for all of it. Pure.

A run of r rows is expected to take a + c r seconds (daemon/batching/run_times.py), so a batch of k rows
in s slices takes s a + c k, that is (s - 1) a longer than in one.
Rule 1: a batch is cut so that no slice is expected to take longer than the least patience of the other
lanes. A request of more rows is a slice by itself, whose run is made in as many parts
(daemon/inference/runs.py); it is answered whole.
Rule 2: it is not cut so finely that it takes more than LOSS longer. So a model that gains from batches
(a is much of a run) is not cut at all: there only N bounds how long another lane waits.
Rule 3: nothing is cut while a and c are not known, nor where there is no other lane.
Rule 4: where runs are filled up to few numbers of rows (ladder.py), slices have one of those.
Rule 5: requests whose deadlines come first are in the first slices: other lanes may run in between.
"""

import math
from collections.abc import Mapping, Sequence
from operator import attrgetter

from daemon.batching.run_times import RunCost, RunTimes
from daemon.values.lane import LanePolicy
from daemon.values.messages import Bucket, Request
from daemon.values.request_run import in_runs

LOSS = 0.03
"""Share of a batch's time. In simulation an urgent lane that no longer waits took 1 to 2 % more for its
own batches, which get smaller: together the lane that is cut keeps 95 %."""
HAND_OVER_S = 0.00015
"""What a run costs beside its time: daemon/inference/short_runs.py."""

_DEADLINE = attrgetter("expires_s")


class Slices:
    """Cuts the batches of some lanes, by what runs of their models were seen to take."""

    def __init__(self, lanes: Mapping[str, LanePolicy], run_times: RunTimes) -> None:
        self._run_times = run_times
        own_s = {name: policy.patience_s for name, policy in lanes.items()}
        self._patience_s = {name: least_patience_s(own_s, name) for name in lanes}

    def cut(self, bucket: Bucket, requests: Sequence[Request]) -> Sequence[Sequence[Request]]:
        """Return the slices of a batch, in the order in which they are to run."""
        cost = self.cost(bucket)
        if cost is None or len(requests) == 1:
            return [requests]
        rows = sum([each.rows for each in in_runs(requests)])
        most_rows = slice_rows(rows, cost, self.patience_s(bucket))
        if most_rows >= rows:
            return [requests]
        most, first = most_slices(rows, cost), sorted(requests, key=_DEADLINE)
        while len(slices := _filled(first, most_rows)) > most:
            most_rows = cost.ladder.up(2 * most_rows)
        return slices

    def rows_at_once(self, bucket: Bucket, rows: int) -> int:
        """Return how many of the `rows` of one request are to run at once."""
        cost = self.cost(bucket)
        return rows if cost is None else slice_rows(rows, cost, self.patience_s(bucket))

    def allowance_s(self, bucket: Bucket, rows: int) -> float:
        """Return the seconds to leave for a batch of `rows` whose last slice must end in time."""
        at_once = self.rows_at_once(bucket, rows)
        return math.ceil(rows / at_once) * self._run_times.allowance_s(bucket.model, at_once)

    def patience_s(self, bucket: Bucket) -> float:
        """Return how long a run should take at most, inf where nobody else waits."""
        return self._patience_s[bucket.lane]

    def cost(self, bucket: Bucket) -> RunCost | None:
        """Return what a run costs with its hand-over, None where batches are not to be cut."""
        if self.patience_s(bucket) == math.inf:
            return None
        cost = self._run_times.cost(bucket.model)
        return None if cost is None else with_hand_over(cost)


def least_patience_s(patience_s: Mapping[str, float], lane: str) -> float:
    """Return how long a run of `lane` should take at most, by the patience of all; inf where it is alone."""
    return min((each for name, each in patience_s.items() if name != lane), default=math.inf)


def with_hand_over(cost: RunCost) -> RunCost:
    """Return what a run costs with its hand-over to the thread of its model."""
    return cost._replace(start_s=cost.start_s + HAND_OVER_S)


def slice_rows(rows: int, cost: RunCost, most_s: float) -> int:
    """Return how many of a batch of `rows` are to run at once, where none should take over `most_s`."""
    slices = min(_wanted_slices(rows, cost, most_s), most_slices(rows, cost))
    return rows if slices == 1 else _on_a_rung(math.ceil(rows / slices), rows, cost)


def most_slices(rows: int, cost: RunCost) -> int:
    """Return into how many slices a batch of `rows` may be cut: rule 2."""
    spare_s = LOSS * cost.at(rows)
    return rows if spare_s >= (rows - 1) * cost.start_s else 1 + int(spare_s / cost.start_s)


def loss(rows: int, cost: RunCost, most_s: float) -> float:
    """Return by what share a batch of `rows` would take longer, were it cut whatever that costs."""
    return (_wanted_slices(rows, cost, most_s) - 1) * cost.start_s / cost.at(rows)


def _on_a_rung(at_once: int, rows: int, cost: RunCost) -> int:
    """Return the rung below `at_once` of `rows`, or the next one where that would be cut too finely."""
    fewer, more = cost.ladder.down(at_once), cost.ladder.up(at_once)
    return min(fewer if math.ceil(rows / fewer) <= most_slices(rows, cost) else more, rows)


def _wanted_slices(rows: int, cost: RunCost, most_s: float) -> int:
    if cost.at(rows) <= most_s:
        return 1
    fitting_rows = (most_s - cost.start_s) / cost.row_s if cost.row_s > 0 else 0.0
    return math.ceil(rows / int(min(max(fitting_rows, 1.0), rows)))


def _filled(requests: Sequence[Request], most_rows: int) -> Sequence[list[Request]]:
    slices: list[list[Request]] = []
    room = 0
    for request in requests:
        if request.rows > room:
            slices.append([])
            room = most_rows
        slices[-1].append(request)
        room -= request.rows
    return slices
