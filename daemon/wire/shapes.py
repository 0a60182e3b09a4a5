"""Shapes that requests declare: checked in Python integers before anything is allocated."""

import math
from collections.abc import Sequence

from daemon.values.errors import Code, RequestRefused
from daemon.values.messages import Array
from runtime.signature import TensorSpec


def check_shape(spec: TensorSpec, shape: Sequence[int], *, most_rows: int) -> int:
    """Return the rows of a tensor of this shape.

    Raises: RequestRefused invalid_shape for another rank, a length below 1 or one that is not the
    model's; too_large for more rows than a request may have.
    """
    row = in_rows(spec, shape)[1:]
    if (len(shape) == 0 and not spec.whole) or len(row) != len(spec.row_shape):
        raise RequestRefused(
            Code.INVALID_SHAPE, f"{describe(spec)} has {len(shape)} axes, not {expected(spec)}"
        )
    if min(shape, default=1) < 1:
        raise RequestRefused(
            Code.INVALID_SHAPE, f"{describe(spec)} has an axis shorter than 1, not {expected(spec)}"
        )
    for length, wanted in zip(row, spec.row_shape, strict=True):
        if wanted is not None and length != wanted:
            raise RequestRefused(
                Code.INVALID_SHAPE, f"{describe(spec)} does not have shape {expected(spec)}"
            )
    rows = 1 if spec.whole else shape[0]
    check_rows(rows, most_rows=most_rows)
    return rows


def in_rows(spec: TensorSpec, shape: Sequence[int]) -> tuple[int, ...]:
    """Return the shape, rows first, of a tensor that is sent with `shape`: a whole one is one row."""
    return (1, *shape) if spec.whole else tuple(shape)


def sent_shape(spec: TensorSpec, array: Array) -> tuple[int, ...]:
    """Return the shape with which `array`, rows first, is sent."""
    return array.shape[1:] if spec.whole else array.shape


def check_rows(rows: int, *, most_rows: int) -> None:
    """Raise RequestRefused too_large for more rows than a request may have."""
    if rows > most_rows:
        raise RequestRefused(Code.TOO_LARGE, f"more than {most_rows} rows")


def check_size(spec: TensorSpec, shape: Sequence[int], size_bytes: int) -> None:
    """Raise RequestRefused invalid_shape unless `shape` takes exactly `size_bytes`."""
    if math.prod(shape) * spec.dtype.itemsize != size_bytes:
        raise RequestRefused(
            Code.INVALID_SHAPE, f"{describe(spec)}: its shape and its bytes do not agree"
        )


def check_same_rows(rows: Sequence[int]) -> int:
    """Return the rows that all inputs have; raises RequestRefused invalid_shape."""
    if len(set(rows)) != 1:
        raise RequestRefused(Code.INVALID_SHAPE, "the inputs differ in their number of rows")
    return rows[0]


def describe(spec: TensorSpec) -> str:
    """Name an input as error details do."""
    return f"input {spec.name}"


def expected(spec: TensorSpec) -> str:
    """Return the shape an input must have, -1 for a free axis, as the protocol writes it."""
    row = [-1 if length is None else length for length in spec.row_shape]
    return str(row if spec.whole else [-1, *row])
