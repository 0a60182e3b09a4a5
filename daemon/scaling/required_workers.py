"""How many workers a load needs. Pure and without memory.

Rule 1 (need): arrivals need rate / utilisation, what waits needs backlog / catch_up; both over the
service rate, in workers. What gathers until starting workers serve counts as waiting already. What
is in flight by design (rate * batching_s) is no backlog.
Rule 2 (shares): of all numbers with the same largest share of partitions the fewest is taken, as
long as arrivals take at most nine tenths of the worker that has it; else the next that fits.
Rule 3 (bounds): at most as many as there are partitions, and max_workers.
Rule 4 (skew): a backlog needs no more workers than there are partitions that have one and move.
"""

import math
from typing import NamedTuple

from config.settings import Scaling
from daemon.scaling.alignment import aligned, capacity, fitting
from daemon.scaling.load import Load

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


def planned(load: Load, rate: float, gathering_s: float, scaling: Scaling, most: int) -> Plan:
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


def enough(load: Load, rate: float, workers: int, gathering_s: float, scaling: Scaling) -> bool:
    """Whether `workers` take what arrives and serve what waits within `catch_up`."""
    able = rate * capacity(workers, load.partitions)
    spare = able - load.arrival_rate
    fits = load.arrival_rate <= _full(scaling) * able
    return fits and _waiting(load, gathering_s) <= spare * scaling.catch_up


def roomy(load: Load, rate: float, scaling: Scaling) -> int:
    """Return the fewest workers of whom arrivals take at most `utilisation`."""
    return fitting(load.arrival_rate / rate / scaling.utilisation, load.partitions)


def _waiting(load: Load, gathering_s: float) -> float:
    return load.backlog + load.arrival_rate * gathering_s


def _full(scaling: Scaling) -> float:
    return max(_FULL, scaling.utilisation)
