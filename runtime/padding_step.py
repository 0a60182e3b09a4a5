"""Which step rows are padded to, by what runs of several lengths take on this device. Pure.

A run of r rows of length l takes a + c r l seconds: a line by least squares through those that were made, its
parts never below 0. Steps of s add s / 2 to a row on average, which costs c s / 2. Two requests that share a
batch save half of what one costs by itself, (a + b) / 2, b being what a batch costs besides.
Rule 1. The step is the largest power of two for which a row costs no more than two that share a batch save
  each: s <= (a + b) / c. Where more share one, less would do.
Rule 2. It is at least LEAST_STEP, since who asks for padding wants batches, and at most MOST_STEP.
"""

from collections.abc import Sequence
from typing import NamedTuple

LEAST_STEP = 8
"""A batch of 32 sentences of 20 words has 15 % of padding then."""
MOST_STEP = 128
"""Most sentences are shorter: all of them share batches."""
_OF_A_BATCH_S = 0.001
"""What a batch costs the daemon beside its run: its assembly, its replies, the thread. 300 requests in 226
batches took 0.28 s more of the processor than in 15 (`tidemill-load bench lengths`)."""


class LengthRun(NamedTuple):
    """A run of so many rows of one length, and what it took."""

    rows: int
    length: int
    seconds: float


def best_step(runs: Sequence[LengthRun]) -> int:
    """Return the step for a model whose runs took so long; LEAST_STEP where there are none."""
    if not runs:
        return LEAST_STEP
    start_s, element_s = _line(runs)
    if element_s <= 0:
        return MOST_STEP
    most = (start_s + _OF_A_BATCH_S) / element_s
    step = LEAST_STEP
    while 2 * step <= min(most, MOST_STEP):
        step *= 2
    return step


def _line(runs: Sequence[LengthRun]) -> tuple[float, float]:
    """Return what a run takes whatever is in it, and what each row takes for each unit of its length."""
    sizes = [run.rows * run.length for run in runs]
    size = sum(sizes) / len(runs)
    seconds = sum(run.seconds for run in runs) / len(runs)
    variance = sum((each - size) ** 2 for each in sizes)
    if not variance:
        return 0.0, seconds / size
    covariance = sum(
        (each - size) * (run.seconds - seconds) for each, run in zip(sizes, runs, strict=True)
    )
    element_s = min(max(covariance / variance, 0.0), seconds / size)
    return seconds - element_s * size, element_s
