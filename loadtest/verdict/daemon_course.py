"""How the daemon went over time, by its metrics. Pure."""

import math
from collections.abc import Sequence
from itertools import pairwise

import msgspec

from loadtest.deployment.look import Look

_MOST_LOOKS = 600
"""A figure has about as many pixels (course.py)."""


class FlushCourse(msgspec.Struct, frozen=True):
    """Batches of a lane that closed for one cause, since the look before."""

    lane: str
    cause: str
    batches: list[float]


class DaemonCourse(msgspec.Struct, frozen=True):
    """The daemon at each look, columns of one length; None is what it does not say."""

    at_s: list[float]
    busy: list[float | None]
    """How many executors ran a model, on average since the look before."""
    lag_records: list[float | None]
    flushes: list[FlushCourse]
    memory_bytes: list[float | None] = []


def daemon_course(looks: Sequence[Look]) -> DaemonCourse | None:
    """Return the daemon over time; None when it was hardly seen."""
    kept = _thinned(looks)
    steps = [(before, after) for before, after in pairwise(kept) if after.at_s > before.at_s]
    if not steps:
        return None
    kinds = sorted({kind for look in kept for kind in look.flushes})
    return DaemonCourse(
        at_s=[round(after.at_s, 3) for _, after in steps],
        busy=[
            _known(max(after.busy_s - before.busy_s, 0.0) / (after.at_s - before.at_s))
            for before, after in steps
        ],
        lag_records=[_known(after.lag_records) for _, after in steps],
        flushes=[
            FlushCourse(
                lane,
                cause,
                [
                    max(
                        after.flushes.get((lane, cause), 0) - before.flushes.get((lane, cause), 0),
                        0,
                    )
                    for before, after in steps
                ],
            )
            for lane, cause in kinds
        ],
        memory_bytes=[_known(after.memory_bytes) for _, after in steps],
    )


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _thinned(looks: Sequence[Look]) -> list[Look]:
    """Return at most so many looks that a figure can show them, the last one among them."""
    stride = max(math.ceil(len(looks) / _MOST_LOOKS), 1)
    kept = list(looks[::stride])
    return kept if not looks or kept[-1] is looks[-1] else [*kept, looks[-1]]
