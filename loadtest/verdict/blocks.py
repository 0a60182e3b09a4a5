"""Mean and slope of a series whose neighbours resemble each other. Pure.

Requests of one second share their luck, so that each of them counts for much less than a sample.
The time of a run is cut into blocks; one block's mean is one sample. Source: A. M. Law,
"Simulation Modeling and Analysis", 5th edition, 9.5.3 (batch means).
"""

import math
from typing import NamedTuple

import numpy as np

from loadtest.verdict.latencies import Interval, Seconds

BLOCKS = 20
"""Law's advice: between 20 and 30, since the interval hardly gains from more."""
# Student's t for 95 % with 19 and with 18 degrees of freedom.
_T_MEAN = 2.093
_T_SLOPE = 2.101


class Estimate(NamedTuple):
    """A value and where it lies with 95 %."""

    value: float
    interval: Interval


def mean(blocks: Seconds) -> Estimate:
    """Return the mean of BLOCKS block means, float64 (BLOCKS,)."""
    value = float(blocks.mean())
    reach = _T_MEAN * float(blocks.std(ddof=1)) / math.sqrt(BLOCKS)
    return Estimate(value, Interval(value - reach, value + reach))


def slope(blocks: Seconds, length_s: float) -> Estimate:
    """Return the change a second over BLOCKS block means of `length_s` each (least squares)."""
    at_s = (np.arange(BLOCKS) - (BLOCKS - 1) / 2) * length_s
    spread = float((at_s**2).sum())
    value = float((at_s * blocks).sum()) / spread
    rest = blocks - blocks.mean() - value * at_s
    reach = _T_SLOPE * math.sqrt(float((rest**2).sum()) / (BLOCKS - 2) / spread)
    return Estimate(value, Interval(value - reach, value + reach))


def edges_s(first_s: float, last_s: float) -> Seconds:
    """Return the bounds of the blocks between two times, float64 (BLOCKS + 1,)."""
    return np.linspace(first_s, last_s, BLOCKS + 1)
