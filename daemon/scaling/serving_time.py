"""How long it takes to serve what waits. Pure.

Rule 1 (share): the most loaded worker decides. Which partitions it gets nobody knows before, so they
are taken to be the fullest.
Rule 2 (rate): a worker serves `utilisation` of what it can, as everywhere.
"""

import heapq
from bisect import bisect_left
from collections.abc import Callable, Collection
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


def fewest(
    backlogs: Collection[int],
    one: Means,
    *,
    within_s: float,
    numbers: range | None = None,
    left: Callable[[int], float] = lambda _: 1.0,
) -> int:
    """Return the first of `numbers` of workers like `one` that serve `backlogs` within that time.

    Where none do, the one after them. By default they are all up to the number of partitions.
    `left`: what so many have left of each of them, at most 0: nothing.
    """

    def are_enough(workers: int) -> bool:
        utilisation = one.utilisation * left(workers)
        means = one._replace(workers=workers, utilisation=utilisation)
        return utilisation > 0 and serving_s(backlogs, means) <= within_s

    numbers = range(1, len(backlogs) + 1) if numbers is None else numbers
    return numbers.start + bisect_left(numbers, x=True, key=are_enough)
