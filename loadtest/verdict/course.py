"""How a run went over time: equal intervals from its start to its last reply. Pure.

Latencies belong to the interval in which a request was meant to leave, replies to that in which they
came. The warm-up is part of it.
"""

import math
from collections.abc import Sequence

import msgspec
import numpy as np

from loadtest.traffic.records import Counts, Floats, Outcome, Records

_STEPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14_400, 86_400)
# A figure has about as many pixels.
_MOST = 600
# A run shorter than a minute has intervals below a second, so that it has as many as a minute has.
_LEAST = 60


class Course(msgspec.Struct, frozen=True):
    """One class over time, columns of one length. Percentiles are None when infinite or of nothing."""

    interval_s: float
    from_s: list[float]
    planned: list[int]
    sent: list[int]
    results: list[int]
    failures: list[int]
    """Replies that are no result, by the time they came."""
    missing: list[int]
    """Requests of the interval that nobody answered; they are infinite in the percentiles."""
    waiting: list[int]
    """Requests sent and not answered at the end of the interval."""
    p50_s: list[float | None]
    p99_s: list[float | None]
    longest_s: list[float | None]


def courses(rows: Records, names: Sequence[str]) -> dict[str, Course]:
    """Return the course of each class; `names` by stream."""
    last_s = float(np.nanmax([rows.intended_s, rows.received_s], initial=0.0))
    step_s = interval_s(last_s)
    edges_s = np.arange(math.floor(last_s / step_s) + 2) * np.float64(step_s)
    return {
        name: _course(rows.rows(rows.stream == index), edges_s, step_s)
        for index, name in enumerate(names)
    }


def interval_s(length_s: float) -> float:
    """Return the interval for a run of this length: a second, unless it is very short or long."""
    least_s = max(length_s / _MOST, min(1.0, length_s / _LEAST))
    return next((float(step_s) for step_s in _STEPS_S if step_s >= least_s), float(_STEPS_S[-1]))


def _course(mine: Records, edges_s: Floats, step_s: float) -> Course:
    result = mine.outcome == Outcome.RESULT
    answered = ~np.isnan(mine.received_s)
    missing = mine.is_missing
    ends_s = edges_s[1:]

    def counts(times_s: Floats) -> list[int]:
        counted: list[int] = np.histogram(times_s[~np.isnan(times_s)], edges_s)[0].tolist()
        return counted

    # NaN sorts last: what never happened is never counted.
    handed_s, received_s = np.sort(mine.handed_s), np.sort(mine.received_s)
    waiting: Counts = np.searchsorted(handed_s, ends_s) - np.searchsorted(received_s, ends_s)
    timed = (result | missing) & ~mine.bad
    which = np.searchsorted(edges_s, mine.intended_s[timed], "right") - 1
    latency_s = np.where(missing, np.inf, mine.latency_s)[timed]
    percentiles = _percentiles(which, latency_s, len(ends_s))
    return Course(
        step_s,
        edges_s[:-1].round(3).tolist(),
        counts(mine.intended_s),
        counts(mine.handed_s),
        counts(mine.received_s[result]),
        counts(mine.received_s[answered & ~result]),
        counts(mine.intended_s[missing]),
        np.maximum(waiting, 0).tolist(),
        *percentiles,
    )


def _percentiles(which: Counts, seconds: Floats, count: int) -> list[list[float | None]]:
    """Return p50, p99 and the longest by nearest rank for each of `count` intervals."""
    ordered = seconds[np.lexsort((seconds, which))]
    samples = np.bincount(which, minlength=count)
    begins = np.cumsum(samples) - samples
    return [
        [
            _known(ordered[begin + max(math.ceil(number * share - 1e-9), 1) - 1])
            if number
            else None
            for begin, number in zip(begins.tolist(), samples.tolist(), strict=True)
        ]
        for share in (0.5, 0.99, 1.0)
    ]


def _known(seconds: float) -> float | None:
    return round(float(seconds), 6) if math.isfinite(seconds) else None
