"""Quantiles and means of what a histogram counted. Pure."""

from collections.abc import Mapping
from math import inf
from typing import NamedTuple, Self


class Distribution(NamedTuple):
    """Counts by bucket: `cumulated[i]` observations were at most `bounds[i]`; the last is infinity.

    `total` is their sum, `largest` the largest of them, None where nobody knows.
    """

    bounds: tuple[float, ...]
    cumulated: tuple[float, ...]
    total: float
    largest: float | None = None

    @classmethod
    def of(
        cls, buckets: Mapping[float, float], *, total: float, largest: float | None = None
    ) -> Self:
        """Return the distribution of cumulated counts by upper bound."""
        bounds = tuple(sorted(buckets))
        return cls(bounds, tuple(buckets[bound] for bound in bounds), total, largest)

    @property
    def observations(self) -> float:
        """How many observations."""
        return self.cumulated[-1] if self.cumulated else 0.0

    @property
    def mean(self) -> float | None:
        """Their mean, None without any."""
        return self.total / self.observations if self.observations else None

    def quantile(self, share: float) -> float | None:
        """Return the value that `share` (above 0) of the observations do not exceed, None without any.

        Within a bucket they are taken to lie evenly, as Prometheus' histogram_quantile does, but
        none above the largest; without that, what lies beyond the last finite bound is that bound.
        Source: https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile
        """
        wanted = share * self.observations
        if not self.observations:
            return None
        lower, below = 0.0, 0.0
        for bound, cumulated in zip(self.bounds, self.cumulated, strict=True):
            if cumulated >= wanted:
                upper = self._upper(bound, lower)
                return lower + (upper - lower) * (wanted - below) / (cumulated - below)
            lower, below = (bound if bound != inf else lower), cumulated
        return lower

    def _upper(self, bound: float, lower: float) -> float:
        """How far the bucket reaches that begins at `lower`."""
        if self.largest is not None:
            return max(lower, min(bound, self.largest))
        return lower if bound == inf else bound
