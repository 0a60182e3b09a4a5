"""A request to produce as it goes over the wire.

The client puts requests together from the inside out, and each level copies all that it holds: of every
batch six copies. Here the pieces are joined once.
"""

from collections.abc import Iterator
from typing import Any

from aiokafka.protocol.api import Request
from aiokafka.protocol.produce import ProduceRequest, ProduceRequest_v7, ProduceRequest_v8
from aiokafka.protocol.types import Array, Bytes, Int32, Schema


class _V7(ProduceRequest_v7):  # type: ignore[misc]  # aiokafka has no types here
    def encode(self) -> bytes:
        return _joined(self)


class _V8(ProduceRequest_v8):  # type: ignore[misc]  # aiokafka has no types here
    def encode(self) -> bytes:
        return _joined(self)


class Produce(Request[_V7 | _V8]):  # type: ignore[misc]  # aiokafka has no types here
    """Produce v8, whose answers say which records are at fault, and why; aiokafka stops at v7."""

    API_KEY = 0

    def __init__(self, request: ProduceRequest) -> None:
        """`request` is the client's, in whose place this one is sent."""
        self._request = request

    @property
    def required_acks(self) -> int:
        """As of the request in whose place it is sent."""
        acks: int = self._request.required_acks
        return acks

    def build(self, request_struct_class: type[_V7 | _V8]) -> _V7 | _V8:
        """Return what goes over the wire."""
        built: _V7 | _V8 = self._request.build(request_struct_class)
        return built


def _joined(request: _V7 | _V8) -> bytes:
    values = [request.get_item(name) for name in request.SCHEMA.names]
    return b"".join(_pieces(request.SCHEMA, values))


def _pieces(form: Any, value: Any) -> Iterator[bytes]:
    """Yield `value` as it is written in `form`, one of aiokafka.protocol.types."""
    if isinstance(form, Schema):
        for each, its in zip(form.fields, value, strict=True):
            yield from _pieces(each, its)
    elif isinstance(form, Array):
        yield Int32.encode(len(value))
        for item in value:
            yield from _pieces(form.array_of, item)
    elif form is Bytes:
        yield Int32.encode(len(value))
        yield value
    else:
        yield form.encode(value)
