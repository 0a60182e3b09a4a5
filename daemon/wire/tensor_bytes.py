"""A tensor's elements as little-endian bytes, as the binary tensor extension lays them out."""

import math
import struct
from collections.abc import Iterator, Sequence

import numpy as np

from daemon.values.errors import Code, RequestRefused
from daemon.values.messages import Array
from daemon.wire.shapes import check_size, describe
from runtime.signature import TensorSpec

_LENGTH = struct.Struct("<I")


def read_bytes(spec: TensorSpec, body: bytes, first: int, size: int, shape: Sequence[int]) -> Array:
    """Return the elements in `body[first:first + size]`, which must exist; a view where it can be.

    Raises: RequestRefused invalid_shape, invalid_value.
    """
    if spec.datatype == "BYTES":
        return _strings(spec, body, first, size, shape)
    check_size(spec, shape, size)
    flat: Array = np.frombuffer(body, little_endian(spec.dtype), math.prod(shape), first)
    return settled(spec, flat).reshape(shape)


def bytes_of(spec: TensorSpec, array: Array) -> bytes:
    """Return the elements of an output, row-major."""
    if spec.datatype != "BYTES":
        return array.astype(little_endian(spec.dtype), copy=False).tobytes()
    texts = [str(element).encode() for element in array.ravel()]
    return b"".join(_LENGTH.pack(len(text)) + text for text in texts)


def little_endian(dtype: np.dtype[np.generic]) -> np.dtype[np.generic]:
    """Return `dtype` in the byte order of the wire."""
    return np.dtype(np.uint8) if dtype == np.bool_ else dtype.newbyteorder("<")


def settled(spec: TensorSpec, array: Array) -> Array:
    """Return `array` as the model takes it: native byte order, aligned, BOOL proven to be 0 or 1.

    Raises: RequestRefused invalid_value.
    """
    if spec.datatype == "BOOL":
        if (array.view(np.uint8) > 1).any():
            raise RequestRefused(Code.INVALID_VALUE, f"{describe(spec)}: a BOOL is not 0 or 1")
        return array.view(np.bool_)
    return np.require(array, spec.dtype, ["ALIGNED"])


def _strings(spec: TensorSpec, body: bytes, first: int, size: int, shape: Sequence[int]) -> Array:
    count = math.prod(shape)
    if count * _LENGTH.size > size:
        raise RequestRefused(
            Code.INVALID_SHAPE, f"{describe(spec)}: its shape and its bytes do not agree"
        )
    texts = np.empty(count, np.object_)
    texts[:] = list(_read_strings(spec, body, first, first + size, count))
    return texts.reshape(shape)


def _read_strings(spec: TensorSpec, body: bytes, place: int, end: int, count: int) -> Iterator[str]:
    for _ in range(count):
        if place + _LENGTH.size > end:
            raise RequestRefused(Code.INVALID_SHAPE, f"{describe(spec)} has too few strings")
        (length,) = _LENGTH.unpack_from(body, place)
        place += _LENGTH.size
        if length > end - place:
            raise RequestRefused(
                Code.INVALID_VALUE, f"{describe(spec)}: a string is longer than its bytes"
            )
        try:
            yield body[place : place + length].decode()
        except UnicodeDecodeError as error:
            raise RequestRefused(
                Code.INVALID_VALUE, f"{describe(spec)}: a string is not UTF-8"
            ) from error
        place += length
    if place != end:
        raise RequestRefused(Code.INVALID_SHAPE, f"{describe(spec)} has bytes after its strings")
