"""How many workers a load needs. Pure and without memory.

Rule 1 (need): arrivals need rate / utilisation, what waits needs backlog / catch_up; both over the
service rate, in workers. What gathers until starting workers serve counts as waiting already. What
is in flight by design (rate * batching_s) is no backlog.
Rule 2 (shares): of all numbers with the same largest share of partitions the fewest is taken, as
long as arrivals take at most nine tenths of the worker that has it; else the next that fits.
Rule 3 (bounds): at most as many as there are partitions, and max_workers.
Rule 4 (skew): a backlog needs no more workers than there are partitions that have one and move.

A partition belongs to one worker, so the most loaded worker has ceil(partitions / workers) of them
and decides how much the group can serve: 7 workers of 24 partitions serve no more than 6.
"""

import math
from typing import NamedTuple

from config.settings import Scaling


class GroupLoad(NamedTuple):
    """The group's work as it is seen from outside.

    Attributes:
        arrival_rate: records/s, the largest of the last 15 s, the last 60 s and, less twice its
            standard error, the last 5 s: a jump is seen soon, a few records are no jump.
        lag: records without a committed answer, of all partitions; None is unknown and holds.
        lagging: partitions with lag, the stuck ones among them.
        partitions: all of them; 0 is unknown and holds.
        stuck: partitions that have lag and do not move; none while no worker runs.
        service_rate: records/s that one busy worker serves; None is not known yet.
        batching_s: how long a record is in flight by design: linger, run and commit.
        arrived_s: monotonic seconds at which a log end was last seen to have moved.
        workers: serving or starting now. The policy remembers what it decided and needs this at its
            first decision, and to judge what a step up brought.
        stuck_lag: records of `lag` that are in stuck partitions.
        served_rate: records/s by which all commits together advanced within the last 15 s; None is
            unknown, and then no step up is judged.
        waiting_s: until something of what waits is due, inf when nothing waits; see gathering.py.
        spare_s: for how long nobody is needed, as far as can be seen; 0 where it does not sleep.
        start_s: from asking for the first worker until it is there.
        wall_s: seconds since 1970, for people.
    """

    arrival_rate: float
    lag: int | None
    lagging: int
    partitions: int
    stuck: int
    service_rate: float | None
    batching_s: float
    arrived_s: float
    workers: int
    stuck_lag: int = 0
    served_rate: float | None = None
    waiting_s: float = 0.0
    spare_s: float = 0.0
    start_s: float = 0.0
    wall_s: float = 0.0

    @property
    def moving_lag(self) -> int:
        """Records that more workers could serve."""
        return max(0, (self.lag or 0) - self.stuck_lag)

    @property
    def backlog(self) -> float:
        """Of these, records beyond what is in flight by design."""
        return max(0.0, self.moving_lag - self.arrival_rate * self.batching_s)


_FULL = 0.9
"""Most that arrivals may take of the most loaded worker. In the simulation 8 workers that 700
records/s keep busy for 88 % let them wait for 2.5 s at p95, 12 for 1.5 s."""

_ROUNDING = 1e-9
"""What a need may be above a whole number and still be it."""


class Plan(NamedTuple):
    """Where the number should go if nothing held it.

    Attributes:
        target: the number, within its bounds and in even shares.
        wanted: the number before that.
        reason: why that many, one line for a person.
    """

    target: int
    wanted: int
    reason: str


def planned(load: GroupLoad, rate: float, gathering_s: float, scaling: Scaling, most: int) -> Plan:
    """Return the number for `load`, at least 1 and at most `most`.

    Args:
        load: with known lag and partitions.
        rate: records/s that a busy worker serves.
        gathering_s: until the workers that start now serve.
        scaling: the settings.
        most: workers there may be.
    """
    steady = load.arrival_rate / scaling.utilisation / rate
    waiting = _waiting(load, gathering_s) / scaling.catch_up / rate
    wanted = max(1, math.ceil(steady + waiting - _ROUNDING))
    moving = max(1, load.lagging - load.stuck)
    useful = min(wanted, max(math.ceil(steady - _ROUNDING), moving))
    least = aligned(max(1, min(useful, most)), load.partitions)
    fits = fitting(load.arrival_rate / rate / _full(scaling), load.partitions)
    target = min(max(least, fits), aligned(most, load.partitions))
    reason = (
        f"{load.arrival_rate:,.0f} records/s need {steady:.1f} workers of {rate:,.0f} records/s,"
        f" {load.backlog:,.0f} waiting records {waiting:.1f} more"
    )
    return Plan(target, wanted, reason)


def enough(
    load: GroupLoad, rate: float, workers: int, gathering_s: float, scaling: Scaling
) -> bool:
    """Whether `workers` take what arrives and serve what waits within `catch_up`."""
    able = rate * capacity(workers, load.partitions)
    spare = able - load.arrival_rate
    fits = load.arrival_rate <= _full(scaling) * able
    return fits and _waiting(load, gathering_s) <= spare * scaling.catch_up


def roomy(load: GroupLoad, rate: float, scaling: Scaling) -> int:
    """Return the fewest workers of whom arrivals take at most `utilisation`."""
    return fitting(load.arrival_rate / rate / scaling.utilisation, load.partitions)


def _waiting(load: GroupLoad, gathering_s: float) -> float:
    return load.backlog + load.arrival_rate * gathering_s


def _full(scaling: Scaling) -> float:
    return max(_FULL, scaling.utilisation)


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
