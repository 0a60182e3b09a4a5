"""Records that the client cannot read are stepped over and reported, their neighbours are served.

In aiokafka one header name that is not UTF-8, or one batch that cannot be unpacked, makes every
fetch of its partition raise for ever, hides the good records before it, and loses the records of
other partitions that the same call had already taken. Here a fetch never raises for what a batch
holds.

A consumer asks for this by an Isolation in place of the key deserializer; other users of aiokafka
in the process see no difference.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.memory_records import _MemoryRecordsPy
from aiokafka.structs import TopicPartition

from daemon.kafka.reading.decompression import CannotUnpack, Decompressor
from daemon.kafka.reading.record_batches import (
    ATTRIBUTES,
    ATTRIBUTES_AT,
    CODEC_MASK,
    HEAD,
    FetchedRecord,
    read_leniently,
    stubs_for,
)
from daemon.values.messages import Unreadable

_MAGIC_AT = 16
_CURRENT_MAGIC = 2
_OLD_ATTRIBUTES_AT = 17


class _Forged(ValueError):
    """A record claims an offset outside of its batch."""


class Isolation:
    """What one consumer cannot read, by partition."""

    def __init__(self, limit_bytes: int) -> None:
        """`limit_bytes`: a batch that unpacks to more is unreadable."""
        self._decompressor = Decompressor(limit_bytes)
        self._found: defaultdict[TopicPartition, list[Unreadable]] = defaultdict(list)
        self._doubted: dict[TopicPartition, int] = {}

    def take(self) -> dict[TopicPartition, list[Unreadable]]:
        """Return what was found since the last call."""
        found = dict(self._found)
        self._found.clear()
        return found

    def add(self, partition: TopicPartition, unreadable: Iterable[Unreadable]) -> None:
        """Keep what cannot be read of `partition`."""
        self._found[partition].extend(unreadable)

    def doubts(self, partition: TopicPartition, base_offset: int) -> bool:
        """Whether a batch whose checksum is wrong is met for the first time.

        It is fetched once more, since the bytes may have been damaged on their way.
        """
        first_time = self._doubted.get(partition) != base_offset
        self._doubted[partition] = base_offset
        return first_time

    def unpack(self, batch: memoryview, codec: int) -> bytes:
        """Return `batch` with its records unpacked; raises CannotUnpack."""
        records = self._decompressor.unpack(codec, batch[HEAD.size :])
        head = bytearray(batch[: HEAD.size])
        (attributes,) = ATTRIBUTES.unpack_from(head, ATTRIBUTES_AT)
        ATTRIBUTES.pack_into(head, ATTRIBUTES_AT, attributes & ~CODEC_MASK)
        return b"".join((head, records))


class TolerantRecords(fetcher.PartitionRecords):  # type: ignore[misc]  # aiokafka has no types here
    """What was fetched of one partition, as an iterator of FetchedRecord."""

    next_fetch_offset: int

    def __iter__(self) -> Iterator[FetchedRecord]:
        """Iterate without a call of Python for each record."""
        records: Iterator[FetchedRecord] = self._records_iterator
        return records

    def _unpack_records(self) -> Iterator[FetchedRecord]:
        """Do what the method of that name does that this one replaces, but raise for nothing.

        `next_fetch_offset` is right whenever the iterator stands still.
        """
        topic, partition = self._tp
        while self._records.has_next():
            raw = self._records._next_slice
            batch = self._records.next_batch()
            if not batch.validate_crc():
                if self._isolation.doubts(self._tp, batch.base_offset):
                    return
                self._give_up(batch, "the batch's checksum is wrong")
            elif not self._is_skipped(batch) and (plain := self._unpacked(batch, raw)) is not None:
                last = batch.next_offset - 1
                try:
                    for record in batch if plain is raw else DefaultRecordBatch(plain):
                        offset = record.offset
                        if offset < self.next_fetch_offset:
                            continue
                        if offset > last:
                            raise _Forged  # noqa: TRY301 - it must not hide what follows the batch
                        self.next_fetch_offset = offset + 1
                        yield FetchedRecord(
                            topic,
                            partition,
                            offset,
                            record.timestamp,
                            record.key,
                            record.value,
                            record.headers,
                        )
                except Exception as error:  # noqa: BLE001 - whatever C makes of bytes from outside
                    yield from self._read_leniently(batch, plain, error)
            self.next_fetch_offset = batch.next_offset

    @property
    def _isolation(self) -> Isolation:
        isolation: Isolation = self._key_deserializer
        return isolation

    def _is_skipped(self, batch: Any) -> bool:
        """Whether `batch` holds markers, or requests of a transaction that was aborted."""
        if batch.producer_id is not None:
            self._consume_aborted_up_to(batch.base_offset)
            if batch.is_control_batch and self._contains_abort_marker(batch):
                self._aborted_producers.discard(batch.producer_id)
        return batch.is_control_batch or (
            batch.is_transactional and batch.producer_id in self._aborted_producers
        )

    def _unpacked(self, batch: Any, raw: memoryview) -> memoryview | None:
        """Return `raw` with its records as they are, None when they cannot be had."""
        old = raw[_MAGIC_AT] < _CURRENT_MAGIC
        codec = (raw[_OLD_ATTRIBUTES_AT] if old else batch.attributes) & CODEC_MASK
        if not codec:
            return raw
        if old:
            self._give_up(batch, "compressed in a format before Kafka 0.11")
            return None
        try:
            return memoryview(self._isolation.unpack(raw, codec))
        except CannotUnpack as error:
            self._give_up(batch, str(error))
            return None

    def _read_leniently(
        self,
        batch: Any,
        plain: memoryview,
        error: Exception,
    ) -> Iterator[FetchedRecord]:
        """Go on in `batch` where the client's parser stopped with `error`."""
        if plain[_MAGIC_AT] < _CURRENT_MAGIC:
            self._give_up(batch, str(error))
            return
        topic, partition = self._tp
        for item in read_leniently(plain, topic, partition, self.next_fetch_offset):
            self.next_fetch_offset = item.offset + 1
            if isinstance(item, Unreadable):
                self._isolation.add(self._tp, (item,))
            else:
                yield item

    def _give_up(self, batch: Any, reason: str) -> None:
        """Report what is left of `batch`."""
        first = max(batch.base_offset, self.next_fetch_offset)
        self._isolation.add(self._tp, stubs_for(first, batch.next_offset - 1, reason))


def _partition_records(  # the signature of PartitionRecords
    partition: TopicPartition,
    records: Any,
    aborted: Any,
    fetch_offset: int,
    key_deserializer: object,
    *others: object,
) -> Any:
    kind = TolerantRecords if isinstance(key_deserializer, Isolation) else _STRICT_RECORDS
    return kind(partition, records, aborted, fetch_offset, key_deserializer, *others)


_STRICT_RECORDS = fetcher.PartitionRecords


def install() -> None:
    """Make consumers that are given an Isolation use it; to be called before they start."""
    fetcher.PartitionRecords = _partition_records
    # The twin in Python of the splitter into batches: the one in C does not show their bytes.
    fetcher.MemoryRecords = _MemoryRecordsPy
