"""How many workers serve what lanes that open by the clock have waiting. Pure, with memory.

Rule 1 (at once): what is to be served is known, so nothing is felt for: as many as have it answered
within `catch_up`; one while it is not known what a worker serves.
Rule 2 (stay): nobody goes before all is answered: a rebalance costs more than it would save.
Rule 3 (end): then nobody is needed, at once: nothing is due before the next moment.
Rule 4 (unknown): while it is unknown what is to be served, the number stays.
Rule 5 (beside): lanes that are always open need their share besides; workers that wait there for
work help.
"""

import math
from bisect import bisect_left
from collections.abc import Collection, Mapping

from config.settings import Scaling
from daemon.scaling.clocked_lanes import Closed
from daemon.scaling.observation import Partition
from daemon.scaling.policy import Decision, bound_of
from daemon.scaling.serving_time import Means, serving_s

_ROUNDING = 1e-9
"""What a sum of workers may be above a whole number and still be it."""


class WindowWorkers:
    """Decides at each look; the first decision in a window keeps the workers that run."""

    def __init__(self, scaling: Scaling, *, max_workers: int) -> None:
        self._scaling = scaling
        self._most = max_workers
        self._workers: int | None = None

    def decide(
        self, to_serve: Mapping[Partition, int] | None, rate: float | None, running: int
    ) -> Decision:
        """Return how many there should be for `to_serve` records; None is unknown.

        `rate` is what a busy worker serves a second, None when not known; `running` there are now.
        """
        if to_serve is None:
            self._workers = running if self._workers is None else self._workers
            reason = "what is due of lanes that open by the clock is unknown"
            return Decision(self._workers, self._workers, reason, "held until it is known again")
        waiting = sum(to_serve.values())
        before = self._before(waiting, running)
        if waiting <= (0 if before else self._scaling.activation):
            self._workers = 0
            return Decision(0, 0, "nothing waits", "")
        wanted, partitions = self._wanted(to_serve.values(), rate), len(to_serve)
        most = min(self._most, partitions)
        self._workers = max(before, min(wanted, most))
        held = "" if wanted >= before else "nobody goes before all is answered"
        bound = bound_of(wanted, most, partitions)
        return Decision(self._workers, wanted, _reason(waiting, rate), held or bound, bound)

    def _before(self, waiting: int, running: int) -> int:
        if self._workers is None:
            return min(running, self._most) if waiting else 0
        return self._workers

    def _wanted(self, backlogs: Collection[int], rate: float | None) -> int:
        """Return the fewest that are done in time; of more than there are partitions nobody is."""
        if rate is None:
            return 1

        def are_enough(workers: int) -> bool:
            means = Means(workers, rate, self._scaling.utilisation)
            return serving_s(backlogs, means) <= self._scaling.catch_up

        return 1 + bisect_left(range(1, len(backlogs) + 1), x=True, key=are_enough)


def together(always: Decision, clocked: Decision, *, steady: float, most: int) -> Decision:
    """Return what there should be in all: for lanes that are `always` open, and for `clocked` ones.

    `steady`: how many workers the arrivals of the former keep busy; at most `most` in all.
    """
    if not clocked.workers:
        return always
    both = math.ceil(clocked.workers + steady - _ROUNDING)
    workers = max(always.workers, min(most, both))
    reasons = [clocked.reason] + ([always.reason] if always.wanted else [])
    return Decision(
        workers,
        always.wanted + clocked.wanted,
        "; ".join(reasons),
        always.held or clocked.held,
        always.bound or clocked.bound,
    )


def closing(decision: Decision, closed: Collection[Closed]) -> Decision:
    """Say of a fleet that may be at none until when lanes are closed; `closed`: those with requests."""
    if decision.wanted or decision.held or not closed:
        return decision
    return decision._replace(held=f"closed until {min(closed).until}")


def _reason(waiting: int, rate: float | None) -> str:
    known = "is not known yet" if rate is None else f"is {rate:,.0f} records/s"
    return f"{waiting:,} records are served by the clock; what a worker serves {known}"
