"""What runs of several lengths take on this device, for who chooses a step of padding by it."""

import time
from collections.abc import Callable, Iterator

import numpy as np

from runtime.errors import RunError
from runtime.padding_step import LengthRun
from runtime.sample import Sample
from runtime.signature import Signature
from runtime.trial import Arrays, Run

_LENGTHS = (16, 64, 128)
_ROWS = (1, 8)
_TRIES = 3
"""The shortest counts; a guess: other work on the machine seldom meets all of them."""
_ENOUGH_S = 0.05
"""A run that takes so long is told from others by one try."""


def time_lengths(
    run: Run,
    signature: Signature,
    sample: Sample,
    *,
    clock: Callable[[], float] = time.perf_counter,
) -> list[LengthRun]:
    """Return the shortest of some runs for each number of rows and length that the model takes.

    A run beside something else on the machine is late and never early. `sample` is one that it takes.
    """
    most_rows = signature.fixed_rows or _ROWS[-1]
    rows = sorted({min(each, most_rows) for each in _ROWS})
    return [*_timed(run, signature, sample, rows, clock)]


def _timed(
    run: Run,
    signature: Signature,
    sample: Sample,
    rows: list[int],
    clock: Callable[[], float],
) -> Iterator[LengthRun]:
    for length in _LENGTHS:
        longer = sample.longer(signature, length)
        for count in rows:
            inputs = longer.of(count)
            try:
                run(inputs)  # the first may allocate
                yield LengthRun(count, length, _shortest_s(run, inputs, clock))
            except RunError:  # longer than it takes, or than there is memory for
                continue


def _shortest_s(run: Run, inputs: Arrays, clock: Callable[[], float]) -> float:
    shortest_s = np.inf
    for _ in range(_TRIES):
        began_s = clock()
        run(inputs)
        shortest_s = min(shortest_s, clock() - began_s)
        if shortest_s >= _ENOUGH_S:
            break
    return float(shortest_s)
