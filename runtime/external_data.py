"""Which other files an .onnx file keeps its weights in.

Pure. Nothing but the fields that lead to a tensor's `external_data` is looked at.
"""

from collections.abc import Iterator

from runtime.protobuf import MOST_DEPTH, fields

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


def external_files(model: bytes) -> frozenset[str]:
    """Return the files that `model` (an .onnx file's bytes) names as holding its weights.

    Raises:
        ValueError: it is not a well-formed protobuf message.
    """
    if b"location" not in model:  # the entry's key; a file without it is not worth walking
        return frozenset()
    return frozenset(_locations(memoryview(model), "model", 0))


def _locations(message: memoryview, kind: str, depth: int) -> Iterator[str]:
    if depth > MOST_DEPTH:
        raise ValueError("its graphs are nested too deeply")
    if kind == "entry":
        entry = dict(fields(message))
        if bytes(entry.get(_KEY, b"")) == b"location":
            yield bytes(entry.get(_VALUE, b"")).decode()
        return
    inside = _FIELDS[kind]
    for number, value in fields(message):
        if number in inside:
            yield from _locations(value, inside[number], depth + 1)
