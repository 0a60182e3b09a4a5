"""How many workers serve what lanes that open by the clock have waiting. Pure, with memory.

How many that needs is said by window_need.py; here is when the number follows it.

Rule 1 (at once): what is to be served is known, so nothing is felt for: as many as have it answered
within `catch_up`.
Rule 2 (stay): nobody goes before all is answered: a rebalance costs more than it would save.
Rule 3 (end): then nobody is needed, at once: nothing is due before the next moment.
Rule 4 (unknown): while it is unknown what is to be served, the number stays.
"""

import math
from collections.abc import Collection, Mapping

from config.settings import Scaling
from daemon.scaling.clocked_lane import Closed
from daemon.scaling.observation import Partition
from daemon.scaling.policy import Decision, bound_of
from daemon.scaling.serving_time import Means
from daemon.scaling.window_need import NOTHING, Beside, needed


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
        partitions = len(to_serve)
        one = None if rate is None else Means(1, rate, self._scaling.utilisation)
        within_s = min(within_s, self._scaling.catch_up)
        need = needed(to_serve.values(), one, beside, within_s=within_s)
        most = min(self._most, partitions + beside.partitions)
        self._workers = max(before, min(need.both, most))
        wanted = max(need)
        held = "" if wanted >= before else "nobody goes before all is answered"
        alone = bound_of(need.alone, min(most, partitions), partitions)
        bound = alone or bound_of(need.both, most, 0)
        return Decision(self._workers, wanted, _reason(waiting, rate), held or bound, bound)

    def _before(self, waiting: int, running: int) -> int:
        if self._workers is None:
            return min(running, self._most) if waiting else 0
        return self._workers


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
