"""The part of the report for programs that figures are drawn from. Pure.

Columns instead of rows: an hour of seconds stays below a megabyte.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TypeAlias

from loadtest.deployment.scrape import Look
from loadtest.verdict.detail import Detail

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"

_MOST_LOOKS = 600


def of_class(detail: Detail, name: str) -> dict[str, Json]:
    """Return what is told of a class; times are seconds, null is infinite or not known."""
    course = detail.courses[name]._asdict()
    return {
        "over_time": {
            key: list(value) if isinstance(value, list) else value for key, value in course.items()
        },
        "bands": [
            {
                "percent": band.percent,
                "samples": band.samples,
                "latency_s": band.latency_s,
                "stations_s": dict(band.stations_s),
            }
            for band in detail.bands[name]
        ],
        "batch_rows": {str(rows): count for rows, count in detail.batch_rows[name].items()},
    }


def of_daemon(looks: Sequence[Look]) -> Json:
    """Return the daemon over time; null without metrics.

    `busy` is how many executors ran a model, on average since the look before; `flushes` are the
    batches since then, by lane and cause.
    """
    kept = _thinned(looks)
    steps = [(before, after) for before, after in pairwise(kept) if after.at_s > before.at_s]
    if not steps:
        return None
    kinds = sorted({kind for look in kept for kind in look.flushes})
    return {
        "at_s": [round(after.at_s, 3) for _, after in steps],
        "busy": [
            _known(max(after.busy_s - before.busy_s, 0.0) / (after.at_s - before.at_s))
            for before, after in steps
        ],
        "lag_records": [_known(after.lag_records) for _, after in steps],
        "memory_bytes": [_known(after.memory_bytes) for _, after in steps],
        "flushes": [
            {
                "lane": lane,
                "cause": cause,
                "batches": [
                    max(
                        after.flushes.get((lane, cause), 0) - before.flushes.get((lane, cause), 0),
                        0,
                    )
                    for before, after in steps
                ],
            }
            for lane, cause in kinds
        ],
    }


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _thinned(looks: Sequence[Look]) -> list[Look]:
    """Return at most so many looks that a figure can show them, the last one among them."""
    stride = max(math.ceil(len(looks) / _MOST_LOOKS), 1)
    kept = list(looks[::stride])
    return kept if not looks or kept[-1] is looks[-1] else [*kept, looks[-1]]
