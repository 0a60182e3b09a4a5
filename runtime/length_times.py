"""What runs of several lengths take on this device, for who chooses a step of padding by it."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from runtime.errors import RunError
from runtime.padding_step import LengthRun
from runtime.sample import Sample
from runtime.signature import Signature

Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]

_LENGTHS = (16, 64, 128)
_ROWS = (1, 8)
_TRIES = 3
_ENOUGH_S = 0.05
"""A run that takes so long is told from others by one try."""


def time_lengths(
    run: Callable[[Arrays], Arrays],
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
    run: Callable[[Arrays], Arrays],
    signature: Signature,
    sample: Sample,
    rows: list[int],
    clock: Callable[[], float],
) -> Iterator[LengthRun]:
    for length in _LENGTHS:
        for count in rows:
            inputs = _rows(signature, sample, count, length)
            try:
                run(inputs)  # the first may allocate
                yield LengthRun(count, length, _shortest_s(run, inputs, clock))
            except RunError:  # longer than it takes, or than there is memory for
                continue


def _shortest_s(
    run: Callable[[Arrays], Arrays], inputs: Arrays, clock: Callable[[], float]
) -> float:
    shortest_s = np.inf
    for _ in range(_TRIES):
        began_s = clock()
        run(inputs)
        shortest_s = min(shortest_s, clock() - began_s)
        if shortest_s >= _ENOUGH_S:
            break
    return float(shortest_s)


def _rows(signature: Signature, sample: Sample, count: int, length: int) -> Arrays:
    return {
        spec.name: np.full(
            (count, *(length if each is None else each for each in spec.row_shape)),
            sample.rows[spec.name][1],
        )
        for spec in signature.inputs
    }
