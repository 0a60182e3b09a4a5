"""Records as they lie in Kafka's log: one alone, or a run of them by columns. Pure.

Of a run what all records share and columns of one width make an array, from one text of varying length
to the next; only such texts are touched record by record. Both forms come out the same, to the byte, as
the client's own builder makes them.

Source: https://kafka.apache.org/documentation/#recordbatch
"""

from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from daemon.values.outgoing import Column, HeaderColumn, Numbered, OutgoingRecord, RecordRun
from daemon.values.texts import Rows, Texts

_TWO_BYTES, _THREE_BYTES = 64, 8_192
"""From where on a number takes so many."""
_START = b"\0\0"
"""No attributes, and no time beyond the batch's."""
_QUADS = np.array([b"%04d" % number for number in range(10_000)]).view(np.uint8).reshape(-1, 4)
_MOST_NAMES = 256
"""A guess: many times those of ours, and of requesters that do not make names up."""
_MORE_FOLLOW = 0x80

Piece: TypeAlias = bytes | memoryview
"""A text, or some of one width end to end."""


class EncodedRecords(NamedTuple):
    """Records as they lie in a batch, in pieces end to end."""

    pieces: Sequence[Piece]
    records: int
    size_bytes: int


class _Texts(NamedTuple):
    """A column of texts of different lengths."""

    texts: Sequence[bytes]
    lengths: npt.NDArray[np.int64]


_Part: TypeAlias = bytes | Rows | _Texts
"""What all records of a run share, a column of one width, a column of any."""
_Whole: TypeAlias = Sequence[bytes] | npt.NDArray[np.void]
"""A text for each record, ready to be written."""


def encoded_record(record: OutgoingRecord, place: int) -> EncodedRecords:
    """Return `record` as the one at `place` of its batch."""
    key, value, headers = record
    parts = [_START, varint(place), _sized(key), _sized(value), varint(len(headers))]
    for name, text in headers:
        parts += (_name(name), _size(text), text or b"")
    length = sum(map(len, parts))
    parts.insert(0, varint(length))
    return EncodedRecords(parts, 1, len(parts[0]) + length)


def encoded_run(run: RecordRun, place: int, most_bytes: int) -> EncodedRecords:
    """Return the first records of `run`, from `place` on, as many as `most_bytes` have room for.

    0.12 us a record of 256 with seven headers of one width each; 25 us for each run.
    """
    parts = [*_parts(run)]
    lengths = _together(parts)
    if isinstance(lengths, int) and place < _TWO_BYTES < place + run.count:
        return _encoded_in_two(run, place, most_bytes)
    places = _places(place, run.count)
    parts = [_START, places, *parts]
    lengths = lengths + len(_START) + _length(places)
    sizes = varint(lengths) if isinstance(lengths, int) else _varints(lengths)
    count, size_bytes = _that_fit(lengths + _length(sizes), run.count, most_bytes)
    columns = [*_columns([sizes, *parts], run.count)]
    return EncodedRecords(_pieces(columns, count), count, size_bytes)


def _encoded_in_two(run: RecordRun, place: int, most_bytes: int) -> EncodedRecords:
    """Return the same for a run in which nothing but the length of places differs, and that once."""
    short = _TWO_BYTES - place
    first = encoded_run(run.part(0, short), place, most_bytes)
    if first.records < short:
        return first
    others = encoded_run(run.part(short, run.count), _TWO_BYTES, most_bytes - first.size_bytes)
    return EncodedRecords(
        [*first.pieces, *others.pieces],
        short + others.records,
        first.size_bytes + others.size_bytes,
    )


def _that_fit(sizes: int | npt.NDArray[np.int64], count: int, most_bytes: int) -> tuple[int, int]:
    """Return how many of `count` records of these sizes have room, and their bytes."""
    if isinstance(sizes, int):
        count = min(count, max(most_bytes, 0) // sizes)
        return count, count * sizes
    ends = np.cumsum(sizes)
    count = int(np.searchsorted(ends, most_bytes, side="right"))
    return count, int(ends[count - 1]) if count else 0


def _pieces(columns: Sequence[_Whole], count: int) -> Sequence[Piece]:
    """Return the first `count` records: one piece where no text is of a length of its own."""
    first = columns[0]
    if len(columns) == 1 and isinstance(first, np.ndarray):
        return [first[:count].data]
    listed = [each.tolist() if isinstance(each, np.ndarray) else each for each in columns]
    pieces = chain.from_iterable(zip(*listed, strict=True))
    return [*islice(pieces, count * len(columns))]


def _places(place: int, count: int) -> _Part:
    """Return the places from `place` on, which mostly are as long as each other."""
    end = place + count
    if end <= _TWO_BYTES:
        return _IN_ONE_BYTE[place:end]
    if place >= _TWO_BYTES and end <= _THREE_BYTES:
        return _IN_TWO_BYTES[place:end]
    return _texts([varint(number) for number in range(place, end)])


def _parts(run: RecordRun) -> Iterator[_Part]:
    yield from _column(run.keys)
    yield from _column(run.values)
    yield varint(len(run.headers))
    for header in run.headers:
        yield _name(header[0])
        if isinstance(header, HeaderColumn):
            yield from _column(header.values)
        else:
            yield _sized(header[1])


def _column(column: Column | Sequence[bytes | None]) -> Iterator[_Part]:
    """Yield what is in `column`, each after its length."""
    if isinstance(column, np.ndarray):
        yield varint(column.shape[1])
        yield column
    elif isinstance(column, Numbered):
        yield from _numbered(column)
    elif isinstance(column, Texts):
        yield from _in_memory(column)
    elif column[0] is None and column.count(None) == len(column):
        yield _NULL
    elif None in column:
        yield _texts([_sized(text) for text in column])
    else:
        yield from _of_any_length([text for text in column if text is not None])


def _of_any_length(texts: Sequence[bytes]) -> Iterator[_Part]:
    lengths = [*map(len, texts)]
    if lengths.count(lengths[0]) == len(lengths):
        yield varint(lengths[0])
        if lengths[0]:
            yield np.frombuffer(b"".join(texts), np.uint8).reshape(len(texts), -1)
    else:
        yield from _of_lengths(texts, np.array(lengths))


def _in_memory(texts: Texts) -> Iterator[_Part]:
    width = texts.width
    if width is None:
        yield from _of_lengths(texts.apart(), texts.lengths)
    else:
        yield varint(width)
        yield texts.rows(width)


def _of_lengths(texts: Sequence[bytes], lengths: npt.NDArray[np.int64]) -> Iterator[_Part]:
    if lengths.max() < _TWO_BYTES:
        yield (lengths << 1).astype(np.uint8)[:, np.newaxis]
        yield _Texts(texts, lengths)
    else:
        yield _texts([_sized(text) for text in texts])


def _texts(texts: Sequence[bytes]) -> _Texts:
    return _Texts(texts, np.array([*map(len, texts)]))


def _numbered(column: Numbered) -> Iterator[_Part]:
    """Numbers as long as each other that differ in their last four digits only are taken from a table."""
    start, numbers = column
    first, last = b"%d" % numbers[0], b"%d" % numbers[-1]
    digits = _QUADS.shape[1]
    if len(first) == len(last) and first[:-digits] == last[:-digits]:
        start += first[:-digits]
        own, low = min(len(first), digits), numbers[0] % len(_QUADS)
        yield varint(len(start) + own) + start
        yield _QUADS[low : low + numbers[-1] - numbers[0] + 1 : numbers.step, digits - own :]
    else:
        yield from _of_any_length([b"%b%d" % (start, number) for number in numbers])


def _length(part: _Part) -> int | npt.NDArray[np.int64]:
    if isinstance(part, bytes):
        return len(part)
    return part.lengths if isinstance(part, _Texts) else part.shape[1]


def _together(parts: Sequence[_Part]) -> int | npt.NDArray[np.int64]:
    """Return the bytes that the parts of each record take; an int: all take as many."""
    lengths = [*map(_length, parts)]
    shared = sum([each for each in lengths if isinstance(each, int)])
    return sum([each for each in lengths if not isinstance(each, int)], start=shared)


def _varints(numbers: npt.NDArray[np.int64]) -> Rows | _Texts:
    """Return `numbers` as they are written: mostly in two bytes each."""
    if numbers.min() < _TWO_BYTES or numbers.max() >= _THREE_BYTES:
        return _texts([varint(number) for number in numbers.tolist()])
    return _IN_TWO_BYTES.take(numbers, axis=0)


def _columns(parts: Sequence[_Part], count: int) -> Iterator[_Whole]:
    """Yield `parts` as texts; those that are none yet make one for each record, up to the next text."""
    fixed: list[bytes | Rows] = []
    for part in parts:
        if isinstance(part, _Texts):
            yield from _joint(fixed, count)
            yield part.texts
            fixed.clear()
        else:
            fixed.append(part)
    yield from _joint(fixed, count)


def _joint(parts: Sequence[bytes | Rows], count: int) -> Iterator[_Whole]:
    if not parts:
        return
    template = b"".join(
        [part if isinstance(part, bytes) else bytes(part.shape[1]) for part in parts]
    )
    rows = np.empty((count, len(template)), np.uint8)
    rows[:] = np.frombuffer(template, np.uint8)
    first = 0
    for part in parts:
        end = first + (len(part) if isinstance(part, bytes) else part.shape[1])
        if isinstance(part, np.ndarray):
            rows[:, first:end] = part
        first = end
    yield rows.view(f"V{len(template)}").ravel()


def varint(number: int) -> bytes:
    """Return `number`, which is not negative, as Kafka writes lengths and places."""
    return _WRITTEN[number] if number < _THREE_BYTES else _written(number)


def _written(number: int) -> bytes:
    """Return `number` zigzag, seven bits a byte, the lowest first."""
    left = (number << 1) ^ (number >> 63)
    written = bytearray()
    while left >= _MORE_FOLLOW:
        written.append(left % _MORE_FOLLOW | _MORE_FOLLOW)
        left //= _MORE_FOLLOW
    written.append(left)
    return bytes(written)


def _size(text: bytes | None) -> bytes:
    return _NULL if text is None else varint(len(text))


def _sized(text: bytes | None) -> bytes:
    return _NULL if text is None else varint(len(text)) + text


_names: dict[str, bytes] = {}


def _name(name: str) -> bytes:
    """Return a header's name as it is written. Requesters think of some, so few are kept."""
    written = _names.get(name)
    if written is None:
        written = _sized(name.encode())
        if len(_names) < _MOST_NAMES:
            _names[name] = written
    return written


_NULL = _written(-1)
_WRITTEN = [_written(number) for number in range(_THREE_BYTES)]
_IN_ONE_BYTE = np.frombuffer(b"".join(_WRITTEN[:_TWO_BYTES]), np.uint8).reshape(-1, 1)
_IN_TWO_BYTES = np.zeros((_THREE_BYTES, 2), np.uint8)
_IN_TWO_BYTES[_TWO_BYTES:] = np.frombuffer(b"".join(_WRITTEN[_TWO_BYTES:]), np.uint8).reshape(-1, 2)
