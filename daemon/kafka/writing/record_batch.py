"""A batch of records for one partition, as the client sends it.

The client's own builder is fed record by record; this one has records that are encoded already.
"""

from collections.abc import Iterable

from aiokafka.record.util import calc_crc32c

from daemon.kafka.reading.record_batches import ATTRIBUTES_AT, CHECKSUM, CHECKSUM_AT, HEAD
from daemon.kafka.writing.record_encoding import Piece

_CURRENT_MAGIC = 2
_TRANSACTIONAL = 0x10
_NO_EPOCH = -1
_NO_PRODUCER = (-1, -1, 0)
_AFTER_LENGTH_AT = 12


class RecordBatch:
    """The records of a load from `first` to before `end`, ready to go.

    Meets what the client's accumulator asks of aiokafka.producer.message_accumulator.BatchBuilder.
    """

    def __init__(
        self,
        pieces: Iterable[Piece],
        first: int,
        end: int,
        *,
        now_ms: int,
        in_transaction: bool = False,
    ) -> None:
        """`pieces` are the encoded records end to end; `now_ms` is the time of all."""
        self.first = first
        self.end = end
        self._now_ms = now_ms
        self._attributes = _TRANSACTIONAL if in_transaction else 0
        self._producer = _NO_PRODUCER
        self._buffer = bytearray().join((bytes(HEAD.size), *pieces))

    @property
    def size_bytes(self) -> int:
        """What the broker compares with the topic's max.message.bytes."""
        return len(self._buffer)

    def record_count(self) -> int:
        """Return how many records it has."""
        return self.end - self.first

    def size(self) -> int:
        """Return its bytes."""
        return self.size_bytes

    def closed(self) -> bool:
        """Return whether nothing can be added."""
        return True

    def close(self) -> None:
        """Do nothing: nothing can be added anyway."""

    def _set_producer_state(self, producer_id: int, producer_epoch: int, sequence: int) -> None:
        self._producer = producer_id, producer_epoch, sequence

    def _build(self) -> bytearray:
        count, now_ms = self.record_count(), self._now_ms
        head = (
            *(0, len(self._buffer) - _AFTER_LENGTH_AT, _NO_EPOCH, _CURRENT_MAGIC, 0),
            *(self._attributes, count - 1, now_ms, now_ms, *self._producer, count),
        )
        HEAD.pack_into(self._buffer, 0, *head)
        checksum = calc_crc32c(memoryview(self._buffer)[ATTRIBUTES_AT:])
        CHECKSUM.pack_into(self._buffer, CHECKSUM_AT, checksum)
        return self._buffer
