"""JSON bodies that differ from one that was read in the numbers of their data and in their id alone. Pure.

A body that was read is cut at these holes into the texts around them: a frame. Another body that has the
same texts, with arrays of numbers and a string where the holes are, has the same keys, shapes and depth: only
the numbers are left to be read, of many bodies at once.
No hole is believed: a frame counts only if the reader of the form finds in it what is put into its holes.
"""

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from msgspec import structs

from daemon.values.errors import Code, RequestRefused
from daemon.values.messages import Array, Arrays, Envelope
from daemon.wire import json_v2, protocol
from daemon.wire.forms import Bounds, Decoded
from daemon.wire.json_data import read_flat
from daemon.wire.json_text import UNREADABLE
from daemon.wire.shapes import in_rows
from runtime.signature import Signature, TensorSpec

_MOST_JOINED_BYTES = 2**18
"""Of texts that are read at once: their numbers take up to 16 times as much for a moment, no more
than those of one body of `limits.request_bytes` may."""
_TRIES = (0, 1)
"""What a body has in its holes already is told apart from one of two."""


class _Hole(NamedTuple):
    """The data of an input, brackets included, or (`spec` None) the id up to its closing quote."""

    start: int
    stop: int
    spec: TensorSpec | None
    shape: tuple[int, ...] = ()

    @property
    def end(self) -> bytes:
        return b'"' if self.spec is None else b"]"


class Joined(NamedTuple):
    """What bodies of one frame say: `arrays` have one axis more than those of one, the bodies."""

    arrays: Arrays
    rows: int
    envelopes: Sequence[Envelope | None]

    def apart(self) -> list[Decoded]:
        """Return what each body says, in arrays of its own: a view would keep all the others alive."""
        each = [
            {name: array[place].copy() for name, array in self.arrays.items()}
            for place in range(len(self.envelopes))
        ]
        return [
            Decoded(arrays, self.rows, envelope)
            for arrays, envelope in zip(each, self.envelopes, strict=True)
        ]


class Frame:
    """What bodies have in common beside their holes; `rows` and `envelope` are theirs, but for the id."""

    def __init__(
        self, body: bytes, holes: Sequence[_Hole], rows: int, envelope: Envelope | None
    ) -> None:
        self._holes = sorted(holes)
        starts = [0, *[hole.stop for hole in self._holes]]
        self._before = [
            (body[start : hole.start], hole.end)
            for start, hole in zip(starts, self._holes, strict=False)
        ]
        self._after = body[starts[-1] :]
        self.rows = rows
        self.envelope = envelope

    def texts(self, body: bytes) -> list[bytes] | None:
        """Return what `body` has in the holes, not looked at yet; None for a body of another frame."""
        texts = []
        place = 0
        for before, end in self._before:
            if not body.startswith(before, place):
                return None
            start = place + len(before)
            place = body.find(end, start) + 1
            if not place:
                return None
            texts.append(body[start:place])
        return texts if body[place:] == self._after else None

    def filled(self, texts: Sequence[bytes]) -> bytes:
        """Return the body with these texts in its holes."""
        parts = [before + text for (before, _), text in zip(self._before, texts, strict=True)]
        return b"".join(parts) + self._after

    def read(self, bodies: Sequence[list[bytes]]) -> "Joined":
        """Return what bodies say, by their texts; raises RequestRefused when one of them is not right."""
        envelopes: Sequence[Envelope | None] = [self.envelope] * len(bodies)
        arrays: dict[str, Array] = {}
        for hole, texts in zip(self._holes, zip(*bodies, strict=True), strict=True):
            if hole.spec is None:
                envelopes = [self._envelope(text) for text in texts]
            else:
                arrays[hole.spec.name] = read_flat(hole.spec, texts, hole.shape)
        return Joined(arrays, self.rows, envelopes)

    def _envelope(self, text: bytes) -> Envelope:
        try:
            given = msgspec.json.decode(b'"' + text, type=str)
        except UNREADABLE as error:
            raise RequestRefused(Code.INVALID_JSON, "the id is no string") from error
        return structs.replace(self.envelope or Envelope(), id=given)


def frame_of(body: bytes, signature: Signature, bounds: Bounds) -> Frame | None:
    """Return the frame of a body that json_v2.decode accepts, None where it has none to rely on."""
    decoded = json_v2.decode(body, signature, bounds)
    request = protocol.parse(body, most_depth=bounds.json_depth)
    holes = _holes(body, request, signature)
    if holes is None:
        return None
    frame = Frame(body, holes, decoded.rows, decoded.envelope)
    is_sound = all(_holds(frame, sorted(holes), signature, bounds, tried) for tried in _TRIES)
    return frame if is_sound else None


def _holes(
    body: bytes, request: protocol.InferenceRequest, signature: Signature
) -> list[_Hole] | None:
    holes = []
    place = 0
    for spec, tensor in protocol.matched(request, signature):
        text = bytes(tensor.data)
        place = body.find(text, body.find(b'"data"', place))
        is_flat = b"[" not in text[1:]
        if spec.datatype == "BYTES" or not is_flat or not math.prod(tensor.shape) or place < 0:
            return None
        shape = in_rows(spec, tensor.shape)
        holes.append(_Hole(place, place + len(text), spec, shape))
        place += len(text)
    if request.id is None:
        return holes
    text = msgspec.json.encode(request.id)
    start = body.find(text, body.find(b'"id"'))
    if start < 0:
        return None
    return [*holes, _Hole(start + 1, start + len(text), None)]


def _holds(
    frame: Frame, holes: Sequence[_Hole], signature: Signature, bounds: Bounds, tried: int
) -> bool:
    """Whether the reader finds in the frame what is put there, and nothing else is changed by it."""
    texts = [_trial(hole, tried) for hole in holes]
    body = frame.filled(texts)
    if frame.texts(body) != texts:
        return False
    try:
        found = json_v2.decode(body, signature, bounds)
        (meant,) = frame.read([texts]).apart()
    except RequestRefused:
        return False
    return (
        found.rows == meant.rows
        and _said(found.envelope) == _said(meant.envelope)
        and all((found.arrays[name] == array).all() for name, array in meant.arrays.items())
    )


def _said(envelope: Envelope | None) -> tuple[object, ...]:
    return () if envelope is None else structs.astuple(envelope)


def _trial(hole: _Hole, tried: int) -> bytes:
    if hole.spec is None:
        return b'%d"' % tried
    numbers = [(place + tried) % 2 for place in range(math.prod(hole.shape))]
    return msgspec.json.encode(
        [bool(number) for number in numbers] if hole.spec.datatype == "BOOL" else numbers
    )


def joinable(texts: Sequence[list[bytes]]) -> list[slice]:
    """Return the parts in which texts are to be read, so that none takes much memory."""
    ends = itertools.accumulate(sum(map(len, each)) for each in texts)
    parts = [end // _MOST_JOINED_BYTES for end in ends]
    firsts = [place for place, part in enumerate(parts) if place == 0 or part != parts[place - 1]]
    return [slice(first, last) for first, last in itertools.pairwise([*firsts, len(parts)])]
