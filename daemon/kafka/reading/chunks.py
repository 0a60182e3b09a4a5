"""What one fetch brought, entered in the ledgers and handed on by partition."""

import time
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from math import inf

from aiokafka.structs import TopicPartition

from daemon.kafka.group.generation import Generation
from daemon.kafka.reading.batch_reading import BatchReading
from daemon.kafka.reading.consumer import Consumer
from daemon.kafka.reading.lag import Lag
from daemon.telemetry.events import Event
from daemon.telemetry.logs import log
from daemon.values.ledger import Ledger
from daemon.values.messages import Chunk, Unreadable
from daemon.values.ports import SourceMetrics
from daemon.values.record_columns import FetchedRecord

_LOOK_S = 0.25
"""Between two looks at what nothing was fetched of: of hundreds of partitions they would cost more
than all else at a fetch. By so much the age of what came to one since is overstated at most."""


class Chunks:
    """Makes a Chunk of each partition's records; no work for single records but odd ones."""

    def __init__(
        self,
        consumer: Consumer,
        batch_reading: BatchReading,
        lag: Lag,
        metrics: SourceMetrics,
        *,
        clock: Callable[[], float],
    ) -> None:
        self._consumer = consumer
        self._batch_reading = batch_reading
        self._lag = lag
        self._metrics = metrics
        self._clock = clock
        self._seen: dict[tuple[TopicPartition, str], int] = {}
        self._looked_s: dict[str, float] = {}
        """When all partitions were looked at, by the first topic of those that are read together."""

    def make(
        self,
        generation: Generation,
        partitions: Sequence[TopicPartition],
        fetched: Mapping[TopicPartition, Sequence[FetchedRecord]],
    ) -> list[Chunk]:
        """Return what was `fetched`; every record is started in its ledger.

        `partitions` are all that were to be fetched of; of what was looked into `fetched` has an entry.
        """
        unreadable = self._batch_reading.take()
        chunks, ledgers = [], generation.ledgers
        is_look_due = self._is_look_due(partitions[0].topic)
        for partition in partitions if is_look_due else {**fetched, **unreadable}:
            ledger = ledgers.get(partition)
            if ledger is None:
                continue
            bad: Sequence[Unreadable] = unreadable.get(partition, ())
            if bad:  # what is behind the position comes again
                position = self._consumer.position(partition)
                bad = [stub for stub in bad if stub.offset < position]
            records, bad = _unanswered(ledger, fetched.get(partition, ()), bad)
            if records or bad:
                read = (partition, generation.topic_id(partition))
                chunks.append(self._chunk(read, ledger, records, bad))
            else:
                self._step(partition, ledger)
        return chunks

    def _is_look_due(self, first_topic: str) -> bool:
        now_s = self._clock()
        is_due = now_s - self._looked_s.get(first_topic, -inf) >= _LOOK_S
        if is_due:
            self._looked_s[first_topic] = now_s
        return is_due

    def _step(self, partition: TopicPartition, ledger: Ledger) -> None:
        """Follow the position over transaction markers; unfollowed they would be a lag of 1."""
        position = self._consumer.position(partition)
        if position != ledger.position:
            ledger.start((), position=position)
        if self._consumer.highwater(partition) == position:
            self._lag.caught_up(ledger, time.time() * 1000)

    def _chunk(
        self,
        read: tuple[TopicPartition, str],
        ledger: Ledger,
        records: Sequence[FetchedRecord],
        bad: Sequence[Unreadable],
    ) -> Chunk:
        """`read` names the partition and the id of its topic, which tell records that come again."""
        partition, _topic_id = read
        offsets = _offsets(records, bad)
        position = self._consumer.position(partition)
        ledger.start(offsets, position=position)
        if records:
            first = records[0]
            self._lag.read(ledger, first.offset, first.timestamp, time.time() * 1000)
        seen = self._seen.get(read, 0)
        if offsets[0] < seen:
            self._metrics.replayed(bisect_left(offsets, seen))
        self._seen[read] = max(seen, position)
        for offset, reason in bad:
            log(
                Event.RECORD_ISOLATED,
                topic=partition.topic,
                partition=partition.partition,
                offset=offset,
                reason=reason,
            )
        return Chunk(ledger, records, bad)


def _unanswered(
    ledger: Ledger, records: Sequence[FetchedRecord], bad: Sequence[Unreadable]
) -> tuple[Sequence[FetchedRecord], Sequence[Unreadable]]:
    """Leave out what was answered by who read the partition before; see kafka/group/answered_runs."""
    if not ledger.has_ahead:
        return records, bad
    return (
        [record for record in records if ledger.unanswered(record.offset)],
        [stub for stub in bad if ledger.unanswered(stub.offset)],
    )


def _offsets(records: Sequence[FetchedRecord], bad: Sequence[Unreadable]) -> Sequence[int]:
    """Return the offsets of both in order; without gaps that takes two looks, not one a record."""
    if not bad:
        first, last = records[0].offset, records[-1].offset
        if last - first + 1 == len(records):
            return range(first, last + 1)
        return [record.offset for record in records]
    return sorted([record.offset for record in records] + [stub.offset for stub in bad])
