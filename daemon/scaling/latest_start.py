"""When workers have to be asked for so that what waits is answered by a moment. Pure.

Rule 1 (share): the most loaded worker decides. Which partitions it gets nobody knows before, so they
are taken to be the fullest.
Rule 2 (rate): a worker serves `utilisation` of what it can, as everywhere.
Rule 3 (anew): nothing is forecast. What arrives is in the backlog of the next look, which moves the
start forward; so a margin has to last for one look and what arrives until the next. The last batch
of a worker, which is seldom full, is the margin's as well.
"""

import heapq
import math
from collections.abc import Collection
from typing import NamedTuple

from daemon.scaling.required_workers import share


class Means(NamedTuple):
    """What there may be to serve with.

    Attributes:
        workers: as many as there may be, at least 1.
        rate: records/s that one busy worker serves.
        utilisation: share of it that is counted on.
        start_s: until workers that are asked for now serve; 0 where they are up.
    """

    workers: int
    rate: float
    utilisation: float
    start_s: float


def serving_s(backlogs: Collection[int], means: Means) -> float:
    """Return how long it takes at most to serve `backlogs`, which are records by partition."""
    if not backlogs:
        return 0.0
    fullest = heapq.nlargest(share(means.workers, len(backlogs)), backlogs)
    return sum(fullest) / (means.rate * means.utilisation)


def latest_start_s(
    ready_by_s: float, backlogs: Collection[int], means: Means, *, margin_s: float
) -> float:
    """Return when to ask for workers at the latest, by the clock of `ready_by_s`; inf: never.

    It may have passed: then the moment is missed by as much, less the margin.
    """
    if not any(backlogs):
        return math.inf
    return ready_by_s - margin_s - means.start_s - serving_s(backlogs, means)
