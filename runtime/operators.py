"""Which operators of an .onnx file scale by all that is in a run. Pure.

Dynamic quantisation takes its scale from the whole tensor, so a row gets another answer beside other
rows: DynamicQuantizeLinear, DynamicQuantizeMatMul, DynamicQuantizeLSTM and whatever else has that word
in its name. onnxruntime tells no names of nodes; the file does, subgraphs and functions included.
"""

from collections.abc import Iterator

from runtime.protobuf import MOST_DEPTH, fields

_WORD = b"Dynamic"

# Message -> field number -> message inside it.
_FIELDS: dict[str, dict[int, str]] = {
    "model": {7: "graph", 25: "function"},
    "graph": {1: "node"},
    "function": {7: "node"},
    "node": {4: "operator", 5: "attribute"},
    "attribute": {6: "graph", 11: "graph"},
}


def dynamic_operators(model: bytes) -> frozenset[str]:
    """Return the names of the operators in `model` (an .onnx file's bytes) that scale by the whole batch.

    Raises:
        ValueError: it is not a well-formed protobuf message.
    """
    if _WORD not in model:  # a file without it is not worth walking
        return frozenset()
    names = frozenset(_operators(memoryview(model), "model", 0))
    return frozenset(name.decode("utf-8", "replace") for name in names if _WORD in name)


def _operators(message: memoryview, kind: str, depth: int) -> Iterator[bytes]:
    if depth > MOST_DEPTH:
        raise ValueError("its graphs are nested too deeply")
    if kind == "operator":
        yield bytes(message)
        return
    inside = _FIELDS[kind]
    for number, value in fields(message):
        if number in inside:
            yield from _operators(value, inside[number], depth + 1)
