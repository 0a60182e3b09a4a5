"""How many workers serve what lanes that open by the clock have waiting. Pure, with memory.

Rule 1 (at once): what is to be served is known, so nothing is felt for: as many as have it answered
within `catch_up`; one while it is not known what a worker serves.
Rule 2 (stay): nobody goes before all is answered: a rebalance costs more than it would save.
Rule 3 (end): then nobody is needed, at once: nothing is due before the next moment.
Rule 4 (unknown): while it is unknown what is to be served, the number stays.
Rule 5 (beside): what arrives in lanes that are always open takes its part of each worker. As many as
are done within `catch_up` with what it leaves, whoever gets which partitions; at most as many as
both would need apart.
"""

import math
from collections.abc import Collection, Mapping
from typing import NamedTuple

from config.settings import Scaling
from daemon.scaling.clocked_lanes import Closed
from daemon.scaling.observation import Partition
from daemon.scaling.policy import Decision, bound_of
from daemon.scaling.required_workers import share
from daemon.scaling.serving_time import Means, fewest

_ROUNDING = 1e-9
"""What a sum of workers may be above a whole number and still be it."""


class Beside(NamedTuple):
    """What arrives in lanes that are always open.

    Attributes:
        steady: how many workers it keeps busy.
        partitions: over which it is spread.
    """

    steady: float
    partitions: int

    def left(self, workers: int) -> float:
        """Return what it leaves of the one of `workers` who has most of it; at most 0: nothing."""
        if not self.partitions:
            return 1.0
        return 1.0 - self.steady * share(workers, self.partitions) / self.partitions


NOTHING = Beside(0.0, 0)


class WindowWorkers:
    """Decides at each look; the first decision in a window keeps the workers that run."""

    def __init__(self, scaling: Scaling, *, max_workers: int) -> None:
        self._scaling = scaling
        self._most = max_workers
        self._workers: int | None = None

    def decide(
        self,
        to_serve: Mapping[Partition, int] | None,
        rate: float | None,
        running: int,
        beside: Beside = NOTHING,
        *,
        within_s: float = math.inf,
    ) -> Decision:
        """Return how many there should be for `to_serve` records, and for what arrives `beside`.

        None is unknown. `rate` is what a busy worker serves a second, None when not known;
        `running` there are now. It is to be done `within_s` where that is less than `catch_up`.
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
        backlogs, partitions = to_serve.values(), len(to_serve)
        within_s = min(within_s, self._scaling.catch_up)
        alone = self._fewest(backlogs, rate, range(1, partitions + 1), NOTHING, within_s)
        useful = min(alone, partitions)
        apart = math.ceil(useful + beside.steady - _ROUNDING)
        both = self._fewest(backlogs, rate, range(useful, apart), beside, within_s)
        most = min(self._most, partitions + beside.partitions)
        self._workers = max(before, min(both, most))
        wanted = max(alone, both)
        held = "" if wanted >= before else "nobody goes before all is answered"
        bound = bound_of(alone, min(most, partitions), partitions) or bound_of(both, most, 0)
        return Decision(self._workers, wanted, _reason(waiting, rate), held or bound, bound)

    def _before(self, waiting: int, running: int) -> int:
        if self._workers is None:
            return min(running, self._most) if waiting else 0
        return self._workers

    def _fewest(
        self,
        backlogs: Collection[int],
        rate: float | None,
        numbers: range,
        beside: Beside,
        within_s: float,
    ) -> int:
        """Return the first of `numbers` that are done in time; if none are, the one after them."""
        if rate is None:
            return numbers.start
        one = Means(1, rate, self._scaling.utilisation)
        return fewest(backlogs, one, within_s=within_s, numbers=numbers, left=beside.left)


def together(always: Decision, clocked: Decision, *, most: int) -> Decision:
    """Return what there should be in all: for lanes that are `always` open, and for `clocked` ones.

    The latter includes what arrives in the former, but not what waits there; at most `most`.
    """
    if not clocked.workers:
        return always
    reasons = [clocked.reason] + ([always.reason] if always.wanted else [])
    return Decision(
        max(always.workers, min(most, clocked.workers)),
        max(always.wanted, clocked.wanted),
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
