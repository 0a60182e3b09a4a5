"""The loads that are replayed: how many records arrive at each partition in each step."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from studies.scaling.site import Site

STEP_S = 0.25
"""Length of a step; shorter than the shortest run of a batch."""

_SEED = 20_240_601
"""Any; the same arrivals meet every rule, at every replay."""


def _nothing(_: float) -> float:
    return 0.0


class Pattern(NamedTuple):
    """A load of `hours`, by its rate in records/s at a time in seconds."""

    title: str
    hours: float
    rate: Callable[[float], float]
    urgent_rate: Callable[[float], float] | None = None
    """Of a lane beside it, where the site has one."""

    def arrivals(self, seconds: float, site: Site) -> npt.NDArray[np.int64]:
        """Return the records of each step and partition, random by themselves (Poisson)."""
        times_s = np.arange(round(seconds / STEP_S)) * STEP_S
        expected = np.zeros((len(times_s), site.partitions))
        for lane, rate in zip(site.lanes, (self.rate, self.urgent_rate or _nothing), strict=False):
            rates = np.array([rate(at_s) for at_s in times_s.tolist()])
            expected[:, lane] = rates[:, None] * STEP_S / (lane.stop - lane.start)
        return np.random.default_rng(_SEED).poisson(expected)


def pulse(
    base: float, peak: float, *, from_s: float, for_s: float, every_s: float = math.inf
) -> Callable[[float], float]:
    """`peak` instead of `base` for `for_s`, at `from_s` and then every `every_s`."""

    def rate(at_s: float) -> float:
        since_s = math.fmod(at_s, every_s) - from_s
        return peak if 0 <= since_s < for_s else base

    return rate


def _sine(least: float, most: float, period_s: float) -> Callable[[float], float]:
    """It begins with `least`."""
    middle, swing = (most + least) / 2, (most - least) / 2
    return lambda at_s: middle - swing * math.cos(2 * math.pi * at_s / period_s)


STEP = Pattern(
    "step: 200, 20 min of 1500, 200 /s; 1 h", 1, pulse(200, 1500, from_s=1200, for_s=1200)
)
BURST = Pattern("burst: 60,000 in 20 s on 100 /s; 1 h", 1, pulse(100, 3100, from_s=600, for_s=20))
WINDOWS = Pattern(
    "windows: 800 /s for 5 min of 15; 2 h",
    2,
    pulse(0, 800, from_s=300, for_s=300, every_s=900),
)
SINE = Pattern("sine: 100 to 1700 /s in an hour; 2 h", 2, _sine(100, 1700, 3600))
STEADY = Pattern("steady: 700 /s; 1 h", 1, lambda _: 700)

PATTERNS = (STEP, BURST, WINDOWS, SINE, STEADY)
