"""Numbers of workers that partitions can be shared by evenly. Pure.

A partition belongs to one worker, so the most loaded worker has ceil(partitions / workers) of them
and decides how much the group can serve: 7 workers of 24 partitions serve no more than 6.
"""

import math

_ROUNDING = 1e-9
"""What a float may be off by before a whole number is taken for the next."""


def share(workers: int, partitions: int) -> int:
    """Return how many partitions the most loaded of `workers` has; both at least 1."""
    return math.ceil(partitions / workers)


def aligned(workers: int, partitions: int) -> int:
    """Return the fewest workers with the same largest share.

    Apache Flink's autoscaler aligns to source partitions by the same share, upwards.
    """
    return math.ceil(partitions / share(workers, partitions))


def capacity(workers: int, partitions: int) -> float:
    """Return how many full workers' work the group can do when all partitions are loaded alike."""
    return partitions / share(workers, partitions)


def fitting(load: float, partitions: int) -> int:
    """Return the fewest workers whose capacity is at least `load`, in workers; all at most."""
    if load <= _ROUNDING:
        return 1
    largest = math.floor(partitions / load + _ROUNDING)
    return math.ceil(partitions / max(1, largest))
