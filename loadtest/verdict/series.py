"""How figures change over a run: it is cut into slices by intended time. Pure."""

import msgspec
import numpy as np

from loadtest.traffic.records import Outcome, Records
from loadtest.verdict.blocks import BLOCKS, edges_s
from loadtest.verdict.latencies import Latencies


class Slice(msgspec.Struct, frozen=True, kw_only=True):
    """A twentieth of a class's time; percentiles are None when nothing was answered."""

    from_s: float
    sent: int
    results: int
    missing: int
    p50_s: float | None
    p90_s: float | msgspec.UnsetType | None = msgspec.UNSET
    """Unset in reports that do not say it yet."""
    p99_s: float | None


def series(rows: Records) -> list[Slice]:
    """Return the slices of the requests of one class; one slice when they have all one time."""
    if not len(rows.intended_s):
        return []
    first_s, last_s = float(rows.intended_s.min()), float(rows.intended_s.max())
    edges = edges_s(first_s, last_s) if last_s > first_s else np.array([first_s])
    which = np.clip(np.searchsorted(edges, rows.intended_s, "right") - 1, 0, BLOCKS - 1)
    return [
        _slice(float(edges[number]), rows.rows(which == number))
        for number in range(min(len(edges), BLOCKS))
    ]


def _slice(from_s: float, rows: Records) -> Slice:
    sent = rows.is_sent
    result = rows.outcome == Outcome.RESULT
    missing = int(rows.is_missing.sum())
    latencies = Latencies(rows.latency_s[result & ~rows.bad], missing)
    known = latencies.samples > 0
    return Slice(
        from_s=from_s,
        sent=int(sent.sum()),
        results=int(result.sum()),
        missing=missing,
        p50_s=latencies.percentile(50) if known else None,
        p90_s=latencies.percentile(90) if known else None,
        p99_s=latencies.percentile(99) if known else None,
    )
