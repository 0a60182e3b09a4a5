"""The records of a partition of replies, past those that cannot be read.

The Kafka client ends a fetch for a record that it cannot read, and gives none of those before it: so
the fetch is repeated record by record, and the one at fault is stepped over.
"""

from aiokafka import AIOKafkaConsumer, TopicPartition, errors
from aiokafka.errors import ConsumerStoppedError

from tidemill_client.reply import Record

_CHUNK = 500
"""2 ms of work: requests must leave meanwhile."""
_BAD_RECORD = (errors.CorruptRecordException, errors.RecordTooLargeError)


class ReplyRecords:
    """What one consumer reads of one partition."""

    def __init__(self, consumer: AIOKafkaConsumer, where: TopicPartition, first: int) -> None:
        """Let `consumer` read from the offset `first` on, and nothing else."""
        self.next_offset = first
        """All before it were returned or stepped over."""
        self.unreadable = 0
        """How many were stepped over."""
        self._consumer = consumer
        self._where = where
        self._chunk = _CHUNK
        consumer.assign([where])
        consumer.seek(where, first)

    async def take(self, poll_ms: int) -> list[Record]:
        """Return what comes next, nothing where nothing comes so soon.

        Raises errors.KafkaError where a broker does not let it read, ConsumerStoppedError.
        """
        try:
            fetched = await self._consumer.getmany(timeout_ms=poll_ms, max_records=self._chunk)
        except ConsumerStoppedError:
            raise
        except Exception as error:  # whatever the Kafka client makes of bytes
            if isinstance(error, errors.KafkaError) and not isinstance(error, _BAD_RECORD):
                raise
            self._step_over()
            return []
        records: list[Record] = fetched.get(self._where, [])
        if records:
            self.next_offset = fetched[self._where][-1].offset + 1
        return records

    def _step_over(self) -> None:
        """Get past what cannot be read: record by record first, so that all before it is read."""
        if self._chunk == 1:
            self.unreadable += 1
            self.next_offset += 1
        self._chunk = _CHUNK if self._chunk == 1 else 1
        self._consumer.seek(self._where, self.next_offset)
