"""Does a lane fall behind? Pure.

Rule 1: it does when what waits has grown for half a minute longer than its linger. What is gathered for a
batch grows too, but never for longer than the linger.
Rule 2: it has grown when all that was seen in the last third of that time is more than all that was seen
in the first, when both halves of the way have a fair part in that, when it was not served on the way,
and when it still grows at the end. A queue that wanders does not do that, nor does a burst of some
seconds.
Rule 3: less than two batches is no backlog, nor is what a lane gathers between two looks (what comes and
goes faster than one looks may seem to grow), and growth by less than a twentieth of what arrives is
not worth telling.
Rule 4: what was seen holds for a quarter of a minute, so that the last word does not flicker.
"""

from collections.abc import Sequence
from statistics import fmean

_GROWS_S = 30.0
_HELD_S = 15.0
"""Rules 1 and 4. Guesses: a burst is over sooner, and who looks at the page has read a line by then."""
_EACH = 0.2
"""Of steady growth each half of the way has a half; a burst at its end leaves nearly nothing to the first."""
_LEAST_BATCHES = 2
_LEAST_SHARE = 0.05
"""Rule 3."""
_LEAST_POINTS = 6
"""Two in each third."""


def growth(
    lags: Sequence[float | None],
    *,
    step_s: float,
    linger_s: float,
    max_rows: int,
    arriving: float | None,
) -> float | None:
    """Return by how many records a second a lane's backlog grows, None when it does not, or unknown.

    Args:
        lags: records that waited, `step_s` apart, the newest last; None is unknown.
        step_s: seconds between them.
        linger_s: how long the lane may gather.
        max_rows: of a batch.
        arriving: records a second; None is unknown.
    """
    count = max(_LEAST_POINTS, round((linger_s + _GROWS_S) / step_s) + 1)
    span_s = (count - 1) * step_s
    rate = arriving or 0.0
    least = max(_LEAST_BATCHES * max_rows, rate * min(linger_s, 2 * step_s))
    for ago in range(round(_HELD_S / step_s)):
        seen = lags[max(0, len(lags) - ago - count) : len(lags) - ago]
        known = [lag for lag in seen if lag is not None]
        if len(known) == count and known[-1] > least and _has_grown(known):
            grown = (known[-1] - known[0]) / span_s
            if grown > _LEAST_SHARE * rate:
                return grown
    return None


def _has_grown(lags: Sequence[float]) -> bool:
    third = len(lags) // 3
    first, middle, last = lags[:third], lags[third:-third], lags[-third:]
    if min(last) <= max(first) or last[-1] <= last[0]:
        return False
    if min(middle) < fmean(first):  # it was served on the way, as what gathers for a batch is
        return False
    grown = fmean(last) - fmean(first)
    return _EACH * grown <= fmean(middle) - fmean(first) <= (1 - _EACH) * grown
