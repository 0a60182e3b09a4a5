"""The records of one batch, taken as far as there is room; an unreadable one hides no other.

What the client's parser makes of a batch is taken as it is, as long as nothing is odd about it: that
is fast. Else its records are looked at one by one, and where that parser stops another one goes on
(record_batches.py).
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from operator import attrgetter, ne
from typing import Any

from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.structs import TopicPartition

from daemon.kafka.reading.batch_reading import BatchReading
from daemon.kafka.reading.decompression import Unpacked
from daemon.kafka.reading.record_batches import (
    COUNT,
    COUNT_AT,
    HEAD,
    Item,
    is_old,
    read_leniently,
    stubs_for,
)
from daemon.kafka.reading.room import Room
from daemon.values.messages import Unreadable
from daemon.values.object_sizes import headers_bytes
from daemon.values.record_columns import FetchedRecord

_OFFSET, _HEADERS = attrgetter("offset"), attrgetter("headers")


class _Forged(ValueError):
    """A record claims an offset outside of its batch."""


class OpenBatch:
    """A batch whose records are unpacked. `next_offset` is right whenever `take` has returned.

    Nothing that it holds leads back to it: a large one goes when nobody has it any more.
    """

    __slots__ = (
        "_batch_reading",
        "_head",
        "_is_odd",
        "_partition",
        "_plain",
        "_rest",
        "next_offset",
    )

    def __init__(
        self,
        partition: TopicPartition,
        head: Any,
        unpacked: Unpacked | None,
        first: int,
        batch_reading: BatchReading,
    ) -> None:
        """`head` is the batch as the client shows it; `unpacked` None: it has no records to read.

        Records before offset `first` are left out; those that cannot be read go to `batch_reading`.
        """
        self.next_offset = first
        self._partition = partition
        self._head = head
        self._batch_reading = batch_reading
        self._plain = None if unpacked is None else unpacked.plain
        self._is_odd = False
        """Whether its records have to be looked at one by one."""
        self._rest: Iterator[Any] = iter(())
        """Those that were not taken yet."""
        if unpacked is None:
            return
        if unpacked.is_sound:
            self._is_odd = is_old(unpacked.plain)
            self._rest = _in_parts(head if self._is_odd else DefaultRecordBatch(unpacked.plain))
        else:
            self._read_leniently(unpacked.plain)

    def take(self, taken: list[FetchedRecord], room: Room) -> bool:
        """Add to `taken` what `room` has place for; return whether the batch is over."""
        size_bytes = len(self._plain or b"")
        if room.bytes < size_bytes <= room.most_bytes:
            room.bytes = 0  # another look takes it whole, which is faster
            return False
        if size_bytes <= room.bytes and not self._is_odd:
            records = self._consecutive(room.records)
            if records is not None:
                taken += records
                is_over = len(records) < room.records or self._is_read_whole
                room.records -= len(records)
                room.bytes -= self._share_bytes(records)
                return is_over
            self._is_odd = True
            self._rest = _in_parts(DefaultRecordBatch(self._plain))
        return self._take_one_by_one(taken, room)

    def _consecutive(self, most: int) -> list[FetchedRecord] | None:
        """Return the next records, None when they are not one after the other or one is unreadable.

        0.7 us a record, most of it the client's.
        """
        topic, partition = self._partition
        try:
            records = [
                FetchedRecord(
                    topic,
                    partition,
                    record.offset,
                    record.timestamp,
                    record.key,
                    record.value,
                    record.headers,
                )
                for record in islice(self._rest, most)
            ]
        except Exception:  # noqa: BLE001 - whatever C makes of bytes from outside is looked at again
            return None
        if records:
            first, last = records[0].offset, records[-1].offset
            if first < self.next_offset or last >= self._head.next_offset:
                return None
            if last - first + 1 != len(records) or any(
                map(ne, map(_OFFSET, records), range(first, last + 1))
            ):
                return None
            self.next_offset = last + 1
        return records

    def _share_bytes(self, records: Sequence[FetchedRecord]) -> int:
        """Return about how much of the batch `records` are, and what their headers take besides."""
        plain, count = self._plain or b"", 0
        if len(plain) >= HEAD.size:
            (count,) = COUNT.unpack_from(plain, COUNT_AT)
        own_bytes: int = len(plain) * len(records) // max(count, len(records), 1)
        headers = sum(map(len, map(_HEADERS, records)))
        return own_bytes + headers_bytes(headers, of=len(records))

    def _take_one_by_one(self, taken: list[FetchedRecord], room: Room) -> bool:
        """Do so with a batch that has gaps, bad records, or more bytes than `room`."""
        topic, partition = self._partition
        last = self._head.next_offset - 1
        try:
            for record in self._rest:
                offset = record.offset
                if offset < self.next_offset:
                    continue
                if offset > last:
                    raise _Forged  # noqa: TRY301 - it must not hide what follows the batch
                key, value, headers = record.key, record.value, record.headers
                taken.append(
                    FetchedRecord(topic, partition, offset, record.timestamp, key, value, headers)
                )
                self.next_offset = offset + 1
                room.records -= 1
                room.bytes -= (
                    len(key or b"") + len(value or b"") + headers_bytes(len(headers), of=1)
                )
                if not room.is_left:
                    return self._is_read_whole
        except Exception as error:  # noqa: BLE001 - whatever C makes of bytes from outside
            return not self._read_on(error)
        return True

    @property
    def _is_read_whole(self) -> bool:
        after: int = self._head.next_offset
        return self.next_offset >= after

    def _read_on(self, error: Exception) -> bool:
        """Whether to go on in the batch, leniently, where the client's parser stopped with `error`."""
        plain = self._plain
        if plain is None or is_old(plain):
            left = left_of(self._head, self.next_offset, str(error))
            self._batch_reading.add(self._partition, left)
            return False
        self._read_leniently(plain)
        return True

    def _read_leniently(self, plain: memoryview) -> None:
        self._is_odd = True
        topic, partition = self._partition
        items = read_leniently(plain, topic, partition, self.next_offset)
        self._rest = _readable(items, self._batch_reading, self._partition)


def _in_parts(batch: Iterable[Any]) -> Iterator[Any]:
    """Return the records of `batch`, to be taken little by little: its own iterator is begun once only."""
    return islice(batch, None)


def _readable(
    items: Iterable[Item], batch_reading: BatchReading, partition: TopicPartition
) -> Iterator[FetchedRecord]:
    """Yield the records among `items`; keep the others."""
    for item in items:
        if isinstance(item, Unreadable):
            batch_reading.add(partition, [item])
        else:
            yield item


def left_of(head: Any, first: int, reason: str) -> Sequence[Unreadable]:
    """Return what is left of a batch from offset `first` on, as what cannot be read for `reason`."""
    first = max(getattr(head, "base_offset", 0), first)  # old ones have none
    return [*stubs_for(first, head.next_offset - 1, reason)]
