"""How many workers what is to be served by the clock needs, beside what arrives. Pure and without memory.

Rule 1 (beside): what arrives in lanes that are always open takes its part of each worker. As many as
are done in time with what it leaves, whoever gets which partitions; at most as many as both would
need apart.
Rule 2 (unknown): one while it is not known what a worker serves.
"""

import math
from collections.abc import Collection
from typing import NamedTuple

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


class Need(NamedTuple):
    """How many workers; more than there are partitions: not even all are done in time.

    Attributes:
        alone: if nothing arrived.
        both: beside what arrives.
    """

    alone: int
    both: int


def needed(
    backlogs: Collection[int], one: Means | None, beside: Beside, *, within_s: float
) -> Need:
    """Return how many workers like `one`, None: not known, serve `backlogs` within that time."""
    if one is None:
        return Need(1, 1)
    alone = fewest(backlogs, one, within_s=within_s)
    useful = min(alone, len(backlogs))
    apart = math.ceil(useful + beside.steady - _ROUNDING)
    numbers = range(useful, apart)
    both = fewest(backlogs, one, within_s=within_s, numbers=numbers, left=beside.left)
    return Need(alone, both)
