"""A record batch of Kafka read record by record, so that a bad one does not hide its neighbours.

The client's parser, which is in C, stops at the first record it dislikes. This one is slow and runs
only over such a batch. Pure.

Source: https://kafka.apache.org/documentation/#recordbatch
"""

import struct
from collections.abc import Iterator
from typing import TypeAlias

from daemon.values.messages import Header, Unreadable
from daemon.values.record_columns import FetchedRecord

HEAD = struct.Struct(">qiibIhiqqqhii")
"""Base offset, length, leader epoch, magic, CRC, attributes, last offset delta, first and max
timestamp, producer id and epoch, base sequence, number of records."""
CHECKSUM = struct.Struct(">I")
CHECKSUM_AT = 17
"""Of all that follows it."""
ATTRIBUTES = struct.Struct(">h")
ATTRIBUTES_AT = 21
COUNT = struct.Struct(">i")
COUNT_AT = 57
CODEC_MASK = 0x07
MAGIC_AT = 16
_CURRENT_MAGIC = 2
LOG_APPEND_TIME = 0x08
_LONGEST_VARINT = 10
_NUMBERS = 2**64
"""As many as 64 bits have. Brokers and clients leave out what is beyond these."""

MOST_HEADERS = 20_000
"""Headers of a record that are read at all, beyond any limit of a request; as objects, 3 MiB."""
MOST_STUBS = 1_000
"""Unreadable records named one by one in a batch; whoever writes more of them hears of the rest as
one. A batch of 1 MB may claim tens of millions."""


def is_old(batch: memoryview) -> bool:
    """Whether `batch` is of a format before Kafka 0.11, in which no record has headers."""
    return batch[MAGIC_AT] < _CURRENT_MAGIC


def uncompressed_head(batch: memoryview) -> bytes:
    """Return the head of `batch` as it would be if its records were not packed."""
    head = bytearray(batch[: HEAD.size])
    (attributes,) = ATTRIBUTES.unpack_from(head, ATTRIBUTES_AT)
    ATTRIBUTES.pack_into(head, ATTRIBUTES_AT, attributes & ~CODEC_MASK)
    return bytes(head)


def is_sound(batch: memoryview) -> bool:
    """Whether no record of `batch`, whose records are not packed, has more headers than are read.

    False too where the records are damaged. O(records): only the long ones are looked into, since a
    header takes two bytes. The client would make objects of all: 64 MiB of headers took 5 GiB.
    """
    (count,) = COUNT.unpack_from(batch, COUNT_AT)
    reader = _Reader(batch, HEAD.size)
    try:
        for _ in range(count):
            body = reader.part(reader.varint())
            if len(body) > 2 * MOST_HEADERS and _header_count(body) > MOST_HEADERS:
                return False
    except ValueError:
        return False
    return True


def _header_count(body: memoryview) -> int:
    reader = _Reader(body, 1)  # attributes are unused
    reader.varint()
    reader.varint()
    for _ in ("key", "value"):
        reader.part(max(reader.varint(), 0))
    return reader.varint()


Item: TypeAlias = FetchedRecord | Unreadable


def read_leniently(batch: memoryview, topic: str, partition: int, first: int) -> Iterator[Item]:
    """Yield what `batch` holds from offset `first` on, each record or why it cannot be read.

    `batch` is a whole batch of magic 2, its records not packed.
    """
    (base, _, _, _, _, attributes, last_delta, first_ms, max_ms, _, _, _, count) = HEAD.unpack_from(
        batch
    )
    reader = _Reader(batch, HEAD.size)
    appended_ms = max_ms if attributes & LOG_APPEND_TIME else None
    expected, stubs = base, 0
    for _ in range(count):
        try:
            body = reader.part(reader.varint())
        except ValueError as error:
            yield from stubs_for(max(first, expected), base + last_delta, str(error))
            return
        item = _read(body, topic, partition, expected, (base, first_ms, appended_ms))
        if not expected <= item.offset <= base + last_delta:
            reason = f"offset {item.offset} is not of its batch"
            yield from stubs_for(max(first, expected), base + last_delta, reason)
            return
        expected = item.offset + 1
        if item.offset < first:
            continue
        if isinstance(item, Unreadable):
            stubs += 1
            if stubs == MOST_STUBS:
                yield from stubs_for(item.offset, base + last_delta, item.reason, most=1)
                return
        yield item
    if not reader.done:
        reason = f"its batch claims to hold {count} records"
        yield from stubs_for(max(first, expected), base + last_delta, reason)


def stubs_for(
    first: int, last: int, reason: str, *, most: int = MOST_STUBS
) -> Iterator[Unreadable]:
    """Yield one Unreadable an offset; the last of `most` speaks for all that follow."""
    for offset in range(first, min(last, first + most - 2) + 1):
        yield Unreadable(offset, reason)
    if last - first + 1 >= most:
        named = first + most - 1
        rest = f" (and all up to offset {last})" if last > named else ""
        yield Unreadable(named, reason + rest)


def _read(
    body: memoryview, topic: str, partition: int, expected: int, base: tuple[int, int, int | None]
) -> Item:
    """Read one record; `base` is the batch's offset, first timestamp and append time."""
    base_offset, first_ms, appended_ms = base
    reader = _Reader(body, 1)  # attributes are unused
    offset = expected
    try:
        timestamp = _in_64_bits(first_ms + reader.varint())
        offset = base_offset + reader.varint()
        key = reader.nullable()
        value = reader.nullable()
        headers: list[Header] = []
        count = reader.varint()
        if count > MOST_HEADERS:
            return Unreadable(offset, f"more than {MOST_HEADERS} headers")
        for _ in range(count):
            name = str(reader.part(reader.varint()), "utf-8")
            # Kafka allows a header without a value; so does the client's own parser.
            headers.append((name, reader.nullable()))  # type: ignore[arg-type]  # null is kept
    except UnicodeDecodeError:
        return Unreadable(offset, "a header's name is not UTF-8")
    except ValueError as error:
        return Unreadable(offset, str(error))
    if appended_ms is not None:
        timestamp = appended_ms
    return FetchedRecord(topic, partition, offset, timestamp, key, value, headers)


def _in_64_bits(number: int) -> int:
    """Return `number` as a signed integer of 64 bits has it."""
    return (number + _NUMBERS // 2) % _NUMBERS - _NUMBERS // 2


class _Reader:
    """Takes one field after the other; raises ValueError where the bytes end too early."""

    def __init__(self, data: memoryview, at: int) -> None:
        self._data = data
        self._at = at

    @property
    def done(self) -> bool:
        """Whether all was taken."""
        return self._at == len(self._data)

    def varint(self) -> int:
        """Return the next integer, zigzag encoded in up to ten bytes."""
        value = 0
        for shift in range(0, 7 * _LONGEST_VARINT, 7):
            (byte,) = self.part(1)
            value |= (byte & 0x7F) << shift
            if byte < 0x80:  # noqa: PLR2004 - the top bit says that more follow
                value %= _NUMBERS
                return (value >> 1) ^ -(value & 1)
        raise ValueError("a number of more than ten bytes")

    def part(self, length: int) -> memoryview:
        """Return the next `length` bytes."""
        end = self._at + length
        if length < 0 or end > len(self._data):
            raise ValueError(
                f"a part of {length} bytes where {len(self._data) - self._at} are left"
            )
        part = self._data[self._at : end]
        self._at = end
        return part

    def nullable(self) -> bytes | None:
        """Return the bytes that follow their length; -1 stands for none."""
        length = self.varint()
        return None if length < 0 else bytes(self.part(length))
