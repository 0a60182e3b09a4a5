"""How long it takes to serve what waits in a lane beside others that want the same workers. Pure.

Rule 1 (arrivals): what arrives in lanes that are always open takes its part of each worker, but for
the turns that this lane gets whatever others have (daemon/batching/fair_queue.py).
Rule 2 (others): what waits in a lane that may be open before the time may be served first, all of it.
Rule 3 (forward): one that is to be ready by a time as well may open before its last moment; by no more
than all that waits takes one worker, in the turns that this lane gets.
"""

from collections.abc import Collection
from typing import NamedTuple

from daemon.scaling.serving_time import Means, serving_s
from daemon.scaling.window_need import NOTHING, Beside


class OtherLane(NamedTuple):
    """What waits in another lane.

    Attributes:
        opens_s: in wall seconds; -inf: it is open.
        backlogs: records by partition.
        is_forward: rule 3.
    """

    opens_s: float
    backlogs: Collection[int]
    is_forward: bool = False


class Others(NamedTuple):
    """What is known of other lanes.

    Attributes:
        turns: the share of a worker's time that this lane gets while all have work, by their weights.
        arriving: in those that are always open.
        lanes: what waits.
    """

    turns: float
    arriving: Beside = NOTHING
    lanes: Collection[OtherLane] = ()


def serving_beside_s(
    backlogs: Collection[int], means: Means, others: Others, *, until_s: float
) -> float:
    """Return how long it takes at most to serve `backlogs`, records by partition, until that time."""
    left = max(others.arriving.left(means.workers), others.turns)
    means = means._replace(utilisation=means.utilisation * left)
    forward_s = _slowest_s(backlogs, means, others)
    return serving_s(backlogs, means) + sum(
        serving_s(lane.backlogs, means)
        for lane in others.lanes
        if lane.opens_s - (forward_s if lane.is_forward else 0.0) < until_s
    )


def _slowest_s(backlogs: Collection[int], means: Means, others: Others) -> float:
    """Return how long all that waits takes one worker."""
    everything = sum(backlogs) + sum(sum(lane.backlogs) for lane in others.lanes)
    slowest = means._replace(workers=1, utilisation=means.utilisation * others.turns)
    return serving_s([everything], slowest)
