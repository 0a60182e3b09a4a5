"""The form application/x-npy: one array, its header read by a grammar, never by an interpreter.

Source: numpy.lib.format, versions 1.0 to 3.0. numpy's own reader parses the header as Python and
knows pickled objects; neither is used. What is after the header is bytes of a known dtype.
"""

import math
import re
import struct
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from daemon.values.errors import Code, RequestRefused
from daemon.values.messages import Arrays
from daemon.wire.forms import Bounds, Decoded, Encoded
from daemon.wire.headers import CONTENT_TYPE
from daemon.wire.shapes import check_shape, check_size, describe, in_rows, sent_shape
from daemon.wire.tensor_bytes import little_endian, settled
from runtime.signature import Signature, TensorSpec

NPY_TYPE = (CONTENT_TYPE, b"application/x-npy")

_MAGIC = b"\x93NUMPY"
_LENGTHS = {b"\x01\x00": struct.Struct("<H"), b"\x02\x00": struct.Struct("<I")}
_LENGTHS[b"\x03\x00"] = _LENGTHS[b"\x02\x00"]
_MOST_HEADER = 10_000
"""Bytes; numpy.lib.format's own limit."""
_ALIGNMENT = 64
"""What a header is padded to, so that data can be mapped (numpy.lib.format.ARRAY_ALIGN)."""
_MOST_AXES = 64
"""numpy.lib.array_utils: the most axes an array can have."""

_FIELD = re.compile(
    rb"""\s*(['"])(?:(descr)\1\s*:\s*(['"])([<>|=][a-zA-Z]\d*)\3"""
    rb"""|(fortran_order)\1\s*:\s*(True|False)"""
    rb"""|(shape)\1\s*:\s*\(\s*((?:-?\d+\s*,\s*)*+(?:-?\d+\s*)?)\))\s*(?:,|(?=\}))"""
)
_INTEGER = re.compile(rb"-?\d+")
_MOST_DIGITS = 20
"""A dimension has 63 bits, which are 19 digits, and may have a sign."""


class _Header(NamedTuple):
    descr: str
    fortran_order: bool
    shape: tuple[int, ...]
    size_bytes: int


def supports(signature: Signature) -> bool:
    """Whether requests can be .npy files: one input and one output, of dtypes that numpy has."""
    specs = (*signature.inputs, *signature.outputs)
    return len(signature.inputs) == len(signature.outputs) == 1 and all(
        spec.datatype not in {"BF16", "BYTES"} for spec in specs
    )


def decode(body: bytes, signature: Signature, bounds: Bounds) -> Decoded:
    """Return the one input in `body`, in either byte order and C or Fortran order.

    Raises: RequestRefused invalid_value for the header and dtype, invalid_shape, too_large.
    """
    (spec,) = signature.inputs
    header = _read_header(body)
    dtype = _dtype(spec, header.descr)
    rows = check_shape(spec, header.shape, most_rows=bounds.rows)
    check_size(spec, header.shape, len(body) - header.size_bytes)
    flat = np.frombuffer(body, dtype, math.prod(header.shape), header.size_bytes)
    array = settled(spec, flat).reshape(header.shape, order="F" if header.fortran_order else "C")
    rows_first = np.ascontiguousarray(array).reshape(in_rows(spec, header.shape))
    return Decoded({spec.name: rows_first}, rows)


def encode(outputs: Arrays, signature: Signature) -> Encoded:
    """Return the one output as a .npy file, version 1.0, little-endian, C order."""
    (spec,) = signature.outputs
    array = outputs[spec.name]
    dtype = np.dtype(np.bool_) if spec.datatype == "BOOL" else little_endian(spec.dtype)
    head = _written_header(dtype.str, sent_shape(spec, array))
    return Encoded(head + array.astype(dtype, copy=False).tobytes(), [NPY_TYPE])


def _malformed(fault: str) -> RequestRefused:
    return RequestRefused(Code.INVALID_VALUE, f".npy: {fault}")


def _read_header(body: bytes) -> _Header:
    if not body.startswith(_MAGIC):
        raise _malformed("not a .npy file")
    place = len(_MAGIC) + 2
    length_field = _LENGTHS.get(body[len(_MAGIC) : place])
    if length_field is None:
        raise _malformed("its format version is not 1.0, 2.0 or 3.0")
    first = place + length_field.size
    if len(body) < first:
        raise _malformed("it ends in its header")
    (length,) = length_field.unpack_from(body, place)
    if length > _MOST_HEADER:
        raise _malformed(f"its header has more than {_MOST_HEADER} bytes")
    if len(body) < first + length:
        raise _malformed("it ends in its header")
    return _parsed(body[first : first + length].strip(), first + length)


def _parsed(text: bytes, size_bytes: int) -> _Header:
    fields: dict[bytes, bytes] = {}
    if text[:1] != b"{":
        raise _malformed("its header is not understood")
    place = 1
    while found := _FIELD.match(text, place):
        if found[2]:
            fields[found[2]] = found[4]
        elif found[5]:
            fields[found[5]] = found[6]
        else:
            fields[found[7]] = found[8]
        place = found.end()
    if len(fields) != len(_Header._fields) - 1 or text[place:].strip() != b"}":
        raise _malformed("its header is not understood, or its dtype is not a plain number's")
    return _Header(
        fields[b"descr"].decode(),
        fields[b"fortran_order"] == b"True",
        _shape(fields[b"shape"]),
        size_bytes,
    )


def _shape(text: bytes) -> tuple[int, ...]:
    numbers = _INTEGER.findall(text)
    if len(numbers) > _MOST_AXES or any(len(number) > _MOST_DIGITS for number in numbers):
        raise RequestRefused(Code.INVALID_SHAPE, ".npy: its shape is beyond what an array can be")
    return tuple(map(int, numbers))


def _dtype(spec: TensorSpec, descr: str) -> np.dtype[np.generic]:
    """Return the model's dtype in the file's byte order; of the file's own words only that is used."""
    kind_and_size = spec.dtype.str[1:]
    if descr[1:] == kind_and_size:
        return np.dtype(descr[0] + kind_and_size)
    raise _malformed(f"its dtype is {descr}, {describe(spec)} is {spec.datatype}")


@lru_cache(maxsize=256)
def _written_header(descr: str, shape: tuple[int, ...]) -> bytes:
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape!r}, }}".encode()
    taken = len(_MAGIC) + 4
    padding = -(taken + len(text) + 1) % _ALIGNMENT
    return b"".join(
        (
            _MAGIC,
            b"\x01\x00",
            struct.pack("<H", len(text) + padding + 1),
            text,
            b" " * padding,
            b"\n",
        )
    )
