"""An input made up for warming a model and for telling a sick session from a bad request. Pure."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from config.settings import Range
from runtime.bfloat16 import from_float32
from runtime.padding import Padding
from runtime.signature import FLOATS, Signature, TensorSpec

# Floats, then integers, booleans and strings. Integers are ones first: a zero may be a divisor,
# where it fails the run or ends the process, or mask all of an input. Zeros come next, for tables
# of a single entry.
_FILLS = ((0, 1), (0, 0), (1, 1))


@dataclass(frozen=True)
class Sample:
    """Rows that are all alike: each input's row shape and the value that fills it."""

    rows: Mapping[str, tuple[tuple[int, ...], npt.NDArray[Any]]]

    @property
    def row_elements(self) -> int:
        """Elements of the largest row."""
        return max(math.prod(shape) for shape, _ in self.rows.values())

    def longer(self, signature: Signature, free_axis: int) -> "Sample":
        """Return the same values with another length of the free axes."""
        shapes = {spec.name: _row_shape(spec, free_axis) for spec in signature.inputs}
        return Sample({name: (shapes[name], value) for name, (_, value) in self.rows.items()})

    def padded(self, padding: Padding) -> "Sample":
        """Return the one whose rows have the lengths that requests are filled up to."""
        longer = padding.padded(tuple(self.rows[name][0] for name in padding.inputs))
        return Sample(
            {
                name: (shape, self.rows[name][1])
                for name, shape in zip(padding.inputs, longer, strict=True)
            }
        )

    def of(self, rows: int) -> dict[str, npt.NDArray[Any]]:
        """Return each input with `rows` rows."""
        return {name: np.full((rows, *row), value) for name, (row, value) in self.rows.items()}


def samples(
    signature: Signature,
    *,
    free_axis: int,
    range_of: Callable[[str], Range] = lambda _: Range(),
) -> Iterator[Sample]:
    """Give the samples to try, likeliest first; values lie within what `range_of` says of each input.

    Each free axis gets the length `free_axis`, so that axes which must agree do.
    """
    for real, whole in _FILLS:
        yield Sample(
            {
                spec.name: (
                    _row_shape(spec, free_axis),
                    _value(spec, real if spec.datatype in FLOATS else whole, range_of(spec.name)),
                )
                for spec in signature.inputs
            }
        )


def _row_shape(spec: TensorSpec, free_axis: int) -> tuple[int, ...]:
    return tuple(free_axis if length is None else length for length in spec.row_shape)


def _value(spec: TensorSpec, fill: int, bounds: Range) -> npt.NDArray[Any]:
    low = -math.inf if bounds.minimum is None else bounds.minimum
    high = math.inf if bounds.maximum is None else bounds.maximum
    if spec.datatype == "BYTES":
        return np.array("1" if fill else "", dtype=np.object_)
    value = min(max(fill, low), high)
    if spec.datatype == "BF16":
        return from_float32(np.array(value, np.float32))
    if spec.datatype not in FLOATS:
        value = math.ceil(value) if value > fill else math.floor(value)
    return np.array(value).astype(spec.dtype)
