"""When a request expires, from its record's timestamp and how long it may take. Pure.

Waiting in Kafka is part of the time a request takes, however long it was, so a timestamp in the
past is always believed.
"""

import math
from typing import NamedTuple

NEVER_S = math.inf

_CLOCKS_AGREE_MS = 1_000
"""Clocks that NTP keeps differ by milliseconds; a second is worth telling somebody."""


class Expiry(NamedTuple):
    """`at_s` is monotonic; `skewed`: the timestamp is in the future by more than clocks differ."""

    at_s: float
    skewed: bool


def expiry(timestamp_ms: int, timeout_s: float, *, now_s: float, wall_ms: float) -> Expiry:
    """Return when a request that arrives now expires.

    A timestamp that is absent (negative) or in the future counts as now: nobody asked later.
    """
    began_ms = wall_ms if timestamp_ms < 0 else min(timestamp_ms, wall_ms)
    at_s = now_s + timeout_s - (wall_ms - began_ms) / 1000
    return Expiry(at_s, skewed=timestamp_ms - wall_ms > _CLOCKS_AGREE_MS)
