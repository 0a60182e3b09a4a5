"""Whole batches read by columns, where their records are laid out alike. Pure.

Where each record begins is found out one after the other, since its length stands before it, or at once
where neighbours are as long as each other; from there on every field is read of all of them at once.
Whatever is odd is left to who reads record by record.

Source: https://kafka.apache.org/documentation/#recordbatch
"""

from collections.abc import Sequence

import numpy as np

from daemon.kafka.reading.record_batches import HEAD, LOG_APPEND_TIME
from daemon.values.record_columns import RecordColumns, SentColumn
from daemon.values.texts import Places, Texts, windows

LEAST_RECORDS = 128
"""That are worth columns: these take 0.2 ms by themselves, a record that is read alone 0.5 us."""
_MOST_HEADERS = 64
"""As `limits.headers` has it by default; records with more are read alone."""
_LEAST_RECORD_BYTES = 7
_MORE_FOLLOW, _SEVEN = 0x80, 0x7F
_LONGEST_VARINT = 5
"""Bytes: lengths and deltas have 32 bits, but for times, which are read alone where they need more."""
_NO_TEXT = -1
_SHORT_PLACES = 64
"""Records whose place in their batch takes one byte: those behind them may all be as long as each other."""


class _Odd(ValueError):
    """Not all records are laid out alike, or one is damaged."""


def read_columns(topic: str, partition: int, batches: Sequence[memoryview]) -> RecordColumns | None:
    """Return all records of `batches`, None where they are not alike.

    `batches` follow each other without a gap, are of magic 2, and their records are not packed.
    """
    heads = [HEAD.unpack_from(batch) for batch in batches]
    # Behind the last record there is room for a number, so that none is read beyond the end.
    data = b"".join([*[batch[HEAD.size :] for batch in batches], bytes(_LONGEST_VARINT)])
    counts = [head[-1] for head in heads]
    bodies_bytes = [len(batch) - HEAD.size for batch in batches]
    try:
        starts = _starts(data, counts, bodies_bytes)
        return _columns(topic, partition, data, starts, heads)
    except (ValueError, IndexError):
        return None


def _starts(data: bytes, counts: Sequence[int], bodies_bytes: Sequence[int]) -> Places:
    """Return where each record begins, and where the last one ends; raises IndexError, _Odd."""
    found: list[Places] = []
    at = end = 0
    for count, size_bytes in zip(counts, bodies_bytes, strict=True):
        end += size_bytes
        if not 0 < count <= size_bytes // _LEAST_RECORD_BYTES:
            raise _Odd
        first, at = _one_by_one(data, at, min(count, _SHORT_PLACES + 1))
        found.append(np.array(first))
        left = count - len(first)
        if left:
            alike = _as_long(data, first[-1], at, end)[1 : 1 + left]
            if len(alike):
                at = int(alike[-1]) + at - first[-1]
            others, at = _one_by_one(data, at, left - len(alike))
            found += [alike, np.array(others, np.int64)]
        if at != end:
            raise _Odd
    return np.concatenate([*found, [end]])


def _one_by_one(data: bytes, at: int, count: int) -> tuple[list[int], int]:
    """Return where `count` records from `at` on begin, and where the next one does."""
    starts: list[int] = []
    for _ in range(count):
        starts.append(at)
        low = data[at]
        if low < _MORE_FOLLOW:
            at += 1 + (low >> 1)
        elif (high := data[at + 1]) < _MORE_FOLLOW:
            at += 2 + ((low & _SEVEN | high << 7) >> 1)
        else:
            at += 3 + ((low & _SEVEN | (high & _SEVEN) << 7 | data[at + 2] << 14) >> 1)
    return starts, at


def _as_long(data: bytes, at: int, next_at: int, end: int) -> Places:
    """Return where the record at `at` begins, and those behind it that say the same length, up to `end`."""
    width = 1
    while data[at + width - 1] >= _MORE_FOLLOW:
        width += 1
    said = windows(data, width)[at : end : next_at - at]
    others = np.flatnonzero(said != said[0])
    count = int(others[0]) if len(others) else len(said)
    return np.arange(at, at + count * (next_at - at), next_at - at)


def _columns(
    topic: str, partition: int, data: bytes, starts: Places, heads: Sequence[Sequence[int]]
) -> RecordColumns:
    fields = _Fields(data, starts)
    counts = [head[-1] for head in heads]
    timestamps_ms = _timestamps(fields.numbers(), heads, counts)
    offsets = np.repeat([head[0] for head in heads], counts) + fields.numbers()
    first = heads[0][0]
    consecutive = range(first, first + len(offsets))
    keys, values = fields.texts(), fields.texts()
    headers = [_header(fields) for _ in range(fields.shared_number(most=_MOST_HEADERS))]
    if (
        values is None
        or not fields.are_over
        or not (offsets == np.arange(first, first + len(offsets))).all()
    ):
        raise _Odd
    return RecordColumns(topic, partition, consecutive, timestamps_ms, keys, values, headers)


def _timestamps(deltas_ms: Places, heads: Sequence[Sequence[int]], counts: Sequence[int]) -> Places:
    """Return when each record was sent, or appended where the topic has that instead."""
    (*_, is_appended, _, first_ms, max_ms, _, _, _, _) = zip(*heads, strict=True)
    appended = np.repeat(np.array(is_appended) & LOG_APPEND_TIME, counts) > 0
    sent_ms = np.repeat(first_ms, counts) + deltas_ms
    return np.where(appended, np.repeat(max_ms, counts), sent_ms)


def _header(fields: "_Fields") -> SentColumn:
    names, values = fields.texts(), fields.texts()
    name = None if names is None else names.shared
    if name is None or values is None:
        raise _Odd
    return SentColumn(name.decode(), values)


class _Fields:
    """Takes one field of all records after the other; raises _Odd where one ends too early."""

    def __init__(self, data: bytes, starts: Places) -> None:
        """`starts`: where records begin, and behind them where the last one ends."""
        self._data = data
        self._bytes = np.frombuffer(data, np.uint8)
        self._at, self._ends = starts[:-1], starts[1:]
        lengths = self.numbers()
        if not (self._at + lengths == self._ends).all():
            raise _Odd
        self._at = self._at + 1  # attributes are unused

    @property
    def are_over(self) -> bool:
        """Whether all was taken."""
        return bool((self._at == self._ends).all())

    def numbers(self) -> Places:
        """Return the next number of each, which is zigzag encoded, seven bits a byte."""
        read = self._bytes[self._at]
        found, at = (read & _SEVEN).astype(np.int64), self._at + 1
        more = read >= _MORE_FOLLOW
        for shift in range(7, 7 * _LONGEST_VARINT, 7):
            if not more.any():
                break
            read = self._bytes[at]
            found |= np.where(more, (read & _SEVEN).astype(np.int64) << shift, 0)
            at = at + more
            more &= read >= _MORE_FOLLOW
        if more.any():
            raise _Odd
        self._go_to(at)
        return (found >> 1) ^ -(found & 1)

    def shared_number(self, *, most: int) -> int:
        """Return the next number, which is the same for all, and `most` at most."""
        numbers = self.numbers()
        number = int(numbers[0])
        if not 0 <= number <= most or not (numbers == number).all():
            raise _Odd
        return number

    def texts(self) -> Texts | None:
        """Return the next text of each after its length; None: none has one."""
        lengths = self.numbers()
        if (lengths == _NO_TEXT).all():
            return None
        if (lengths < 0).any():
            raise _Odd
        texts = Texts(self._data, self._at, lengths)
        self._go_to(self._at + lengths)
        return texts

    def _go_to(self, at: Places) -> None:
        if (at > self._ends).any():
            raise _Odd
        self._at = at
