"""A tensor's elements as JSON: flat or nested lists in, flat lists out; rows that differ in length nested."""

import itertools
import math
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np

from daemon.values.errors import Code, RequestRefused
from daemon.values.messages import Array
from daemon.wire.json_text import UNREADABLE, refusal
from daemon.wire.shapes import describe
from runtime import bfloat16
from runtime.signature import FLOATS, TensorSpec

_OPENING = re.compile(rb"(?:\[[ \t\r\n]*+)*+")
_LEAST, _MOST = -(2**63), 2**64 - 1
"""What a 64-bit integer can be, signed or not."""
_ANY = -1
"""In a shape: of a length of its own in each row."""


def read_data(spec: TensorSpec, text: bytes, shape: Sequence[int]) -> Array:
    """Return the elements in `text`, shape `shape`, dtype the model's.

    `shape` has been checked against the model. Elements are flat or nested as `shape` says. No
    number changes its kind: integers are integers, and fit; reals may be rounded, but not to
    infinity; BOOL is true or false; BYTES are strings.

    Raises: RequestRefused invalid_json, invalid_shape, invalid_value.
    """
    opening = _OPENING.match(text)
    depth = opening[0].count(b"[") if opening else 0
    if depth > 1 and depth != len(shape):
        raise _nested_unlike_shape(spec)
    try:
        values = _decoder(_element_type(spec), max(depth, 1)).decode(text)
    except UNREADABLE as error:
        refused = refusal(error, Code.INVALID_VALUE)
        raise RequestRefused(refused.code, f"{describe(spec)}: {refused.detail}") from error
    flat = values if depth <= 1 else _flattened(spec, values, shape)
    if len(flat) != math.prod(shape):
        raise RequestRefused(
            Code.INVALID_SHAPE, f"{describe(spec)}: data has not as many elements as shape says"
        )
    return _array(spec, flat).reshape(shape)


def read_rows(spec: TensorSpec, text: bytes, shape: Sequence[int]) -> tuple[Array, list[int]]:
    """Return the elements of all rows in `text`, flat, and the length of each row's axis that is -1 in `shape`.

    Elements are nested as `shape` says. Raises as read_data.
    """
    try:
        values = _decoder(_element_type(spec), len(shape)).decode(text)
    except UNREADABLE as error:
        refused = refusal(error, Code.INVALID_SHAPE)
        raise RequestRefused(refused.code, f"{describe(spec)}: {refused.detail}") from error
    lists, sizes = [values], [0]
    for length in shape:
        if length == _ANY:
            sizes = [len(each) for each in lists]
        elif any(len(each) != length for each in lists):
            raise _nested_unlike_shape(spec)
        lists = list(itertools.chain.from_iterable(lists))
    by_row = np.array(sizes).reshape(shape[0], -1)
    if by_row.min() < 1 or (by_row != by_row[:, :1]).any():
        raise _nested_unlike_shape(spec)
    return _array(spec, lists), by_row[:, 0].tolist()


def read_flat(spec: TensorSpec, texts: Sequence[bytes], shape: Sequence[int]) -> Array:
    """Return the elements of several texts, each flat, shape (len(texts), *shape).

    Each text has to end with its only closing bracket: then no other than one array each is read.
    Raises RequestRefused when one of them would be refused, or is not flat.
    """
    try:
        lists = _decoder(_element_type(spec), 2).decode(b"[" + b",".join(texts) + b"]")
    except UNREADABLE as error:
        raise refusal(error, Code.INVALID_VALUE) from error
    count = math.prod(shape)
    if len(lists) != len(texts) or any(len(each) != count for each in lists):
        raise RequestRefused(Code.INVALID_SHAPE, "data has not as many elements as shape says")
    return _array(spec, list(itertools.chain.from_iterable(lists))).reshape(len(texts), *shape)


def data_of(spec: TensorSpec, array: Array) -> list[Any]:
    """Return the elements of an output, flat, in row-major order."""
    elements: list[Any] = _values(spec, array).ravel().tolist()
    return elements


def rows_of(
    spec: TensorSpec, array: Array, lengths: Mapping[int, Sequence[int]]
) -> list[list[Any]]:
    """Return the elements of an output, nested, each row as long as `lengths` of its axes say.

    Axes are those of rows, counted from 0.
    """
    values = _values(spec, array)
    rows = []
    for place, row in enumerate(values):
        within = tuple(
            slice(lengths[axis][place] if axis in lengths else None) for axis in range(row.ndim)
        )
        rows.append(row[within].tolist())
    return rows


def _values(spec: TensorSpec, array: Array) -> Array:
    return bfloat16.to_float32(array) if spec.datatype == "BF16" else array  # type: ignore[arg-type]  # BF16 comes as uint16


def _nested_unlike_shape(spec: TensorSpec) -> RequestRefused:
    return RequestRefused(Code.INVALID_SHAPE, f"{describe(spec)}: data is nested unlike shape")


def _element_type(spec: TensorSpec) -> type:
    if spec.datatype in FLOATS:
        return float
    return {"BOOL": bool, "BYTES": str}.get(spec.datatype, int)


@lru_cache(maxsize=64)
def _decoder(element: type, depth: int) -> msgspec.json.Decoder[list[Any]]:
    nested: Any = element
    for _ in range(depth):
        nested = list[nested]
    return msgspec.json.Decoder(nested)


def _flattened(spec: TensorSpec, values: list[Any], shape: Sequence[int]) -> list[Any]:
    """Return the innermost elements; every list must be as long as `shape` says."""
    lists = [values]
    for length in shape:
        if any(len(each) != length for each in lists):
            raise _nested_unlike_shape(spec)
        lists = list(itertools.chain.from_iterable(lists))
    return lists


def _array(spec: TensorSpec, flat: list[Any]) -> Array:
    if spec.datatype in FLOATS:
        return _reals(spec, flat)
    try:
        return np.array(flat, spec.dtype)
    except OverflowError as error:
        if any(not _LEAST <= number <= _MOST for number in flat):
            raise RequestRefused(
                Code.INVALID_JSON, f"{describe(spec)}: an integer is wider than 64 bits"
            ) from error
        raise RequestRefused(
            Code.INVALID_VALUE, f"{describe(spec)}: an integer does not fit {spec.datatype}"
        ) from error


def _reals(spec: TensorSpec, flat: list[float]) -> Array:
    values = np.array(flat, np.float64)
    if spec.datatype == "FP64":
        return values
    with np.errstate(over="ignore"):
        if spec.datatype == "BF16":
            array: Array = bfloat16.from_float32(values.astype(np.float32))
            finite = np.isfinite(bfloat16.to_float32(array))  # type: ignore[arg-type]  # made above
        else:
            array = values.astype(spec.dtype)
            finite = np.isfinite(array)
    if not finite.all():
        raise RequestRefused(
            Code.INVALID_VALUE, f"{describe(spec)}: a number does not fit {spec.datatype}"
        )
    return array
