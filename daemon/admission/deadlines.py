"""When a request expires, from its record's timestamp and how long it may take. Pure."""

import math
from typing import NamedTuple

NEVER_S = math.inf


class Expiry(NamedTuple):
    """`at_s` is monotonic; `skewed`: the timestamp was too far off to be believed."""

    at_s: float
    skewed: bool


def expiry(
    timestamp_ms: int, timeout_s: float, *, now_s: float, wall_ms: float, most_skew_s: float
) -> Expiry:
    """Return when a request that arrives now expires.

    A timestamp that is absent (negative), in the future, or older than `most_skew_s` counts as now:
    producers' clocks are not ours.
    """
    age_s = (wall_ms - timestamp_ms) / 1000
    if timestamp_ms < 0:
        return Expiry(now_s + timeout_s, skewed=False)
    if age_s < 0 or age_s > most_skew_s:
        return Expiry(now_s + timeout_s, skewed=abs(age_s) > most_skew_s)
    return Expiry(now_s - age_s + timeout_s, skewed=False)
