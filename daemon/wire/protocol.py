"""The JSON of the Open Inference Protocol, version 2: what its requests say, matched to a model.

Shared by the JSON form and the binary form, whose first part is the same JSON.
Source: https://github.com/kserve/open-inference-protocol (inference_rest.md, binary tensor data
extension of Triton's protocol/extension_binary_data.md). Unknown fields are ignored.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from daemon.values.errors import Code, RequestRefused
from daemon.values.messages import Envelope
from daemon.wire.json_text import UNREADABLE, check_text, check_well_formed, refusal
from runtime.signature import Signature, TensorSpec


class Parameters(msgspec.Struct, frozen=True, gc=False):
    """The parameters that mean something here; each belongs to another place of a request."""

    binary_data_size: int | None = None
    """Of an input: its bytes after the JSON."""
    binary_data: bool | None = None
    """Of an output: whether it is wanted as bytes."""
    binary_data_output: bool = False
    """Of the request: whether outputs that do not say are wanted as bytes."""


_NONE = Parameters()


class InputTensor(msgspec.Struct, frozen=True, gc=False):
    """One input as sent; `data` is JSON text not yet looked at, empty when missing."""

    name: str
    shape: list[int]
    datatype: str
    data: msgspec.Raw = msgspec.Raw(b"")
    parameters: Parameters = _NONE


class RequestedOutput(msgspec.Struct, frozen=True, gc=False):
    """One output that the request asks for."""

    name: str
    parameters: Parameters = _NONE


class InferenceRequest(msgspec.Struct, frozen=True, gc=False):
    """A request as sent."""

    inputs: list[InputTensor]
    id: str | None = None
    outputs: list[RequestedOutput] | None = None
    parameters: Parameters = _NONE


_DECODER = msgspec.json.Decoder(InferenceRequest)


def parse(text: bytes, *, most_depth: int) -> InferenceRequest:
    """Return the request; raises RequestRefused invalid_json or, for its fields, invalid_request."""
    try:
        request = _DECODER.decode(text)
    except msgspec.ValidationError as error:  # it stopped there: look at all of the text
        check_well_formed(text, most_depth=most_depth)
        raise refusal(error, Code.INVALID_REQUEST) from error
    except UNREADABLE as error:
        raise refusal(error, Code.INVALID_REQUEST) from error
    data = [bytes(tensor.data) for tensor in request.inputs if tensor.data]
    check_text(text, most_depth=most_depth, arrays=data)
    return request


def matched(
    request: InferenceRequest, signature: Signature
) -> Iterator[tuple[TensorSpec, InputTensor]]:
    """Yield each input of the request, in its order, with what the model wants of it.

    Raises: RequestRefused invalid_request for an input that is unknown, missing or given twice;
    invalid_value for another datatype than the model's.
    """
    specs = {spec.name: spec for spec in signature.inputs}
    _check_names([tensor.name for tensor in request.inputs], specs, "input")
    if len(request.inputs) < len(specs):
        missing = specs.keys() - {tensor.name for tensor in request.inputs}
        raise RequestRefused(Code.INVALID_REQUEST, f"input {min(missing)} is missing")
    for tensor in request.inputs:
        spec = specs[tensor.name]
        if tensor.datatype != spec.datatype:
            raise RequestRefused(
                Code.INVALID_VALUE, f"input {spec.name} is {tensor.datatype}, not {spec.datatype}"
            )
        yield spec, tensor


def envelope_of(
    request: InferenceRequest, signature: Signature, *, binary: bool
) -> Envelope | None:
    """Return what the request asks of its reply, None when nothing out of the ordinary.

    *binary*: whether the form allows outputs as bytes. Raises RequestRefused invalid_request for an
    output that is unknown or asked for twice.
    """
    asked = request.outputs or ()
    names = [output.name for output in asked] or [spec.name for spec in signature.outputs]
    if asked:
        _check_names(names, {spec.name for spec in signature.outputs}, "output")
    if request.id is None and not asked and not binary:
        return None
    return Envelope(
        request.id,
        tuple(names) if asked else None,
        frozenset(_binary_names(names, asked, request.parameters)) if binary else frozenset(),
    )


def _binary_names(
    names: Sequence[str], asked: Sequence[RequestedOutput], parameters: Parameters
) -> Iterator[str]:
    for name, output in itertools.zip_longest(names, asked):
        wanted = None if output is None else output.parameters.binary_data
        if parameters.binary_data_output if wanted is None else wanted:
            yield name


def _check_names(names: Sequence[str], known: Iterable[str], role: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name not in known:
            raise RequestRefused(Code.INVALID_REQUEST, f"the model has no {role} {name}")
        if name in seen:
            raise RequestRefused(Code.INVALID_REQUEST, f"{role} {name} is given twice")
        seen.add(name)
