"""Times in an HDR histogram, and their percentiles by nearest rank. Pure.

Three digits: a figure is never below the measured value and at most 0.1 % above it. What never
came is infinite and takes part in every percentile.
"""

import math
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from hdrh.histogram import HdrHistogram

from loadtest.verdict import confidence

Seconds: TypeAlias = npt.NDArray[np.float64]

_DIGITS = 3
"""Significant ones, the usual choice of those who use HdrHistogram."""
_LONGEST_US = 86_400_000_000
"""A day."""
# Values up to 2^11 have buckets of their own with three digits; larger ones keep as many bits.
_EXACT_BITS = 11
# What arithmetic adds to a whole number of microseconds is not another microsecond.
_ROUNDING_US = 1e-3


class Interval(NamedTuple):
    """Where the true value lies with 95 %; infinite where there are too few samples to say."""

    low: float
    high: float


class Latencies:
    """Some times, in seconds, and how many never came to an end."""

    def __init__(self, seconds: Seconds, missing: int = 0) -> None:
        """`seconds`: float64 (n,), not negative, in any order."""
        self._histogram = HdrHistogram(1, _LONGEST_US, _DIGITS)
        microseconds = np.clip(np.ceil(seconds * 1e6 - _ROUNDING_US), 0, _LONGEST_US).astype(
            np.int64
        )
        values, counts = np.unique(_lowest_equivalent(microseconds), return_counts=True)
        for value, count in zip(values.tolist(), counts.tolist(), strict=True):
            self._histogram.record_value(value, count)
        longest_us = int(microseconds.max(initial=0))
        self.longest_seen_s = longest_us / 1e6 if len(seconds) else math.nan
        """Of what came to an end; NaN when nothing did. No percentile that is finite is above it."""
        highest = [self._histogram.get_highest_equivalent_value(value) for value in values.tolist()]
        self._edges_s = np.minimum(np.array(highest, np.float64), longest_us) / 1e6
        self._cumulated = np.cumsum(counts)
        self._recorded = len(seconds)
        self._missing = missing
        self.mean_s = float(seconds.mean()) if len(seconds) else math.nan
        """Of what came to an end; NaN when nothing did."""

    @property
    def samples(self) -> int:
        """How many there are, missing ones included."""
        return self._recorded + self._missing

    @property
    def longest_s(self) -> float:
        """The longest; infinite when one is missing, NaN without any."""
        return self.at_rank(self.samples) if self.samples else math.nan

    def percentile(self, percent: float) -> float:
        """Return the smallest value that `percent` of the values do not exceed; NaN without any."""
        if not self.samples:
            return math.nan
        # The product may be a hair above a whole number, which must not cost a rank.
        return self.at_rank(max(math.ceil(self.samples * percent / 100 - 1e-9), 1))

    def interval(self, percent: float) -> Interval:
        """Return the interval of a percentile."""
        if not self.samples:
            return Interval(0.0, math.inf)
        low, high = confidence.ranks(self.samples, percent / 100)
        return Interval(self.at_rank(low) if low else 0.0, self.at_rank(high))

    def at_rank(self, rank: int) -> float:
        """Return the value of this rank, counted from 1; infinite beyond what was recorded."""
        if rank > self._recorded:
            return math.inf
        return float(self._edges_s[np.searchsorted(self._cumulated, rank)])

    def over(self, bound_s: float, *, strictly: bool = True) -> int:
        """Return how many are over `bound_s`, missing ones included; not strictly: or equal."""
        within = int(np.searchsorted(self._edges_s, bound_s, "right" if strictly else "left"))
        return self.samples - (int(self._cumulated[within - 1]) if within else 0)

    def encoded(self) -> str:
        """Return what was recorded, in microseconds, in HdrHistogram's compressed V2 form."""
        text: bytes = self._histogram.encode()
        return text.decode("ascii")


def _lowest_equivalent(microseconds: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return each value without the bits that its bucket does not keep.

    Recording one value takes 2.5 us in Python; this way 200,000 take 33 ms.
    """
    bits = np.frexp(microseconds.astype(np.float64))[1]
    dropped = np.maximum(bits - _EXACT_BITS, 0)
    lowest: npt.NDArray[np.int64] = (microseconds >> dropped) << dropped
    return lowest
