"""Shapes that requests declare: checked in Python integers before anything is allocated."""

import math
from collections.abc import Sequence

from daemon.values.errors import Code, RequestRefused
from runtime.signature import TensorSpec


def check_shape(spec: TensorSpec, shape: Sequence[int], *, most_rows: int) -> int:
    """Return the rows of a tensor of this shape.

    Raises: RequestRefused invalid_shape for another rank, a length below 1 or one that is not the
    model's; too_large for more rows than a request may have.
    """
    if len(shape) != 1 + len(spec.row_shape):
        raise RequestRefused(
            Code.INVALID_SHAPE, f"{describe(spec)} has {len(shape)} axes, not {expected(spec)}"
        )
    if min(shape) < 1:
        raise RequestRefused(
            Code.INVALID_SHAPE, f"{describe(spec)} has an axis shorter than 1, not {expected(spec)}"
        )
    for length, wanted in zip(shape[1:], spec.row_shape, strict=True):
        if wanted is not None and length != wanted:
            raise RequestRefused(
                Code.INVALID_SHAPE, f"{describe(spec)} does not have shape {expected(spec)}"
            )
    check_rows(shape[0], most_rows=most_rows)
    return shape[0]


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
    return str([-1, *(-1 if length is None else length for length in spec.row_shape)])
