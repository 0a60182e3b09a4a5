"""A result in the form of its request."""

from daemon.values.messages import Arrays, Form, Request
from daemon.wire import binary, json_v2, npy, raw
from daemon.wire.forms import Encoded
from daemon.wire.tensor_bytes import bytes_of
from runtime.signature import Signature


def encode(request: Request, outputs: Arrays, signature: Signature) -> Encoded:
    """Return the body of the reply to `request`; `outputs` are its own rows.

    A transform's replies are its own; they do not come here.
    """
    if request.form is Form.RAW:
        (spec,) = signature.outputs
        return Encoded(bytes_of(spec, outputs[spec.name]), (raw.RAW_TYPE,))
    if request.form is Form.NPY:
        return npy.encode(outputs, signature)
    encode_protocol = binary.encode if request.form is Form.BINARY else json_v2.encode
    return encode_protocol(outputs, signature, request.envelope, request.bucket.model)
