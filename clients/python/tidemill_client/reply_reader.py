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
from tidemill_client.reply_records import ReplyRecords

_POLL_MS = 1000
"""Wait of one fetch where nothing comes; what comes ends it at once. A guess."""
_SILENT_S = 10.0
"""Fetches that find nothing are answered after 0.5 s."""
_AGAIN_S = 0.5
"""Between two tries to read on; a guess, as of collecting.py."""


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
        self._records: ReplyRecords
        """What is read by that consumer, once it is open."""
        self._where = TopicPartition(topic, -1)
        self._loop = asyncio.get_running_loop()
        self._heard_s = self._loop.time()
        """When a fetch was answered last,"""
        self._heard: int | None = None
        """and what the Kafka client calls that moment."""

    @property
    def next_offset(self) -> int:
        """All replies to what is asked from now on are there or behind it, once it is open."""
        return self._records.next_offset

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
        end = (await consumer.end_offsets([self._where]))[self._where]
        self._records = ReplyRecords(consumer, self._where, end)

    async def run(self) -> None:
        """Read until it is closed."""
        while self._consumer is not None:
            consumer = self._consumer
            try:
                await self._read()
            except ConsumerStoppedError:
                return
            except errors.KafkaError as error:
                self._questions.problem = f"replies cannot be read: {error}"
                await asyncio.sleep(_AGAIN_S)
            if self._is_silent(consumer):
                await self._renew(consumer)

    async def close(self) -> None:
        """Hang up."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await leave(consumer)

    async def _read(self) -> None:
        """Hand on what comes next."""
        unreadable = self._records.unreadable
        records = await self._records.take(_POLL_MS)
        self._questions.counts.unreadable += self._records.unreadable - unreadable
        if records:
            self._questions.receive(records)
            self._questions.problem = ""
        await asyncio.sleep(0)

    def _is_silent(self, consumer: AIOKafkaConsumer) -> bool:
        """Whether nothing was heard of the partition for long."""
        heard, now_s = consumer.last_poll_timestamp(self._where), self._loop.time()
        if heard != self._heard:
            self._heard, self._heard_s = heard, now_s
        return now_s - self._heard_s > _SILENT_S

    async def _renew(self, consumer: AIOKafkaConsumer) -> None:
        """Read on with another consumer, once a broker lets one in and has the partition."""
        self._questions.problem = f"no broker has been heard of for {_SILENT_S:g} s and more"
        try:
            fresh = await started(reply_consumer(self._reach))
        except TROUBLE:
            await asyncio.sleep(_AGAIN_S)
            return
        missing = await self._missing(fresh)
        if missing or self._consumer is not consumer:  # closed meanwhile
            self._questions.problem = missing
            await leave(fresh)
            return
        self._records = ReplyRecords(fresh, self._where, self.next_offset)
        self._consumer, self._heard, self._heard_s = fresh, None, self._loop.time()
        self._questions.problem = ""
        await leave(consumer)

    async def _missing(self, consumer: AIOKafkaConsumer) -> str:
        """Return why there is nothing to read, as far as a broker says."""
        try:
            numbers = await partitions_of(client_of(consumer), self._topic)
        except NotSent as error:
            return error.detail
        except TROUBLE:
            return ""
        if self.partition in numbers:
            return ""
        return f"{self._topic} has no partition {self.partition} any more, where replies were to go"
