"""One day in four ways. Pure."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from loadtest.office_hours.computed import by_clock
from loadtest.office_hours.computed.by_load import Rules, follow
from loadtest.office_hours.computed.day import BY_SECOND, Cost, Day
from loadtest.office_hours.computed.hours import HOUR_S, Hours
from loadtest.report import words
from loadtest.scenario.rates import Times

SOON_S = 2.0
"""T under `supervise`, as the lane standard of examples/filetype has it."""
SUPERVISED = Rules([SOON_S], look_s=0.5, commit_s=0.25, idle_s=60.0)
"""By default scaling.interval is 1 s, kafka.commit_interval 500 ms (half of each on average) and
scaling.idle 60 s."""


class Way(NamedTuple):
    """A way to serve the day, and what comes of it."""

    name: str
    day: Day
    is_own: bool = True
    """Whether the machine is there for this alone."""


class Comparison(NamedTuple):
    """The day of one model; the first of its ways is a machine that is always up."""

    model: str
    busiest: float
    ways: tuple[Way, ...]

    def times_less(self, way: Way) -> float:
        """Return how many times fewer machine-hours it takes than the machine always up."""
        return BY_SECOND.hours(self.ways[0].day.ups) / BY_SECOND.hours(way.day.ups)

    @property
    def is_too_much(self) -> bool:
        """Whether one by one is more than one machine can do in the busiest hour."""
        return self.busiest > 1


def compare(
    model: str, hours: Hours, times_s: Times, lingers_s: tuple[float, float], cost: Cost
) -> Comparison:
    """Return the day of `hours`, whose requests come at `times_s`, by the cost of `model`.

    `lingers_s`: between two batches by day and at night. Raises ValueError as by_clock.ticks_s.
    """
    ticks = by_clock.ticks_s(*lingers_s)
    by_day, at_night = (words.seconds(linger_s) for linger_s in lingers_s)
    batches = f"by the clock: {by_day} by day, {at_night} at night"
    one_lane = np.zeros(len(times_s), np.int32)
    ways = (
        Way("one by one, always up", by_clock.one_by_one(times_s, cost)),
        Way(
            f"supervise, T = {SOON_S:g} s: none while idle",
            follow(times_s, one_lane, SUPERVISED, cost),
        ),
        Way(batches, by_clock.batches(times_s, ticks, cost)),
        Way(
            "the same, on a machine that is up anyway",
            by_clock.batches(times_s, ticks, cost._replace(boot_s=0.0)),
            is_own=False,
        ),
    )
    return Comparison(model, max(hours) * cost.run_s(1) / HOUR_S, ways)


def constant(run_s: float) -> Callable[[float], float]:
    """Return a run time of `run_s` for each row: batches gain nothing."""
    return lambda rows: run_s * rows
