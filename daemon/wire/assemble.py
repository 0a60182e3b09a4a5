"""A batch's inputs as the model takes them, and the rows of its outputs that belong to each request."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

import numpy as np
from msgspec import structs

from daemon.values.messages import Array, Arrays, Form, Request
from daemon.values.request_run import Waiting, in_runs
from daemon.values.texts import Rows
from daemon.wire.ragged import own_elements
from daemon.wire.tensor_bytes import little_endian
from runtime.padding import Padding, fill_up_rows
from runtime.signature import Signature, TensorSpec


def assemble(requests: Sequence[Request], signature: Signature) -> Arrays:
    """Return each input by name, the rows of all `requests` in order on its first axis.

    Rows that came raw are joined and viewed, so the array may be read-only. Where rows are padded they are
    filled up to the shape of their bucket.
    """
    if signature.padding is not None:
        return _padded(requests, signature.padding)
    if is_raw(requests):
        (spec,) = signature.inputs
        return {spec.name: rows_of(joined(requests), spec)}
    every = [_arrays(each, signature) for each in in_runs(requests)]
    if len(every) == 1:
        return every[0]
    return {
        spec.name: np.concatenate([arrays[spec.name] for arrays in every])
        for spec in signature.inputs
    }


def is_raw(requests: Sequence[Request]) -> bool:
    """Whether all of `requests` are raw rows."""
    forms = [each.form for each in in_runs(requests)]
    # 10 ns a request; all() with Form.RAW looked up in each round takes 140, a set 105.
    return forms.count(Form.RAW) == len(forms)


def joined(raw: Sequence[Request]) -> bytes:
    """Return the bodies of raw requests end to end."""
    # The form says that inputs are bytes; looking at each of them again would take longer.
    return b"".join(cast("list[bytes]", [each.inputs for each in in_runs(raw)]))


def rows_of(body: bytes | Rows, spec: TensorSpec) -> Array:
    """View raw rows end to end as one array, read-only; `body` is whole rows."""
    lengths = [-1, *(length for length in spec.row_shape if length is not None)]
    flat: Array = np.frombuffer(body, little_endian(spec.dtype))
    return flat.astype(spec.dtype, copy=False).reshape(lengths)


def slices(
    requests: Sequence[Request], outputs: Arrays, padding: Padding | None
) -> Iterator[Arrays]:
    """Yield the outputs of each request: the rows that are its own, with its own lengths."""
    first = 0
    for request in requests:
        last = first + request.rows
        own = {name: array[first:last] for name, array in outputs.items()}
        yield own if padding is None else padding.cut_back(own, inputs_of(request))
        first = last


def padded_elements(requests: Sequence[Request], padding: Padding) -> tuple[int, int]:
    """Return the elements of all inputs in a run of `requests`, and how many of them filled rows up."""
    row_elements = sum(map(math.prod, requests[0].bucket.shape))
    rows = sum([request.rows for request in requests])
    own = [own_elements(inputs_of(each), each.envelope, padding) for each in requests]
    came = sum([array.size for each in own for array in each.values()])
    return rows * row_elements, rows * row_elements - came


def _padded(requests: Sequence[Request], padding: Padding) -> Arrays:
    shapes = zip(padding.inputs, padding.values, requests[0].bucket.shape, strict=True)
    return {
        name: fill_up_rows([inputs_of(request)[name] for request in requests], shape, value)
        for name, value, shape in shapes
    }


def inputs_of(request: Request) -> Arrays:
    """Return the inputs of a request for a model that pads: they are never raw, and have their own lengths."""
    return cast("Arrays", request.inputs)


def as_it_came(request: Request, padding: Padding) -> Request:
    """Return a request whose rows are not filled up when it runs: its bucket has its own lengths."""
    inputs = inputs_of(request)
    shape = tuple(inputs[name].shape[1:] for name in padding.inputs)
    return structs.replace(request, bucket=request.bucket._replace(shape=shape))


def _arrays(waiting: Waiting, signature: Signature) -> Arrays:
    inputs = waiting.inputs
    if isinstance(inputs, Mapping):
        return inputs
    (spec,) = signature.inputs
    return {spec.name: rows_of(inputs, spec)}
