"""What bodies may be, as JSON schemas (draft 7, which AsyncAPI's own schemas extend)."""

import math
from collections.abc import Container, Mapping, Sequence
from typing import Any, TypeAlias

from config.settings import Range
from config.transform_tables import ReadyMade
from daemon.values.errors import Code
from daemon.wire.shapes import expected
from runtime.padding import Place
from runtime.signature import Signature, TensorSpec

Schema: TypeAlias = Mapping[str, Any]

DEAD_ONLY = frozenset({Code.REPLY_TOPIC_DENIED, Code.UNDECODABLE_RECORD})
"""Codes that no reply has, since there is no address to reply to."""

_BYTES: Schema = {"type": "string", "format": "binary"}
_ANY = Range()
_OTHERS: Mapping[str, Schema] = {"BOOL": {"type": "boolean"}, "BYTES": {"type": "string"}}
"""Elements that are no numbers, by datatype."""
_TEXT_OR_LIST: Schema = {
    "oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]
}


def opaque(description: str) -> Schema:
    """Return the schema of bytes, of which `description` says what they are."""
    return {**_BYTES, "description": description}


def request_json(
    signature: Signature, ranges: Mapping[str, Range], *, most_rows: int, binary: bool
) -> Schema:
    """Return the schema of a protocol request; `binary`: of its JSON, behind which tensors may be bytes.

    `ranges`: what values of each input may be, by name.
    """
    ragged = _ragged(signature)
    tensors = [
        _tensor(
            spec,
            [_rows(most_rows), *_lengths(spec, ragged)],
            _element(spec.datatype, ranges[spec.name]),
            binary=binary,
        )
        for spec in signature.inputs
    ]
    outputs = {
        "type": "array",
        "description": "the outputs that are wanted, in this order; without it all",
        "items": _object({"name": {"enum": [spec.name for spec in signature.outputs]}}, ["name"]),
    }
    inputs = {"type": "array", "minItems": len(tensors), "maxItems": len(tensors)}
    inputs["items"] = {"oneOf": tensors}
    properties = {"id": {"type": "string"}, "inputs": inputs, "outputs": outputs}
    if binary:
        wanted = {"type": "boolean", "description": "whether outputs are wanted as bytes"}
        properties["parameters"] = _object({"binary_data_output": wanted}, [])
    return _object(properties, ["inputs"])


def result_json(signature: Signature, model: str, *, finite: bool, binary: bool) -> Schema:
    """Return the schema of a protocol response of `model`; `finite`: it gives no NaN and no infinity."""
    ragged = _ragged(signature)
    tensors = [
        _tensor(
            spec,
            [_rows(None), *_lengths(spec, ragged)],
            _element(spec.datatype) if finite else _or_null(_element(spec.datatype)),
            binary=binary,
        )
        for spec in signature.outputs
    ]
    outputs = {"type": "array", "minItems": 1, "items": {"oneOf": tensors}}
    properties = {"model_name": {"const": model}, "outputs": outputs, "id": {"type": "string"}}
    return _object(properties, ["model_name", "outputs"])


def json_then_bytes(json_part: Schema) -> Schema:
    """Return the schema of `json_part` with bytes behind it, which no JSON schema can say."""
    described = opaque("the JSON of x-json-part, then the bytes of tensors that say their size")
    return {**described, "x-json-part": json_part}


def raw_rows(spec: TensorSpec) -> Schema:
    """Return the schema of rows of one tensor, end to end."""
    elements = "x".join(map(str, spec.row_shape)) or "1"
    return opaque(
        f"rows end to end, each {elements} {spec.datatype}, little-endian, row-major:"
        f" {spec.row_bytes} bytes"
    )


def npy_file(spec: TensorSpec) -> Schema:
    """Return the schema of a .npy file of one tensor."""
    return opaque(f"a .npy file: {spec.datatype}, shape {expected(spec)}")


def texts() -> Schema:
    """Return the schema of a text in JSON, or of several."""
    return {
        **_object({"text": _TEXT_OR_LIST, "pair": _TEXT_OR_LIST}, ["text"]),
        "additionalProperties": False,
    }


def ready_made_result(table: ReadyMade) -> Schema:
    """Return the schema of its reply: an object, or a list of them for a list of texts."""
    if table.embedding is not None:
        each = _object({"embedding": {"type": "array", "items": {"type": "number"}}}, ["embedding"])
    elif table.labels is not None:
        label = _object(
            {"label": {"type": "string"}, "score": {"type": ["number", "null"]}}, ["label", "score"]
        )
        each = _object({"labels": {"type": "array", "items": label}}, ["labels"])
    else:
        each = {"type": "object"}
    return {"oneOf": [each, {"type": "array", "items": each}]}


def problem() -> Schema:
    """Return the schema of an error reply's body (RFC 9457)."""
    return _object(
        {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "code": {"enum": replied_codes()},
            "retriable": {
                "type": "boolean",
                "description": "whether the same request may fare better when it is sent again",
            },
            "detail": {"type": "string", "description": "for people; it may change"},
        },
        ["type", "title", "code", "retriable", "detail"],
    )


def replied_codes() -> list[str]:
    """Return the codes that error replies may have."""
    return [code.value for code in Code if code not in DEAD_ONLY]


def _tensor(spec: TensorSpec, shape: Sequence[Schema], element: Schema, *, binary: bool) -> Schema:
    """Return the schema of a tensor; `shape`: what its lengths may be, rows first."""
    sent = shape[1:] if spec.whole else shape
    properties: dict[str, Schema] = {
        "name": {"const": spec.name},
        "shape": {
            "type": "array",
            "items": sent or {},
            "minItems": len(sent),
            "maxItems": len(sent),
            "description": f"{expected(spec)}, -1 for any length",
        },
        "datatype": {"const": spec.datatype},
        "data": _data(element, len(sent)),
    }
    required = ["name", "shape", "datatype"]
    if not binary:
        return _object(properties, [*required, "data"])
    size = {"type": "integer", "minimum": 0}
    properties["parameters"] = _object({"binary_data_size": size}, ["binary_data_size"])
    either = [{"required": ["data"]}, {"required": ["parameters"]}]
    return {**_object(properties, required), "oneOf": either}


def _rows(most: int | None) -> Schema:
    rows = {"type": "integer", "minimum": 1}
    return rows if most is None else {**rows, "maximum": most}


def _ragged(signature: Signature) -> Container[Place]:
    """Return the axes by which rows of one request may differ."""
    if signature.padding is None:
        return frozenset()
    return {place for axis in signature.padding.axes for place in (*axis.inputs, *axis.outputs)}


def _lengths(spec: TensorSpec, ragged: Container[Place]) -> Sequence[Schema]:
    """Return what each axis of a row may be; `ragged`: axes by which rows may differ."""
    return [
        _length(length, may_differ=(spec.name, place) in ragged)
        for place, length in enumerate(spec.row_shape)
    ]


def _length(length: int | None, *, may_differ: bool) -> Schema:
    if length is not None:
        return {"const": length}
    free = {"type": "integer", "minimum": 1}
    return {"anyOf": [free, {"const": -1}]} if may_differ else free


def _data(element: Schema, axes: int) -> Schema:
    """Return the schema of elements that are flat, or nested as the shape says."""
    flat = nested = {"type": "array", "items": element}
    for _ in range(axes - 1):
        nested = {"type": "array", "items": nested}
    return flat if axes <= 1 else {"anyOf": [flat, nested]}


def _element(datatype: str, allowed: Range = _ANY) -> Schema:
    if datatype in _OTHERS:
        return _OTHERS[datatype]
    if "INT" not in datatype:
        return {"type": "number", **_bounds(allowed)}
    bits = int(datatype.removeprefix("U").removeprefix("INT"))
    least, most = (
        (0, 2**bits - 1) if datatype.startswith("U") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    )
    minimum = least if allowed.minimum is None else max(least, math.ceil(allowed.minimum))
    maximum = most if allowed.maximum is None else min(most, math.floor(allowed.maximum))
    return {"type": "integer", "minimum": minimum, "maximum": maximum}


def _or_null(element: Schema) -> Schema:
    return {**element, "type": [element["type"], "null"]}


def _bounds(allowed: Range) -> Schema:
    said = {"minimum": allowed.minimum, "maximum": allowed.maximum}
    return {name: value for name, value in said.items() if value is not None}


def _object(properties: Mapping[str, Any], required: Sequence[str]) -> dict[str, Any]:
    return {"type": "object", "required": [*required], "properties": dict(properties)}
