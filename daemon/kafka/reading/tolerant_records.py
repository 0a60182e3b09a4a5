"""Records that the client cannot read are stepped over and reported, their neighbours are served.

In aiokafka one header name that is not UTF-8, or one batch that cannot be unpacked, makes every
fetch of its partition raise for ever, hides the good records before it, and loses the records of
other partitions that the same call had already taken. Here a fetch never raises for what a batch
holds.

A consumer asks for this by a BatchReading in place of the key deserializer; other users of aiokafka
in the process see no difference.
"""

import math
from asyncio import Future
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from operator import attrgetter, ne
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.memory_records import _MemoryRecordsPy
from aiokafka.structs import TopicPartition

from daemon.kafka.reading.batch_reading import BatchReading
from daemon.kafka.reading.decompression import WINDOW_BYTES, CannotUnpack, Unpacked
from daemon.kafka.reading.record_batches import (
    CODEC_MASK,
    COUNT,
    COUNT_AT,
    HEAD,
    FetchedRecord,
    Item,
    is_sound,
    read_leniently,
    stubs_for,
)
from daemon.kafka.reading.room import Room
from daemon.values.messages import Unreadable
from daemon.values.object_sizes import headers_bytes

_MAGIC_AT = 16
_CURRENT_MAGIC = 2
_OLD_ATTRIBUTES_AT = 17
_OLD_HEAD_BYTES = 34
"""The smallest message of format 1; those of format 0 have 8 bytes less and are older than 2016."""
_OFFSET, _HEADERS = attrgetter("offset"), attrgetter("headers")


class _Forged(ValueError):
    """A record claims an offset outside of its batch."""


class TolerantRecords(fetcher.PartitionRecords):  # type: ignore[misc]  # aiokafka has no types here
    """What was fetched of one partition: batches, of which one at a time is open.

    `next_fetch_offset` is right whenever `take` has returned.
    """

    next_fetch_offset: int
    _records: Any
    _raw: memoryview | None = None
    """The batch that is read, as it was fetched."""
    _batch: Any = None
    """Its head, as the client shows it."""
    _plain: memoryview | None = None
    """The same batch with its records unpacked."""
    _rest: Iterator[Any] | None = None
    """Its records that were not taken yet; None: it is to be opened."""
    _is_large = False
    """Whether it is not to be unpacked on the event loop."""
    _is_odd = False
    """Whether its records have to be looked at one by one."""
    _unpacked: Future[Unpacked] | None = None
    """What is, or will be, a large batch unpacked."""

    def take(self, room: Room) -> list[FetchedRecord]:
        """Return the next records that `room` has place for; empty while a batch is being unpacked.

        Stops at the end of a large batch, so that other partitions have their turn.
        """
        taken: list[FetchedRecord] = []
        batch_reading = self._batch_reading
        while room.is_left:
            found = batch_reading.found
            if not self._open():
                break
            is_over, was_large = self._fill(taken, room), self._is_large
            if is_over:
                self._close()
            room.records -= batch_reading.found - found
            if is_over and was_large and taken:
                break
        return taken

    @property
    def ended(self) -> bool:
        """Whether all was taken."""
        return self._raw is None and not self._records.has_next()

    @property
    def is_open(self) -> bool:
        """Whether a batch is being taken from, or unpacked to be."""
        return self._rest is not None or self._unpacked is not None

    # daemon.kafka.reading.unpacking.Holder

    @property
    def partition(self) -> TopicPartition:
        """What this was fetched of."""
        return self._tp

    @property
    def holds_large(self) -> bool:
        """Whether a large batch is unpacked for this, or will be."""
        return self._unpacked is not None

    def pack_up(self) -> None:
        """Give up the unpacked batch; what was taken of it is not taken again."""
        self._unpacked = self._plain = self._rest = None

    # As the client reads, record by record; batches are unpacked in place then

    def __next__(self) -> FetchedRecord:
        """Return the next record."""
        while not self.ended:
            for record in self.take(Room(1, math.inf)):
                return record
        raise StopIteration

    def _unpack_records(self) -> None:
        """Make no generator, as the client does: it would keep this alive beyond its use."""

    # From batch to batch

    def _open(self) -> bool:
        """Whether there is a batch to take from; the next one may have to be waited for."""
        if self._rest is not None:
            return True
        if self._raw is None and not self._go_on():
            return False
        try:
            unpacked = self._unpack()
        except CannotUnpack as error:
            self._give_up(self._batch, str(error))
            self._rest = iter(())
            return True
        if unpacked is None:
            return False
        self._plain = plain = unpacked.plain
        if unpacked.is_sound:
            self._is_odd = plain[_MAGIC_AT] < _CURRENT_MAGIC
            self._rest = iter(self._batch if self._is_odd else DefaultRecordBatch(plain))
        else:
            self._read_leniently(plain)
        return True

    def _go_on(self) -> bool:
        """Go to the next batch of requests; False when there is none."""
        while self._records.has_next():
            raw = self._records._next_slice
            is_sound = is_wanted = False
            try:
                batch = self._records.next_batch() if _has_head(raw) else None
                is_sound = batch is not None and batch.validate_crc()
                is_wanted = is_sound and not self._is_skipped(batch)
            except Exception:  # noqa: BLE001 - whatever C makes of bytes from outside
                batch = None
            if batch is None or (not is_sound and raw[_MAGIC_AT] < _CURRENT_MAGIC):
                self._leave_the_rest()
                return False
            if is_wanted:
                self._raw, self._batch = raw, batch
                return True
            if not is_sound:
                if self._batch_reading.doubts(self._tp, batch.base_offset):
                    self._records = _MemoryRecordsPy(b"")  # what is left is fetched again
                    return False
                self._give_up(batch, "the batch's checksum is wrong")
            self.next_fetch_offset = batch.next_offset
        return False

    def _leave_the_rest(self) -> None:
        """Fetch again what is no batch at all; if it is none then either, step over one offset."""
        offset = self.next_fetch_offset
        self._records = _MemoryRecordsPy(b"")
        if not self._batch_reading.doubts(self._tp, offset):
            self._batch_reading.add(self._tp, [Unreadable(offset, "the log holds no batch here")])
            self.next_fetch_offset = offset + 1

    def _close(self) -> None:
        self.next_fetch_offset = self._batch.next_offset
        self._raw = self._batch = None
        self._is_large = self._is_odd = False
        self.pack_up()

    def _is_skipped(self, batch: Any) -> bool:
        """Whether `batch` holds markers, or requests of a transaction that was aborted."""
        if batch.producer_id is not None:
            self._consume_aborted_up_to(batch.base_offset)
            if batch.is_control_batch and self._contains_abort_marker(batch):
                self._aborted_producers.discard(batch.producer_id)
        return batch.is_control_batch or (
            batch.is_transactional and batch.producer_id in self._aborted_producers
        )

    def _unpack(self) -> Unpacked | None:
        """Return the batch with its records as they are, None while that takes time.

        Raises CannotUnpack.
        """
        raw, batch = self._raw, self._batch
        if raw is None:
            return None
        old = raw[_MAGIC_AT] < _CURRENT_MAGIC
        codec = (raw[_OLD_ATTRIBUTES_AT] if old else batch.attributes) & CODEC_MASK
        if not codec:
            return Unpacked(raw, old or len(raw) <= WINDOW_BYTES or is_sound(raw))
        if old:
            raise CannotUnpack("compressed in a format before Kafka 0.11")
        decompressor, large = self._batch_reading.decompressor, self._batch_reading.large
        if not self._is_large and (small := decompressor.unpack_small(raw, codec)) is not None:
            return Unpacked(memoryview(small), is_sound=True)
        self._is_large = True
        if large is None:
            return decompressor.unpack(raw, codec)
        if self._unpacked is None:
            self._unpacked = large.unpack(self, raw, codec)
        if self._unpacked is None or not self._unpacked.done():
            return None
        return self._unpacked.result()

    # The records of a batch

    def _fill(self, taken: list[FetchedRecord], room: Room) -> bool:
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
            self._rest = iter(DefaultRecordBatch(self._plain))
        return self._fill_one_by_one(taken, room)

    def _consecutive(self, most: int) -> list[FetchedRecord] | None:
        """Return the next records, None when they are not one after the other or one is unreadable.

        0.7 us a record, most of it the client's.
        """
        topic, partition = self._tp
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
                for record in islice(self._rest or (), most)
            ]
        except Exception:  # noqa: BLE001 - whatever C makes of bytes from outside is looked at again
            return None
        if records:
            first, last = records[0].offset, records[-1].offset
            if first < self.next_fetch_offset or last >= self._batch.next_offset:
                return None
            if last - first + 1 != len(records) or any(
                map(ne, map(_OFFSET, records), range(first, last + 1))
            ):
                return None
            self.next_fetch_offset = last + 1
        return records

    def _share_bytes(self, records: Sequence[FetchedRecord]) -> int:
        """Return about how much of the batch `records` are, and what their headers take besides."""
        plain, count = self._plain or b"", 0
        if len(plain) >= HEAD.size:
            (count,) = COUNT.unpack_from(plain, COUNT_AT)
        own_bytes: int = len(plain) * len(records) // max(count, len(records), 1)
        headers = sum(map(len, map(_HEADERS, records)))
        return own_bytes + headers_bytes(headers, of=len(records))

    def _fill_one_by_one(self, taken: list[FetchedRecord], room: Room) -> bool:
        """Do so with a batch that has gaps, bad records, or more bytes than `room`."""
        topic, partition = self._tp
        last = self._batch.next_offset - 1
        try:
            for record in self._rest or ():
                offset = record.offset
                if offset < self.next_fetch_offset:
                    continue
                if offset > last:
                    raise _Forged  # noqa: TRY301 - it must not hide what follows the batch
                key, value, headers = record.key, record.value, record.headers
                taken.append(
                    FetchedRecord(topic, partition, offset, record.timestamp, key, value, headers)
                )
                self.next_fetch_offset = offset + 1
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
        after: int = self._batch.next_offset
        return self.next_fetch_offset >= after

    def _read_on(self, error: Exception) -> bool:
        """Whether to go on in the batch, leniently, where the client's parser stopped with `error`."""
        plain = self._plain
        if plain is None or plain[_MAGIC_AT] < _CURRENT_MAGIC:
            self._give_up(self._batch, str(error))
            return False
        self._read_leniently(plain)
        return True

    def _read_leniently(self, plain: memoryview) -> None:
        topic, partition = self._tp
        self._is_odd = True
        items = read_leniently(plain, topic, partition, self.next_fetch_offset)
        self._rest = _readable(items, self._batch_reading, self._tp)

    def _give_up(self, batch: Any, reason: str) -> None:
        """Report what is left of `batch`."""
        first = max(getattr(batch, "base_offset", 0), self.next_fetch_offset)  # old ones have none
        self._batch_reading.add(self._tp, [*stubs_for(first, batch.next_offset - 1, reason)])

    @property
    def _batch_reading(self) -> BatchReading:
        batch_reading: BatchReading = self._key_deserializer
        return batch_reading


def _has_head(raw: memoryview) -> bool:
    if len(raw) <= _MAGIC_AT:
        return False
    return len(raw) >= (_OLD_HEAD_BYTES if raw[_MAGIC_AT] < _CURRENT_MAGIC else HEAD.size)


def _readable(
    items: Iterable[Item], batch_reading: BatchReading, partition: TopicPartition
) -> Iterator[FetchedRecord]:
    """Yield the records among `items`; keep the others."""
    for item in items:
        if isinstance(item, Unreadable):
            batch_reading.add(partition, [item])
        else:
            yield item


def _partition_records(  # the signature of PartitionRecords
    partition: TopicPartition,
    records: Any,
    aborted: Any,
    fetch_offset: int,
    key_deserializer: object,
    *others: object,
) -> Any:
    kind = TolerantRecords if isinstance(key_deserializer, BatchReading) else _STRICT_RECORDS
    return kind(partition, records, aborted, fetch_offset, key_deserializer, *others)


_STRICT_RECORDS = fetcher.PartitionRecords


def install() -> None:
    """Make consumers that are given a BatchReading use it; to be called before they start."""
    fetcher.PartitionRecords = _partition_records
    # The twin in Python of the splitter into batches: the one in C does not show their bytes.
    fetcher.MemoryRecords = _MemoryRecordsPy
