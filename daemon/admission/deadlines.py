"""When a request expires: by its deadline, or so long after its record's timestamp. Pure.

Rule 1: waiting in Kafka is part of the time a request takes, so a timestamp in the past is always
believed, however old it is.
Rule 2: a deadline is a moment, which nothing shifts; where there is a timeout too, the earlier
counts.
Rule 3: both are worked out once, on arrival; from then on only the monotonic clock counts.
"""

import math
from typing import NamedTuple

NEVER_S = math.inf

_CLOCKS_AGREE_MS = 1_000
"""Clocks that NTP keeps differ by milliseconds; a second is worth telling somebody."""
_MEANT_AS_SECONDS_MS = 10**10
"""As milliseconds in April 1970, as seconds in 2286: whoever says less meant seconds."""


class Expiry(NamedTuple):
    """`at_s` is monotonic; `skewed`: the timestamp is in the future by more than clocks differ."""

    at_s: float
    skewed: bool


def asked_s(timestamp_ms: int, *, now_s: float, wall_ms: float) -> float:
    """Return when a request was asked for that arrives now, in monotonic seconds.

    A timestamp that is absent (negative) or in the future counts as now: nobody asked later.
    """
    began_ms = wall_ms if timestamp_ms < 0 else min(timestamp_ms, wall_ms)
    return now_s - (wall_ms - began_ms) / 1000


def expiry(
    timestamp_ms: int,
    timeout_s: float | None,
    deadline_ms: int | None,
    *,
    now_s: float,
    wall_ms: float,
) -> Expiry:
    """Return when a request that arrives now expires; None for what is not asked for."""
    at_s, skewed = NEVER_S, False
    if timeout_s is not None:
        at_s = asked_s(timestamp_ms, now_s=now_s, wall_ms=wall_ms) + timeout_s
        skewed = timestamp_ms - wall_ms > _CLOCKS_AGREE_MS
    if deadline_ms is not None:
        at_s = min(at_s, now_s + (deadline_ms - wall_ms) / 1000)
    return Expiry(at_s, skewed)


def late_detail(deadline_ms: int | None) -> str:
    """Return why a request is not run that has expired already; None: it gave no deadline."""
    if deadline_ms is not None and deadline_ms < _MEANT_AS_SECONDS_MS:
        return "its deadline is in 1970: it is read as milliseconds, not seconds"
    return "expired before it arrived"


class Expiries:
    """When requests expire that arrive at one moment: neighbours mostly share timestamp and timeout."""

    def __init__(self, now_s: float, wall_ms: float) -> None:
        self._now_s = now_s
        self._wall_ms = wall_ms
        self._last: tuple[int, float] | None = None
        self._at_s: float | None = None

    def of(self, timestamp_ms: int, timeout_s: float) -> float | None:
        """Return when such a request expires; None for one that is late, or of a skewed clock."""
        asked = timestamp_ms, timeout_s
        if asked != self._last:
            now_s, wall_ms = self._now_s, self._wall_ms
            at_s, skewed = expiry(timestamp_ms, timeout_s, None, now_s=now_s, wall_ms=wall_ms)
            self._last, self._at_s = asked, None if skewed or at_s <= now_s else at_s
        return self._at_s
