"""An input made up for warming a model and for telling a sick session from a bad request. Pure."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from runtime.signature import FLOATS, Signature, TensorSpec

# Long enough to pass a kernel of 7, short enough to cost nothing; the setting sample_axes says
# better. Equal for all axes, so that axes which must agree do.
_FREE_AXIS = 8

# Floats, then integers, booleans and strings. Integers are ones first: a zero may be a divisor,
# where it fails the run or ends the process, or mask all of an input. Zeros come next, for tables
# of a single entry.
_FILLS = ((0, 1), (0, 0), (1, 1))


@dataclass(frozen=True)
class Sample:
    """Rows that are all alike: each input's row shape and the value that fills it."""

    rows: Mapping[str, tuple[tuple[int, ...], npt.NDArray[Any]]]

    def of(self, rows: int) -> dict[str, npt.NDArray[Any]]:
        """Return each input with `rows` rows."""
        return {name: np.full((rows, *row), value) for name, (row, value) in self.rows.items()}


def samples(
    signature: Signature,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    axes: Mapping[str, int] | None = None,
) -> Iterator[Sample]:
    """Give the samples to try, likeliest first; values lie within `minimum` and `maximum`."""
    low = -math.inf if minimum is None else minimum
    high = math.inf if maximum is None else maximum
    for real, whole in _FILLS:
        yield Sample(
            {
                spec.name: (
                    _row_shape(spec, axes or {}),
                    _value(spec, real if spec.datatype in FLOATS else whole, low, high),
                )
                for spec in signature.inputs
            }
        )


def _row_shape(spec: TensorSpec, axes: Mapping[str, int]) -> tuple[int, ...]:
    names = spec.axes or ("",) * len(spec.row_shape)
    return tuple(
        axes.get(name, _FREE_AXIS) if length is None else length
        for length, name in zip(spec.row_shape, names, strict=True)
    )


def _value(spec: TensorSpec, fill: int, low: float, high: float) -> npt.NDArray[Any]:
    if spec.datatype == "BYTES":
        return np.array("1" if fill else "", dtype=np.object_)
    value = min(max(fill, low), high)
    if spec.datatype == "BF16":
        bits = np.array(value, dtype=np.float32).view(np.uint32)
        return np.asarray(bits >> 16).astype(np.uint16)
    if spec.datatype not in FLOATS:
        value = math.ceil(value) if value > fill else math.floor(value)
    return np.array(value).astype(spec.dtype)
