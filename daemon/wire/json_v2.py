"""The form application/json: an Open Inference Protocol v2 request and response."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import structs

from daemon.values.errors import Code, RequestRefused
from daemon.values.messages import Array, Arrays, Envelope
from daemon.wire import protocol
from daemon.wire.forms import Bounds, Decoded, Encoded, wanted_outputs
from daemon.wire.headers import CONTENT_TYPE
from daemon.wire.json_data import data_of, read_data, rows_of
from daemon.wire.ragged import agreed_lengths, lengths_in, read_ragged
from daemon.wire.shapes import check_same_rows, check_shape, in_rows, sent_shape
from runtime.signature import Signature, TensorSpec

JSON_TYPE = (CONTENT_TYPE, b"application/json")


def decode(body: bytes, signature: Signature, bounds: Bounds) -> Decoded:
    """Return the inputs in `body`.

    Raises: RequestRefused invalid_json, invalid_request, invalid_shape, invalid_value, too_large.
    """
    request = protocol.parse(body, most_depth=bounds.json_depth)
    arrays = {}
    rows = []
    ragged = {}
    padding = signature.padding
    for spec, tensor in protocol.matched(request, signature):
        if tensor.parameters.binary_data_size is not None:
            raise RequestRefused(
                Code.INVALID_REQUEST, f"input {spec.name}: binary data in a body that is only JSON"
            )
        data = required_data(tensor)
        own = None
        if padding is not None:
            own = read_ragged(spec, data, tensor.shape, padding, bounds)
        if own is not None:
            ragged[spec.name] = own
            arrays[spec.name] = own.array
            rows.append(len(own.array))
        else:
            rows.append(check_shape(spec, tensor.shape, most_rows=bounds.rows))
            array = read_data(spec, data, tensor.shape)
            arrays[spec.name] = array.reshape(in_rows(spec, tensor.shape))
    envelope = protocol.envelope_of(request, signature, binary=False)
    all_rows = check_same_rows(rows)
    if ragged and padding is not None:
        row_lengths = agreed_lengths(ragged, arrays, padding)
        envelope = structs.replace(envelope or Envelope(), row_lengths=row_lengths)
    return Decoded(arrays, all_rows, envelope)


def required_data(tensor: protocol.InputTensor) -> bytes:
    """Return the JSON text of an input's elements; raises RequestRefused invalid_request."""
    if not tensor.data:
        raise RequestRefused(Code.INVALID_REQUEST, f"input {tensor.name} has no data")
    return bytes(tensor.data)


def encode(outputs: Arrays, signature: Signature, envelope: Envelope | None, model: str) -> Encoded:
    """Return the response; `outputs` have the request's rows on their first axes."""
    tensors = []
    for spec, array in wanted_outputs(outputs, signature, envelope):
        shape, data = _told(spec, array, lengths_in(spec.name, envelope, signature.padding))
        tensors.append({"name": spec.name, "shape": shape, "datatype": spec.datatype, "data": data})
    return Encoded(response(tensors, envelope, model), [JSON_TYPE])


def _told(
    spec: TensorSpec, array: Array, lengths: Mapping[int, Sequence[int]]
) -> tuple[Sequence[int], list[Any]]:
    """Return shape and data of an output; nested where rows differ in length."""
    if not lengths:
        return sent_shape(spec, array), data_of(spec, array)
    row_shape = [-1 if place in lengths else each for place, each in enumerate(array.shape[1:])]
    return [len(array), *row_shape], rows_of(spec, array, lengths)


def response(tensors: list[dict[str, Any]], envelope: Envelope | None, model: str) -> bytes:
    """Return the JSON of a response with these outputs."""
    said: dict[str, Any] = {"model_name": model, "outputs": tensors}
    if envelope is not None and envelope.id is not None:
        said["id"] = envelope.id
    return msgspec.json.encode(said)
