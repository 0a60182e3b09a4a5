"""What sends batches: aiokafka's producer, a new one once brokers are elsewhere.

Without idempotence: an idempotent one never gives a batch up, and refuses all later ones of a
partition after one that failed.
"""

import asyncio
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition, errors
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.protocol.produce import ProduceRequest

from tidemill_client.connection import TROUBLE, Options, abandon, partitions_of, whole
from tidemill_client.refusals import InvalidRecordError

_BATCH_BYTES = 256 * 1024
"""A quarter of what Kafka takes by default; a larger request makes a batch of its own."""


class Producer:
    """Sends batches; of one partition one at a time."""

    def __init__(self, reach: Options) -> None:
        self._inner = AIOKafkaProducer(acks="all", max_batch_size=_BATCH_BYTES, **reach)
        self._plain_send = self._inner.client.send
        self._inner.client.send = self._send_reading_codes
        self._invalid: set[TopicPartition] = set()
        """Partitions whose last batch was refused for a record in it."""

    async def start(self, known_topic: str) -> None:
        """Connect; `known_topic` exists: who names none is told of all there are. Raises TROUBLE."""
        try:
            await whole(self._inner.start())
            self._inner.client.set_topics([known_topic])
        except BaseException:
            await self.abandon()
            raise

    async def abandon(self) -> None:
        """Hang up; what is under way fails."""
        await abandon(self._inner)

    def create_batch(self) -> BatchBuilder:
        """Return a batch to fill, and to close."""
        return self._inner.create_batch()

    async def send(self, batch: BatchBuilder, topic: str, partition: int) -> int:
        """Return the offset of the first record, once all replicas in sync have it.

        Raises TROUBLE, a key of REFUSALS, AssertionError where there is no such partition any more.
        """
        where = TopicPartition(topic, partition)
        self._invalid.discard(where)
        try:
            sent = await self._inner.send_batch(batch, topic, partition=partition)
            first: int = (await sent).offset
        except errors.UnknownError as error:
            if where in self._invalid:
                raise InvalidRecordError from error
            raise
        return first

    async def partitions_of(self, topic: str) -> list[int]:
        """Return them; raises TROUBLE, and NotSent where nobody can send to `topic`."""
        return await partitions_of(self._inner.client, topic)

    def known_partitions_of(self, topic: str) -> set[int]:
        """Return those that it has heard of; more may have been added."""
        return self._inner.client.cluster.partitions_for_topic(topic) or set()

    async def _send_reading_codes(self, node: int, request: Any, **options: Any) -> Any:  # noqa: ANN401 - aiokafka's own
        """Send `request` as aiokafka would, and see in the answer the code that it has no name for."""
        response = await self._plain_send(node, request, **options)
        if isinstance(request, ProduceRequest):
            for topic, partitions in response.topics:
                for number, code, *_ in partitions:
                    if code == InvalidRecordError.errno:
                        self._invalid.add(TopicPartition(topic, number))
        return response


class Producers:
    """One producer after the other, each connected when it is asked for."""

    def __init__(self, reach: Options, known_topic: str) -> None:
        """`known_topic` exists: a producer that was told of none asks brokers for all there are."""
        self._reach = reach
        self._known_topic = known_topic
        self._current: Producer | None = None
        self._connecting = asyncio.Lock()

    async def current(self) -> Producer:
        """Return what sends, connected; raises what is TROUBLE."""
        async with self._connecting:
            if self._current is None:
                producer = Producer(self._reach)
                await producer.start(self._known_topic)
                self._current = producer
            return self._current

    async def replace(self, producer: Producer) -> None:
        """Connect anew for what comes next: brokers may be elsewhere by now."""
        if self._current is producer:
            self._current = None
            await producer.abandon()

    async def partitions_of(self, topic: str) -> list[int]:
        """Return them; raises what is TROUBLE, and NotSent where nobody can send to `topic`."""
        producer = await self.current()
        try:
            return await producer.partitions_of(topic)
        except TROUBLE:
            await self.replace(producer)
            raise

    async def close(self) -> None:
        """Hang up."""
        if self._current is not None:
            await self._current.abandon()
