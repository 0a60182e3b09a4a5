"""How long it takes to serve what waits. Pure.

Rule 1 (share): the most loaded worker decides. Which partitions it gets nobody knows before, so they
are taken to be the fullest.
Rule 2 (rate): a worker serves `utilisation` of what it can, as everywhere.
"""

import heapq
from collections.abc import Collection
from typing import NamedTuple

from daemon.scaling.required_workers import share


class Means(NamedTuple):
    """What there is to serve with.

    Attributes:
        workers: at least 1.
        rate: records/s that one busy worker serves.
        utilisation: share of it that is counted on.
    """

    workers: int
    rate: float
    utilisation: float


def serving_s(backlogs: Collection[int], means: Means) -> float:
    """Return how long it takes at most to serve `backlogs`, which are records by partition."""
    if not backlogs:
        return 0.0
    fullest = heapq.nlargest(share(means.workers, len(backlogs)), backlogs)
    return sum(fullest) / (means.rate * means.utilisation)
