"""Reads one partition of the reply topic, from its end as it was before the first question.

It belongs to no group, so nothing is rebalanced: the partition is assigned by hand. A partition that
nothing was heard of for long, though a broker answers an empty fetch twice a second, is read by
another consumer, which asks the bootstrap servers anew.
"""

import asyncio
import random

from aiokafka import AIOKafkaConsumer, TopicPartition, errors
from aiokafka.errors import ConsumerStoppedError

from tidemill_client.connection import (
    TROUBLE,
    Options,
    client_of,
    leave,
    partitions_of,
    reply_consumer,
    started,
)
from tidemill_client.errors import NotSent
from tidemill_client.questions import Questions

_POLL_MS = 1000
_CHUNK = 500
"""2 ms of work: requests must leave meanwhile."""
_SILENT_S = 10.0
"""Fetches that find nothing are answered after 0.5 s."""
_AGAIN_S = 0.5
_BAD_RECORD = (errors.CorruptRecordException, errors.RecordTooLargeError)


class ReplyReader:
    """Hands what comes to `questions`. `open` it, then `run`; `close` ends both."""

    def __init__(
        self, reach: Options, topic: str, partition: int | None, questions: Questions
    ) -> None:
        """Without `partition` one is chosen by chance, so that many clients spread over all."""
        self._reach = reach
        self._topic = topic
        self._wanted = partition
        self._questions = questions
        self._consumer: AIOKafkaConsumer | None = None
        self._where = TopicPartition(topic, -1)
        self._chunk = _CHUNK
        self._loop = asyncio.get_running_loop()
        self._heard_s = self._loop.time()
        """When a fetch was answered last,"""
        self._heard: int | None = None
        """and what the Kafka client calls that moment."""
        self.next_offset = 0
        """All replies to what is asked from now on are there or behind it."""

    @property
    def partition(self) -> int:
        """The partition that is read, once it is open."""
        number: int = self._where.partition
        return number

    async def open(self) -> None:
        """Find the end of the partition; raises errors.KafkaError, NotSent."""
        consumer = await started(reply_consumer(self._reach))
        self._consumer = consumer
        numbers = await partitions_of(client_of(consumer), self._topic)
        chosen = random.choice(numbers) if self._wanted is None else self._wanted  # noqa: S311 - no secret
        if chosen not in numbers:
            raise NotSent("unknown_topic", f"{self._topic} has no partition {chosen}")
        self._where = TopicPartition(self._topic, chosen)
        consumer.assign([self._where])
        self.next_offset = (await consumer.end_offsets([self._where]))[self._where]
        consumer.seek(self._where, self.next_offset)

    async def run(self) -> None:
        """Read until it is closed."""
        while self._consumer is not None:
            consumer = self._consumer
            try:
                fetched = await consumer.getmany(timeout_ms=_POLL_MS, max_records=self._chunk)
            except ConsumerStoppedError:
                return
            except Exception as error:  # noqa: BLE001 - whatever the Kafka client makes of bytes
                await self._step_over(consumer, error)
            else:
                for records in fetched.values():
                    self.next_offset = records[-1].offset + 1
                    self._questions.receive(records)
                    self._questions.problem = ""
                await asyncio.sleep(0)
            if self._is_silent(consumer):
                await self._renew(consumer)

    async def close(self) -> None:
        """Hang up."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await leave(consumer)

    async def _step_over(self, consumer: AIOKafkaConsumer, error: Exception) -> None:
        """Get past what cannot be read: record by record first, so that all before it is read."""
        if isinstance(error, errors.KafkaError) and not isinstance(error, _BAD_RECORD):
            self._questions.problem = f"replies cannot be read: {error}"
            await asyncio.sleep(_AGAIN_S)
            return
        if self._chunk == 1:
            self._questions.counts.unreadable += 1
            self.next_offset += 1
        self._chunk = _CHUNK if self._chunk == 1 else 1
        consumer.seek(self._where, self.next_offset)
        await asyncio.sleep(0)

    def _is_silent(self, consumer: AIOKafkaConsumer) -> bool:
        """Whether nothing was heard of the partition for long."""
        heard, now_s = consumer.last_poll_timestamp(self._where), self._loop.time()
        if heard != self._heard:
            self._heard, self._heard_s = heard, now_s
        return now_s - self._heard_s > _SILENT_S

    async def _renew(self, consumer: AIOKafkaConsumer) -> None:
        """Read on with another consumer, once a broker lets one in."""
        self._questions.problem = f"no broker has been heard of for {_SILENT_S:g} s and more"
        try:
            fresh = await started(reply_consumer(self._reach))
        except TROUBLE:
            await asyncio.sleep(_AGAIN_S)
            return
        if self._consumer is not consumer:  # closed meanwhile
            await leave(fresh)
            return
        fresh.assign([self._where])
        fresh.seek(self._where, self.next_offset)
        self._consumer, self._heard, self._heard_s = fresh, None, self._loop.time()
        self._questions.problem = ""
        await leave(consumer)
