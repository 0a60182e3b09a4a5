"""Batches that follow each other, read together by columns: ahead of what is taken, as far as that was asked for.

So columns are worth it where each batch is small, as those of ordinary producers are.
"""

from copy import copy

import numpy as np
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.memory_records import _MemoryRecordsPy
from aiokafka.structs import TopicPartition

from daemon.kafka.reading.column_reading import LEAST_RECORDS, read_columns
from daemon.kafka.reading.decompression import WINDOW_BYTES, Decompressor
from daemon.kafka.reading.record_batches import CODEC_MASK, HEAD, is_old
from daemon.kafka.reading.room import Room
from daemon.values.record_columns import RecordColumns

_TRANSACTIONAL, _CONTROL = 0x10, 0x20


class ColumnsAhead:
    """What was read by columns of one partition, and is not taken yet."""

    def __init__(self, partition: TopicPartition, decompressor: Decompressor) -> None:
        self._partition = partition
        self._decompressor = decompressor
        self._columns: RecordColumns | None = None
        self._ends_bytes = np.empty(0, np.int64)
        """Where each of these ends, were they laid one behind the other."""
        self._taken = 0
        """How many of these are taken."""
        self._odd_until = 0
        """Up to this offset records are known not to be alike."""

    @property
    def is_some_left(self) -> bool:
        """Whether anything is to be taken."""
        return self._columns is not None

    def read(
        self, records: _MemoryRecordsPy, first: int, room: Room, *, with_transactions: bool
    ) -> _MemoryRecordsPy:
        """Read what `room` has place for of `records`, from offset `first` on; return what follows.

        That is all of them where there are too few that are laid out alike. Not `with_transactions`:
        some of these were aborted, and are left out.
        """
        if first < self._odd_until:
            return records
        after, batches = copy(records), list[memoryview]()
        count, size_bytes, end = 0, 0, first
        while (
            count < room.records
            and size_bytes < room.bytes
            and len(batches) < max(room.batches, LEAST_RECORDS)
            and after.has_next()
        ):
            raw = after._next_slice
            plain = self._plain(raw, with_transactions=with_transactions)
            if plain is None:
                break
            base, last, its_count = _extent(plain)
            if its_count != last - base + 1 or (batches and base != end):
                break
            if not DefaultRecordBatch(raw).validate_crc():
                break
            after.next_batch()
            batches.append(plain)
            count, size_bytes, end = count + its_count, size_bytes + len(plain), last + 1
        columns = None
        if count >= LEAST_RECORDS and first < end:
            topic, number = self._partition
            columns = read_columns(topic, number, batches)
        if columns is None:
            self._odd_until = end
            return records
        room.batches -= len(batches)
        self._columns, self._taken = columns[max(first - columns.offsets[0], 0) :], 0
        self._ends_bytes = np.cumsum(self._columns.sizes_bytes)
        return after

    def take(self, room: Room) -> RecordColumns:
        """Return the next of what was read, as much as `room` has place for."""
        columns, first = self._columns, self._taken
        if columns is None:
            raise ValueError("nothing is left")
        before_bytes = int(self._ends_bytes[first - 1]) if first else 0
        filling = int(np.searchsorted(self._ends_bytes, before_bytes + room.bytes)) + 1
        end = min(filling, first + room.records, len(columns))
        room.records -= end - first
        room.bytes -= int(self._ends_bytes[end - 1]) - before_bytes
        self._taken = end
        if end == len(columns):
            self._columns = None
        return columns[first:end]

    def _plain(self, raw: memoryview, *, with_transactions: bool) -> memoryview | None:
        """Return a batch of requests as it was before it was packed, None for any that is not ordinary."""
        if not HEAD.size <= len(raw) <= WINDOW_BYTES or is_old(raw):
            return None
        (_, _, _, _, _, attributes, *_) = HEAD.unpack_from(raw)
        if attributes & _CONTROL or (attributes & _TRANSACTIONAL and not with_transactions):
            return None
        codec = attributes & CODEC_MASK
        if not codec:
            return raw
        small = self._decompressor.unpack_small(raw, codec)
        return None if small is None else memoryview(small)


def _extent(batch: memoryview) -> tuple[int, int, int]:
    """Return the first offset of a batch, the last, and how many records it says to have."""
    (base, _, _, _, _, _, last_delta, _, _, _, _, _, count) = HEAD.unpack_from(batch)
    return base, base + last_delta, count
