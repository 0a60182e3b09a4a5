"""The form application/json: an Open Inference Protocol v2 request and response."""

from typing import Any

import msgspec

from daemon.values.errors import Code, RequestRefused
from daemon.values.messages import Arrays, Envelope
from daemon.wire import protocol
from daemon.wire.forms import Bounds, Decoded, Encoded, wanted_outputs
from daemon.wire.headers import CONTENT_TYPE
from daemon.wire.json_data import data_of, read_data
from daemon.wire.shapes import check_same_rows, check_shape, in_rows, sent_shape
from runtime.signature import Signature

JSON_TYPE = (CONTENT_TYPE, b"application/json")


def decode(body: bytes, signature: Signature, bounds: Bounds) -> Decoded:
    """Return the inputs in `body`.

    Raises: RequestRefused invalid_json, invalid_request, invalid_shape, invalid_value, too_large.
    """
    request = protocol.parse(body, most_depth=bounds.json_depth)
    arrays = {}
    rows = []
    for spec, tensor in protocol.matched(request, signature):
        if tensor.parameters.binary_data_size is not None:
            raise RequestRefused(
                Code.INVALID_REQUEST, f"input {spec.name}: binary data in a body that is only JSON"
            )
        rows.append(check_shape(spec, tensor.shape, most_rows=bounds.rows))
        array = read_data(spec, required_data(tensor), tensor.shape)
        arrays[spec.name] = array.reshape(in_rows(spec, tensor.shape))
    envelope = protocol.envelope_of(request, signature, binary=False)
    return Decoded(arrays, check_same_rows(rows), envelope)


def required_data(tensor: protocol.InputTensor) -> bytes:
    """Return the JSON text of an input's elements; raises RequestRefused invalid_request."""
    if not tensor.data:
        raise RequestRefused(Code.INVALID_REQUEST, f"input {tensor.name} has no data")
    return bytes(tensor.data)


def encode(outputs: Arrays, signature: Signature, envelope: Envelope | None, model: str) -> Encoded:
    """Return the response; `outputs` have the request's rows on their first axes."""
    tensors: list[dict[str, Any]] = [
        {
            "name": spec.name,
            "shape": sent_shape(spec, array),
            "datatype": spec.datatype,
            "data": data_of(spec, array),
        }
        for spec, array in wanted_outputs(outputs, signature, envelope)
    ]
    return Encoded(response(tensors, envelope, model), [JSON_TYPE])


def response(tensors: list[dict[str, Any]], envelope: Envelope | None, model: str) -> bytes:
    """Return the JSON of a response with these outputs."""
    said: dict[str, Any] = {"model_name": model, "outputs": tensors}
    if envelope is not None and envelope.id is not None:
        said["id"] = envelope.id
    return msgspec.json.encode(said)
