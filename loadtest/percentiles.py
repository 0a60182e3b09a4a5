"""Percentiles by nearest rank: always a value that was measured, never one in between. Pure."""

import math
from collections.abc import Sequence
from typing import NamedTuple


class Summary(NamedTuple):
    """What people compare of many latencies, in seconds."""

    number: int
    p50_s: float
    p95_s: float
    p99_s: float
    max_s: float


def nearest_rank(ordered: Sequence[float], percent: float) -> float:
    """Return the smallest value that at least `percent` of the ascending values do not exceed.

    Raises ValueError without values or outside (0, 100].
    """
    if not ordered:
        raise ValueError("no percentile of no values")
    if not 0 < percent <= 100:  # noqa: PLR2004 - per cent
        raise ValueError(f"{percent} is not a percentage above 0")
    return ordered[math.ceil(len(ordered) * percent / 100) - 1]


def summarize(latencies_s: Sequence[float]) -> Summary:
    """Return the summary of latencies in any order; raises ValueError without any."""
    ordered = sorted(latencies_s)
    p50_s, p95_s, p99_s = (nearest_rank(ordered, percent) for percent in (50, 95, 99))
    return Summary(len(ordered), p50_s, p95_s, p99_s, ordered[-1])
