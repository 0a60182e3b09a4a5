"""Mean and slope of a series whose neighbours resemble each other. Pure.

Requests of one second share their luck, so that each of them counts for much less than a sample.
The time of a run is cut into blocks; one block's mean is one sample. Source: A. M. Law,
"Simulation Modeling and Analysis", 5th edition, 9.5.3 (batch means).

A queue remembers longer than a block: what waits now nearly all waits in the next one. A slope by
plain least squares takes such wanderings for a trend (a stable server that is 90 % busy "grew" in one
short run of five). So the likeness of neighbours is estimated and taken out first. Sources: S. J. Prais,
C. B. Winsten, "Trend Estimators and Serial Correlation", Cowles Commission Discussion Paper 383, 1954;
for the bias of the estimate, M. G. Kendall, "Note on Bias in the Estimation of Autocorrelation",
Biometrika 41, 1954.
"""

import math
from typing import NamedTuple

import numpy as np

from loadtest.verdict.latencies import Interval, Seconds

BLOCKS = 20
"""Law's advice: between 20 and 30, since the interval hardly gains from more."""
# Beyond, twenty blocks do not tell a series that comes back from one that walks away: it is taken for
# a walk. A walk without a trend then grows by chance in 8 of 100 runs, by least squares in 35.
_MOST_LIKENESS = 0.5
# Of a sum of squares, left by rounding.
_TINY = 1e-18
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
    """Return the change a second over BLOCKS block means of `length_s` each.

    With neighbours that do not resemble each other it is that of least squares; with neighbours that do
    so for the greater part it is the mean step from block to block, and as uncertain as these differ.
    """
    at_s = np.array([(number - (BLOCKS - 1) / 2) * length_s for number in range(BLOCKS)])
    likeness = _likeness(blocks, at_s)
    if likeness > _MOST_LIKENESS:
        value, deviation = _steps(blocks, length_s)
    else:
        value, deviation = _least_squares(
            _apart(blocks, likeness), _apart(np.ones(BLOCKS), likeness), _apart(at_s, likeness)
        )
    reach = _T_SLOPE * deviation
    return Estimate(value, Interval(value - reach, value + reach))


def _likeness(blocks: Seconds, at_s: Seconds) -> float:
    """Return by how much of itself what is left beside a line lives on in the next block, 0 to 1."""
    line = float((at_s * blocks).sum()) / float((at_s**2).sum())
    rest = blocks - blocks.mean() - line * at_s
    whole = float((rest**2).sum())
    if whole <= _TINY * float((blocks**2).sum()):  # nothing but rounding
        return 0.0
    seen = float((rest[1:] * rest[:-1]).sum()) / whole
    # Beside a fitted line it is seen too small, by (2 + 4 r) / n.
    return min(max((BLOCKS * seen + 2) / (BLOCKS - 4), 0.0), 1.0)


def _apart(column: Seconds, likeness: float) -> Seconds:
    """Return what is new in each block; the first keeps its weight."""
    first: Seconds = column[:1] * math.sqrt(1 - likeness**2)
    return np.concatenate([first, column[1:] - likeness * column[:-1]])


def _least_squares(values: Seconds, ones: Seconds, at_s: Seconds) -> tuple[float, float]:
    """Return the slope and its standard deviation."""
    columns = np.column_stack([ones, at_s])
    inverse = np.linalg.inv(columns.T @ columns)
    found = inverse @ (columns.T @ values)
    rest = values - columns @ found
    variance = float(rest @ rest) / (BLOCKS - 2) * float(inverse[1, 1])
    return float(found[1]), math.sqrt(variance)


def _steps(blocks: Seconds, length_s: float) -> tuple[float, float]:
    steps = np.diff(blocks) / length_s
    return float(steps.mean()), float(steps.std(ddof=1)) / math.sqrt(BLOCKS - 1)


def edges_s(first_s: float, last_s: float) -> Seconds:
    """Return the bounds of the blocks between two times, float64 (BLOCKS + 1,)."""
    return np.linspace(first_s, last_s, BLOCKS + 1)
