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
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.record.memory_records import _MemoryRecordsPy
from aiokafka.structs import TopicPartition

from daemon.kafka.reading.batch_reading import BatchReading
from daemon.kafka.reading.columns_ahead import ColumnsAhead
from daemon.kafka.reading.decompression import WINDOW_BYTES, CannotUnpack, Unpacked
from daemon.kafka.reading.open_batch import OpenBatch, left_of
from daemon.kafka.reading.record_batches import (
    CODEC_MASK,
    HEAD,
    MAGIC_AT,
    is_old,
    is_sound,
)
from daemon.kafka.reading.room import Room
from daemon.values.messages import Unreadable
from daemon.values.record_columns import FetchedRecord

_OLD_ATTRIBUTES_AT = 17
_OLD_HEAD_BYTES = 34
"""The smallest message of format 1; those of format 0 have 8 bytes less and are older than 2016."""


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
    _open: OpenBatch | None = None
    """The same batch with its records unpacked; None: it is to be opened."""
    _is_large = False
    """Whether it is not to be unpacked on the event loop."""
    _unpacked: Future[Unpacked] | None = None
    """What is, or will be, a large batch unpacked."""

    def take(self, room: Room) -> Sequence[FetchedRecord]:
        """Return the next records that `room` has place for; empty while a batch is being unpacked.

        By columns where that is worth it. Stops at the end of these, and of a large batch, so that other
        partitions have their turn.
        """
        if self._raw is None and room.is_left:
            if not self._ahead.is_some_left:
                may_be_aborted = self._aborted_transactions or self._aborted_producers
                self._records = self._ahead.read(
                    self._records,
                    self.next_fetch_offset,
                    room,
                    with_transactions=not may_be_aborted,
                )
            if self._ahead.is_some_left:
                columns = self._ahead.take(room)
                self.next_fetch_offset = columns.offsets[-1] + 1
                return columns
        return self._take_each(room)

    def _take_each(self, room: Room) -> list[FetchedRecord]:
        """Return the next records that `room` has place for, batch by batch."""
        taken: list[FetchedRecord] = []
        batch_reading = self._batch_reading
        while room.is_left:
            found = batch_reading.found
            open_batch = self._opened()
            if open_batch is None:
                break
            is_over, was_large = open_batch.take(taken, room), self._is_large
            room.batches -= bool(taken)
            self.next_fetch_offset = open_batch.next_offset
            if is_over:
                self._close()
            room.records -= batch_reading.found - found
            if is_over and was_large and taken:
                break
        return taken

    @property
    def ended(self) -> bool:
        """Whether all was taken."""
        is_read = self._raw is None and not self._records.has_next()
        return is_read and not self._ahead.is_some_left

    @property
    def is_open(self) -> bool:
        """Whether a batch is being taken from, or unpacked to be."""
        is_some_ahead = self._ahead.is_some_left
        return is_some_ahead or self._open is not None or self._unpacked is not None

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
        self._unpacked = self._open = None

    # As the client reads, record by record; batches are unpacked in place then

    def __next__(self) -> FetchedRecord:
        """Return the next record."""
        while not self.ended:
            for record in self._take_each(Room(1, math.inf)):
                return record
        raise StopIteration

    def _unpack_records(self) -> None:
        """Make no generator, as the client does: it would keep this alive beyond its use."""

    # From batch to batch

    def _opened(self) -> OpenBatch | None:
        """Return the batch to take from; None when there is no other, or it has to be waited for."""
        if self._open is not None:
            return self._open
        if self._raw is None and not self._go_on():
            return None
        unpacked = None
        try:
            unpacked = self._unpack()
        except CannotUnpack as error:
            self._tell(left_of(self._batch, self.next_fetch_offset, str(error)))
        else:
            if unpacked is None:
                return None
        first, batch_reading = self.next_fetch_offset, self._batch_reading
        self._open = OpenBatch(self._tp, self._batch, unpacked, first, batch_reading)
        return self._open

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
            if batch is None or (not is_sound and is_old(raw)):
                self._leave_the_rest()
                return False
            if is_wanted:
                self._raw, self._batch = raw, batch
                return True
            if not is_sound:
                if self._batch_reading.doubts(self._tp, batch.base_offset):
                    self._records = _MemoryRecordsPy(b"")  # what is left is fetched again
                    return False
                self._tell(left_of(batch, self.next_fetch_offset, "the batch's checksum is wrong"))
            self.next_fetch_offset = batch.next_offset
        return False

    def _leave_the_rest(self) -> None:
        """Fetch again what is no batch at all; if it is none then either, step over one offset."""
        offset = self.next_fetch_offset
        self._records = _MemoryRecordsPy(b"")
        if not self._batch_reading.doubts(self._tp, offset):
            self._tell([Unreadable(offset, "the log holds no batch here")])
            self.next_fetch_offset = offset + 1

    def _close(self) -> None:
        self.next_fetch_offset = self._batch.next_offset
        self._raw = self._batch = None
        self._is_large = False
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
        old = is_old(raw)
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

    def _tell(self, unreadable: Sequence[Unreadable]) -> None:
        self._batch_reading.add(self._tp, unreadable)

    @cached_property
    def _ahead(self) -> ColumnsAhead:
        return ColumnsAhead(self._tp, self._batch_reading.decompressor)

    @property
    def _batch_reading(self) -> BatchReading:
        batch_reading: BatchReading = self._key_deserializer
        return batch_reading


def _has_head(raw: memoryview) -> bool:
    if len(raw) <= MAGIC_AT:
        return False
    return len(raw) >= (_OLD_HEAD_BYTES if is_old(raw) else HEAD.size)


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
