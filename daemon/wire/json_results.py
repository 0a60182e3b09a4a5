"""The JSON responses to requests that ran together: the numbers of all are written in one go. Pure."""

from collections.abc import Sequence
from itertools import chain, repeat
from typing import NamedTuple

import msgspec

from daemon.values.messages import Array, Arrays, Envelope, Form, Request
from daemon.values.object_sizes import array_bytes
from daemon.values.request_run import in_runs
from daemon.wire.forms import wanted_outputs
from daemon.wire.json_data import data_of
from daemon.wire.json_v2 import response
from runtime.signature import Signature, TensorSpec

_NO_DATA = b'"data":[]'
"""Stands in no name: there a quote would have a backslash before it."""
_MOST_JOINED_BYTES = 2**18
"""Of outputs: their numbers take up to 32 times as much for a moment, and where rows are large
there is nothing to be gained."""


def can_be_joined(requests: Sequence[Request], outputs: Arrays, signature: Signature) -> bool:
    """Whether all of `requests` are answered with JSON of a few elements; what is cut back is written alone."""
    forms = [each.form for each in in_runs(requests)]
    are_json = forms.count(Form.JSON) == len(forms)
    return (
        are_json
        and (signature.padding is None or not signature.padding.cuts_outputs)
        and sum(map(array_bytes, outputs.values())) <= _MOST_JOINED_BYTES
    )


def responses(
    requests: Sequence[Request], outputs: Arrays, signature: Signature, model: str
) -> list[bytes]:
    """Return the body of the reply to each request, to the byte what json_v2.encode writes.

    `outputs` have the rows of all `requests`, in order, on their first axes.
    """
    asked = _asked(requests)
    written = {spec.name: _written(asked, spec, outputs[spec.name]) for spec in signature.outputs}
    frames: dict[tuple[int, tuple[str, ...] | None], _Frame] = {}
    bodies = []
    for place, each in enumerate(asked):
        rows, envelope = each
        kind = rows, None if envelope is None else envelope.outputs
        frame = frames.get(kind)
        if frame is None:
            frame = frames[kind] = _Frame(each, outputs, signature, model)
        given_id = None if envelope is None else envelope.id
        bodies.append(frame.filled([written[name][place] for name in frame.names], given_id))
    return bodies


class _Asked(NamedTuple):
    """How many rows a request has, and what it asks of its reply."""

    rows: int
    envelope: Envelope | None


def _asked(requests: Sequence[Request]) -> list[_Asked]:
    asked: list[_Asked] = []
    for each in in_runs(requests):
        if isinstance(each, Request):
            asked.append(_Asked(each.rows, each.envelope))
        else:
            asked += map(_Asked, repeat(1), each.columns.envelopes or [None] * each.count)
    return asked


class _Frame:
    """A response with no data yet, for requests of so many rows that want the same outputs."""

    def __init__(self, asked: _Asked, outputs: Arrays, signature: Signature, model: str) -> None:
        wanted = wanted_outputs(outputs, signature, asked.envelope)
        tensors = [
            {
                "name": spec.name,
                "shape": array.shape[1:] if spec.whole else (asked.rows, *array.shape[1:]),
                "datatype": spec.datatype,
                "data": [],
            }
            for spec, array in wanted
        ]
        self.names = [spec.name for spec, _ in wanted]
        *before, self._after = response(tensors, None, model).split(_NO_DATA)
        self._before = [b"%b%b" % (text, _NO_DATA[:-1]) for text in before]
        self._before[1:] = [b"]" + text for text in self._before[1:]]

    def filled(self, data: Sequence[bytes], given_id: str | None) -> bytes:
        """Return the response with the elements of each output."""
        start = b"".join(chain.from_iterable(zip(self._before, data, strict=True)))
        if given_id is None:
            return b"%b]%b" % (start, self._after)
        return b'%b]%b,"id":%b}' % (start, self._after[:-1], msgspec.json.encode(given_id))


def _written(asked: Sequence[_Asked], spec: TensorSpec, array: Array) -> list[bytes]:
    """Return the elements of each request's rows as JSON, without the brackets around them."""
    elements = data_of(spec, array)
    row_elements = len(elements) // len(array)
    lists = []
    first = 0
    for each in asked:
        last = first + each.rows * row_elements
        lists.append(elements[first:last])
        first = last
    if spec.datatype == "BYTES":  # brackets may stand in a string
        return [msgspec.json.encode(each)[1:-1] for each in lists]
    return msgspec.json.encode(lists)[2:-2].split(b"],[")
