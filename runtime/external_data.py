"""Which other files an .onnx file keeps its weights in.

Pure. The onnx package is not needed at run time for this: protobuf's wire form is walked, and
nothing but the fields that lead to a tensor's `external_data` is looked at.
Source: onnx.proto3 (onnx 1.23) and the Protocol Buffers encoding guide.
"""

from collections.abc import Iterator

# Message -> field number -> message inside it.
_FIELDS: dict[str, dict[int, str]] = {
    "model": {7: "graph", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {
        5: "tensor",
        6: "graph",
        10: "tensor",
        11: "graph",
        22: "sparse",
        23: "sparse",
    },
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {13: "entry"},
}
_KEY, _VALUE = 1, 2  # StringStringEntryProto
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

# Deeper than any real nesting of subgraphs; keeps a crafted file from exhausting the stack.
_MAX_DEPTH = 200
_VARINT_BITS = 64


def external_files(model: bytes) -> frozenset[str]:
    """Return the files that `model` (an .onnx file's bytes) names as holding its weights.

    Raises:
        ValueError: it is not a well-formed protobuf message.
    """
    if b"location" not in model:  # the entry's key; a file without it is not worth walking
        return frozenset()
    return frozenset(_locations(memoryview(model), "model", 0))


def _locations(message: memoryview, kind: str, depth: int) -> Iterator[str]:
    if depth > _MAX_DEPTH:
        raise ValueError("its graphs are nested too deeply")
    if kind == "entry":
        entry = dict(_fields(message))
        if bytes(entry.get(_KEY, b"")) == b"location":
            yield bytes(entry.get(_VALUE, b"")).decode()
        return
    inside = _FIELDS[kind]
    for number, value in _fields(message):
        if number in inside:
            yield from _locations(value, inside[number], depth + 1)


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Give the length-delimited fields; skip the others."""
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
