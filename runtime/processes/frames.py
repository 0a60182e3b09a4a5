"""What a worker and a transform's process say to each other, as bytes on a socket.

Arrays go as they lie in memory, behind the message that names them, so that neither side copies them.
Nothing that comes back is unpickled: what a request does to the process of its transform stays there.
"""

import select
import socket
import time
from collections.abc import Mapping
from functools import partial
from math import inf
from typing import Any, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]

_LENGTH_BYTES = 4
_TEXTS = "O"
_NUMBERS = frozenset("biuf")
"""Kinds of dtypes; numpy's own letters."""


class Preprocess(msgspec.Struct, tag=True, frozen=True):
    """Make inputs of this body."""

    body: bytes
    headers: Mapping[str, bytes]


class Postprocess(msgspec.Struct, tag=True, frozen=True):
    """Make a reply of these outputs. `context`: what Rows had; `inputs` where they are asked for."""

    outputs: dict[str, np.ndarray]
    inputs: dict[str, np.ndarray]
    context: bytes | None


class Loaded(msgspec.Struct, tag=True, frozen=True):
    """The transform is there; what Conversion says of it."""

    cheap: bool
    asks_for: frozenset[str]


class Unusable(msgspec.Struct, tag=True, frozen=True):
    """It is not: a ModelRefused."""

    reason: str
    remedy: str


class Rows(msgspec.Struct, tag=True, frozen=True):
    """A request's inputs; `context` is pickled, for whichever process gets it back."""

    inputs: dict[str, np.ndarray]
    rows: int
    context: bytes | None


class Reply(msgspec.Struct, tag=True, frozen=True):
    """A reply's content type and body, after the model or without it."""

    content_type: str
    body: bytes


class Refusal(msgspec.Struct, tag=True, frozen=True):
    """The transform raised Rejected."""

    code: str
    detail: str


class Failure(msgspec.Struct, tag=True, frozen=True):
    """It failed: a TransformFailed."""

    detail: str
    place: tuple[str, int, str] | None


Call: TypeAlias = Preprocess | Postprocess
Outcome: TypeAlias = Loaded | Unusable | Rows | Reply | Refusal | Failure


class Channel:
    """One end of a stream socket between the two."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def send(self, message: Call | Outcome, *, until_s: float = inf) -> None:
        """Send `message`; raises OSError, TimeoutError at the moment `until_s`, TypeError for what no
        message can hold.
        """
        arrays: list[Array] = []
        head = msgspec.msgpack.encode(message, enc_hook=partial(_described, arrays))
        self.send_bytes(head, until_s=until_s)
        for array in arrays:
            self._await(until_s)
            self._end.sendall(_memory(array))

    def send_bytes(self, data: bytes, *, until_s: float = inf) -> None:
        """Send `data` and its length."""
        self._await(until_s)
        self._end.sendall(len(data).to_bytes(_LENGTH_BYTES) + data)

    def receive(self, kind: Any, *, until_s: float = inf) -> Any:  # noqa: ANN401 -- as `kind` says
        """Return the next message, one of the union `kind`; its arrays may be written to.

        Raises EOFError when the other side has ended, OSError, TimeoutError at the moment `until_s`,
        ValueError for what is no such message, MemoryError.
        """
        head = self.receive_bytes(until_s=until_s)
        arrays: list[Array] = []
        message = msgspec.msgpack.decode(head, type=kind, dec_hook=partial(_empty, arrays))
        for array in arrays:
            self._fill(_memory(array), until_s)
        return message

    def receive_bytes(self, *, until_s: float = inf) -> bytearray:
        """Return what send_bytes sent."""
        length = bytearray(_LENGTH_BYTES)
        self._fill(memoryview(length), until_s)
        data = bytearray(int.from_bytes(length))
        self._fill(memoryview(data), until_s)
        return data

    @property
    def has_something(self) -> bool:
        """Whether there is something to receive at once: the end of the other side, or what it sent."""
        poll = select.poll()
        poll.register(self._end, select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        """Let the other side see the end."""
        self._end.close()

    def _fill(self, memory: memoryview, until_s: float) -> None:
        while memory:
            self._await(until_s)
            count = self._end.recv_into(memory)
            if not count:
                raise EOFError("the other process has ended")
            memory = memory[count:]

    def _await(self, until_s: float) -> None:
        """Let the socket's next operation end at `until_s`."""
        left_s = until_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        self._end.settimeout(None if left_s == inf else left_s)


def _described(arrays: list[Array], value: object) -> object:
    """Return what is said of an array: dtype, shape, texts; its numbers are left in `arrays`."""
    if not isinstance(value, np.ndarray):  # msgspec asks for all that it does not know
        raise TypeError(f"a {type(value).__name__} cannot be sent")
    if value.dtype.hasobject:
        texts = value.ravel().tolist()
        if not all(isinstance(text, str) for text in texts):
            raise TypeError("an array of objects that are not str")
        return _TEXTS, value.shape, texts
    arrays.append(np.ascontiguousarray(value))
    return value.dtype.str, value.shape, None


def _empty(arrays: list[Array], _kind: type, said: Any) -> Array:  # noqa: ANN401 -- a stranger's
    """Return an array of which that is said; its numbers, which come next, are owed to `arrays`."""
    name, shape, texts = said
    if name == _TEXTS:
        if not all(isinstance(text, str) for text in texts):
            raise ValueError("texts that are not str")
        array = np.empty(len(texts), object)
        array[:] = texts
        return array.reshape(shape)
    dtype = np.dtype(name)
    if dtype.kind not in _NUMBERS:
        raise ValueError(f"an array of {dtype}")
    arrays.append(np.empty(shape, dtype))
    return arrays[-1]


def _memory(array: Array) -> memoryview:
    return array.reshape(-1).view(np.uint8).data
