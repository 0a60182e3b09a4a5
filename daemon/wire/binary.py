"""The form application/octet-stream with a JSON part: the protocol's binary tensor extension.

The body is the JSON, as long as the header inference-header-content-length says, and then the bytes
of each input that names its `binary_data_size`, in the order of the inputs. Replies likewise.
"""

from typing import Any

from daemon.values.errors import Code, RequestRefused
from daemon.values.messages import Array, Arrays, Envelope
from daemon.wire import protocol
from daemon.wire.forms import Bounds, Decoded, Encoded, wanted_outputs
from daemon.wire.headers import CONTENT_TYPE, JSON_LENGTH
from daemon.wire.json_data import data_of, read_data
from daemon.wire.json_v2 import required_data, response
from daemon.wire.shapes import check_same_rows, check_shape, describe, in_rows, sent_shape
from daemon.wire.tensor_bytes import bytes_of, read_bytes
from runtime.signature import Signature, TensorSpec

OCTETS_TYPE = (CONTENT_TYPE, b"application/octet-stream")


def decode(body: bytes, json_bytes: int, signature: Signature, bounds: Bounds) -> Decoded:
    """Return the inputs in `body`, whose first `json_bytes` are JSON; views of it where they can be.

    Raises: RequestRefused invalid_json, invalid_request, invalid_shape, invalid_value, too_large.
    """
    if json_bytes > len(body):
        raise RequestRefused(Code.INVALID_REQUEST, f"header {JSON_LENGTH}: more than the body has")
    request = protocol.parse(body[:json_bytes], most_depth=bounds.json_depth)
    arrays: dict[str, Array] = {}
    rows = []
    place = json_bytes
    for spec, tensor in protocol.matched(request, signature):
        rows.append(check_shape(spec, tensor.shape, most_rows=bounds.rows))
        size = tensor.parameters.binary_data_size
        if size is None:
            array = read_data(spec, required_data(tensor), tensor.shape)
        else:
            _check_part(spec, tensor, size, left=len(body) - place)
            array = read_bytes(spec, body, place, size, tensor.shape)
            place += size
        arrays[spec.name] = array.reshape(in_rows(spec, tensor.shape))
    if place != len(body):
        raise RequestRefused(Code.INVALID_SHAPE, "the body has bytes that belong to no input")
    envelope = protocol.envelope_of(request, signature, binary=True)
    return Decoded(arrays, check_same_rows(rows), envelope)


def _check_part(spec: TensorSpec, tensor: protocol.InputTensor, size: int, *, left: int) -> None:
    if size < 0 or tensor.data:
        raise RequestRefused(
            Code.INVALID_REQUEST,
            f"{describe(spec)}: binary_data_size is negative, or data is given as well",
        )
    if size > left:
        raise RequestRefused(Code.INVALID_SHAPE, f"{describe(spec)}: the body ends before its data")


def encode(outputs: Arrays, signature: Signature, envelope: Envelope | None, model: str) -> Encoded:
    """Return the response; outputs are bytes after the JSON where the request asked for that."""
    binary = frozenset() if envelope is None else envelope.binary_outputs
    tensors = []
    parts = []
    for spec, array in wanted_outputs(outputs, signature, envelope):
        tensor: dict[str, Any] = {
            "name": spec.name,
            "shape": sent_shape(spec, array),
            "datatype": spec.datatype,
        }
        if spec.name in binary:
            part = bytes_of(spec, array)
            parts.append(part)
            tensor["parameters"] = {"binary_data_size": len(part)}
        else:
            tensor["data"] = data_of(spec, array)
        tensors.append(tensor)
    text = response(tensors, envelope, model)
    headers = [OCTETS_TYPE, (JSON_LENGTH, b"%d" % len(text))]
    return Encoded(b"".join((text, *parts)), headers)
