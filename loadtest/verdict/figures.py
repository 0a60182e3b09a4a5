"""What the records of a run add up to, for one class of requests or for all. Pure."""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from loadtest.traffic.records import Flags, Outcome, Records, Stages
from loadtest.verdict import blocks
from loadtest.verdict.blocks import BLOCKS, Estimate
from loadtest.verdict.latencies import Latencies

# The waiting requests are counted so often in each block.
_LOOKS_A_BLOCK = 20
LEAST_SAMPLES = 10 * BLOCKS
"""Fewer say nothing about a rate."""


class Figures(NamedTuple):
    """Counts are of requests that were meant to leave after the warm-up.

    `planned`: all of them; `sent`: those that the broker has. Of these: `answered`: any reply came;
    `results`; `errors` by code, dead letters and expired ones among them; `missing`; `in_flight`: not
    answered yet when the run was interrupted; `refused`: bad ones that got an error reply, as they must.
    `duplicates` counts replies beyond the first.
    `checked`: replies were compared with what is known to be right; of these: `wrong`.
    """

    planned: int
    sent: int
    answered: int
    results: int
    errors: Counter[str]
    expired: int
    missing: int
    in_flight: int
    refused: int
    duplicates: int
    checked: int
    wrong: int
    latencies: Latencies
    """Of results and missing replies; those of bad requests do not count."""
    in_time: Latencies
    """Of right results alone."""
    asked: int
    """Requests sent that should have got a result."""
    lateness: Latencies
    """From the time a request was meant to leave until the producer had it."""
    acknowledgement: Latencies
    """From there until the broker had it."""
    first_s: float
    last_s: float
    """First and last intended time."""
    drain_s: float
    """From the last intended time to the last reply; infinite when one is missing."""
    throughput: Estimate | None
    """Results a second."""
    lag_slope: Estimate | None
    """Requests a second."""
    stages: Mapping[str, Latencies]
    """Time at the daemon's stations, of a sample of the results."""


def figures(
    rows: Records, codes: list[str], stages: Stages, which: Flags, before: Flags | None = None
) -> Figures:
    """Return the figures of the rows `which` of all `rows`; codes and stages are the recorder's.

    `before`: rows of the warm-up. They count in nothing, but wait beside the others at first, so
    that a queue that is there all the time does not look like one that grows.
    """
    mine = rows.rows(which)
    sent = mine.is_sent
    answered = ~np.isnan(mine.received_s)
    result = mine.outcome == Outcome.RESULT
    failed = answered & ~result
    missing = mine.is_missing
    good = result & ~mine.bad & ~mine.wrong
    latency_s = mine.latency_s
    return Figures(
        planned=len(sent),
        sent=int(sent.sum()),
        answered=int(answered.sum()),
        results=int(result.sum()),
        errors=_by_code(mine, failed & ~mine.bad, codes),
        expired=int((mine.outcome == Outcome.EXPIRED).sum()),
        missing=int(missing.sum()),
        in_flight=int((sent & (mine.outcome == Outcome.IN_FLIGHT)).sum()),
        refused=int((failed & mine.bad).sum()),
        duplicates=int(np.maximum(mine.replies - 1, 0).sum()),
        checked=int((mine.checked | (answered & mine.bad)).sum()),
        wrong=int((mine.wrong | (result & mine.bad)).sum()),
        latencies=Latencies(latency_s[result & ~mine.bad], int((missing & ~mine.bad).sum())),
        in_time=Latencies(latency_s[good]),
        asked=int((sent & ~mine.bad).sum()),
        lateness=_known(mine.handed_s - mine.intended_s),
        acknowledgement=_known(mine.acknowledged_s - mine.handed_s),
        first_s=float(mine.intended_s.min(initial=np.inf)),
        last_s=float(mine.intended_s.max(initial=-np.inf)),
        drain_s=_drain_s(mine, missing),
        throughput=_throughput(mine, result),
        lag_slope=_lag_slope(mine, mine if before is None else rows.rows(which | before)),
        stages=_stages(stages, which),
    )


def _by_code(mine: Records, failed: Flags, codes: list[str]) -> Counter[str]:
    counts = np.bincount(mine.code[failed], minlength=len(codes)).tolist()
    return Counter({code: count for code, count in zip(codes, counts, strict=True) if count})


def _known(seconds: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> Latencies:
    return Latencies(np.maximum(seconds[~np.isnan(seconds)], 0.0))


def _drain_s(mine: Records, missing: Flags) -> float:
    if not len(missing) or missing.any():
        return np.inf
    return float(np.nanmax(mine.received_s, initial=-np.inf) - mine.intended_s.max())


def _throughput(mine: Records, result: Flags) -> Estimate | None:
    received_s = mine.received_s[result]
    if len(received_s) < LEAST_SAMPLES:
        return None
    edges_s = blocks.edges_s(float(mine.intended_s.min()), float(received_s.max()))
    counts, _ = np.histogram(received_s, edges_s)
    return blocks.mean(counts / (edges_s[1] - edges_s[0]))


def _lag_slope(mine: Records, waits: Records) -> Estimate | None:
    if len(mine.intended_s) < LEAST_SAMPLES:
        return None
    first_s, last_s = float(mine.intended_s.min()), float(mine.intended_s.max())
    if last_s <= first_s:
        return None
    at_s = np.linspace(first_s, last_s, BLOCKS * _LOOKS_A_BLOCK, endpoint=False)
    # NaN sorts last: what never happened is never counted.
    handed, received = np.sort(waits.handed_s), np.sort(waits.received_s)
    waiting = np.searchsorted(handed, at_s, "right") - np.searchsorted(received, at_s, "right")
    means = waiting.reshape(BLOCKS, _LOOKS_A_BLOCK).mean(axis=1)
    return blocks.slope(means, (last_s - first_s) / BLOCKS)


def _stages(stages: Stages, which: Flags) -> dict[str, Latencies]:
    mine = which[stages.numbers]
    return {name: _known(seconds[mine]) for name, seconds in stages.seconds.items()}
