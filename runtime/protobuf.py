"""An .onnx file's messages, walked field by field: the onnx package is not needed at run time. Pure.

Source: onnx.proto3 (onnx 1.23) and the Protocol Buffers encoding guide.
"""

from collections.abc import Iterator

MOST_DEPTH = 200
"""Deeper than any real nesting of subgraphs; keeps a crafted file from exhausting the stack."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_VARINT_BITS = 64


def fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Give the length-delimited fields by number; skip the others.

    Raises ValueError for what is no well-formed message.
    """
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        wire = tag & 7
        if wire == _VARINT:
            _, place = _varint(message, place)
        elif wire == _BYTES:
            length, place = _varint(message, place)
            yield tag >> 3, message[place : place + length]
            place += length
        elif wire in {_FIXED32, _FIXED64}:
            place += 4 if wire == _FIXED32 else 8
        else:
            raise ValueError("it is not an ONNX file")
    if place > len(message):
        raise ValueError("it is cut short")


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if place >= len(message):
            raise ValueError("it is cut short")
        byte = message[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 -- the high bit says that another byte follows
            return value, place
        shift += 7
        if shift > _VARINT_BITS:
            raise ValueError("it is not an ONNX file")
