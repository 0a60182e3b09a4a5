"""One idempotent producer after the other: what cannot go on is replaced, not repaired.

After any error that is not retried, the sequence numbers of aiokafka's producer are ahead of the
broker's, and every later batch to that partition is refused although the producer looks sound: here
they are taken back where the broker said that it is the batch that it does not take. And its batches
never expire: with the broker gone they would wait for ever.
"""

import asyncio
import struct
import time
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer, errors
from aiokafka.client import ConnectionGroup, CoordinationType
from aiokafka.producer.transaction_manager import TransactionState
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.protocol.transaction import InitProducerIdRequest
from aiokafka.structs import TopicPartition

from daemon.kafka.client import Options, milliseconds
from daemon.kafka.writing.produce_request import Produce
from daemon.kafka.writing.record_batch import RecordBatch
from daemon.kafka.writing.refusals import PRODUCER_FENCED, Refused
from daemon.kafka.writing.transactional_ids import Transactional

_METADATA_PAUSE_S = 0.05
"""A guess: brokers learn of a leader within some tenths of a second; each ask is one small request."""
_MOST_MISSES = 3
"""Answers without the partition: brokers learn of a new one some milliseconds apart."""
_NO_LEADER = -1
_CONCURRENT_TRANSACTIONS = 51
_HELD_UP_S = 2.0
"""A transaction is ended in milliseconds; where a partition has to find a leader first, in a second or
two. Whoever takes another id too early has one id more."""
_BASE_SEQUENCE = struct.Struct(">i")
_BASE_SEQUENCE_AT = 53
"""Where a record batch has it (Kafka's message format, version 2)."""


class Replaced(Exception):
    """The producer takes nothing any more; what was to be sent was not handed over."""


class Abandoned(Exception):
    """The producer was given up; whether the batch was written is unknown."""


class HeldUp(Exception):
    """The last transaction of the producer's id is decided, and not yet ended in all its partitions."""


class Identity(NamedTuple):
    """One life of a transactional producer, as the broker knows it."""

    transactional_id: str
    producer_id: int
    producer_epoch: int


class Producer:
    """One life of the client's producer."""

    def __init__(
        self,
        reach: Options,
        *,
        request_timeout_s: float,
        transactional: Transactional | None = None,
    ) -> None:
        options = {**reach, "request_timeout_ms": milliseconds(request_timeout_s)}
        if transactional is not None:
            options["transactional_id"] = transactional.id
            options["transaction_timeout_ms"] = milliseconds(transactional.timeout_s)
        self._client = AIOKafkaProducer(**options, acks="all", enable_idempotence=True, linger_ms=0)
        self._coordinator: int | None = None
        self._request_timeout_s = request_timeout_s
        self._refusals: dict[TopicPartition, Refused] = {}
        """What the last answer said of each partition of which it was no acknowledgement."""
        self._plain_send = self.inner.send
        self.inner.send = self._send_reading_codes
        self._held_up_since_s: float | None = None
        self.acknowledged = False
        """Whether the broker took anything yet, or ended a transaction where there are some."""
        self._closing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._abandoned: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def inner(self) -> Any:
        """The connections, for requests of one's own."""
        return self._client.client

    async def start(self) -> None:
        """Connect and get a producer id; raises errors.KafkaError, HeldUp."""
        try:
            await self._client.start()
        except BaseException:
            await self._end()
            raise

    async def know(self, topic: str, partition: int) -> None:
        """Wait until it is known who leads `partition`; the client's own way waits a minute.

        Waits for ever for a broker that does not answer. Raises UnknownTopicOrPartitionError,
        Replaced.
        """
        cluster, wanted = self.inner.cluster, TopicPartition(topic, partition)
        misses = 0
        while (leader := cluster.leader_for_partition(wanted)) in {None, _NO_LEADER}:
            if misses == _MOST_MISSES:
                raise errors.UnknownTopicOrPartitionError(f"{topic}/{partition}")
            self.inner.add_topic(topic)
            answered = await self._unless_closing(self.inner.force_metadata_update())
            misses += bool(answered) and leader is None
            if cluster.leader_for_partition(wanted) in {None, _NO_LEADER}:
                await asyncio.sleep(_METADATA_PAUSE_S)

    async def _unless_closing(self, answer: asyncio.Future[bool]) -> bool:
        """Return `answer`, for which a client that is closed lets everybody wait for ever."""
        await asyncio.wait((answer, self._closing), return_when=asyncio.FIRST_COMPLETED)
        if self._closing.done():
            answer.cancel()
            raise Replaced
        return answer.result()

    async def send(self, topic: str, partition: int, batch: RecordBatch) -> None:
        """Return when the broker has `batch`; `partition` must be known.

        May wait for ever. Raises: Refused when the broker says why not, errors.KafkaError, Replaced,
        Abandoned.
        """
        if self._closing.done():
            raise Replaced
        delivery = await self._client.send_batch(batch, topic, partition=partition)
        await asyncio.wait((delivery, self._abandoned), return_when=asyncio.FIRST_COMPLETED)
        if not delivery.done():
            delivery.add_done_callback(_ignore)
            raise Abandoned
        try:
            delivery.result()
        except (errors.BrokerResponseError, errors.ProducerFenced) as error:
            noted = self._refusals.pop(TopicPartition(topic, partition), None)
            raise noted or Refused(getattr(error, "errno", PRODUCER_FENCED)) from error
        self.acknowledged = self.acknowledged or self._manager.transactional_id is None

    async def _send_reading_codes(self, node: int, request: Any, **options: Any) -> Any:
        """Send `request` as the client would, and see in the answer what it drops of it."""
        if isinstance(request, ProduceRequest):
            response = await self._plain_send(node, Produce(request), **options)
            self._note_refusals(request, response)
            return response
        response = await self._plain_send(node, request, **options)
        if isinstance(request, InitProducerIdRequest):
            self._wait_no_longer_for(response.error_code)
        return response

    def _wait_no_longer_for(self, code: int) -> None:
        """Raise HeldUp where the client would wait for ever for a transaction to be ended."""
        if code != _CONCURRENT_TRANSACTIONS:
            self._held_up_since_s = None
            return
        now_s = time.monotonic()
        self._held_up_since_s = self._held_up_since_s or now_s
        if now_s - self._held_up_since_s > _HELD_UP_S:
            raise HeldUp(f"a partition of the last transaction of {self.identity[0]} takes nothing")

    def _note_refusals(self, request: ProduceRequest, response: Any) -> None:
        for topic, partitions in response.topics:
            for number, code, _offset, _timestamp, _start, *said in partitions:
                partition = TopicPartition(topic, number)
                if code:
                    refused = self._refusals[partition] = _refused(code, *said)
                    if refused.meaning.is_of_batch:
                        self._take_back_sequence(partition, request)
                else:
                    self._refusals.pop(partition, None)

    def _take_back_sequence(self, partition: TopicPartition, request: ProduceRequest) -> None:
        """Number the next batch as the one of `request` that was refused: at most one is under way."""
        batches = dict(next(each for topic, each in request._topics if topic == partition.topic))
        (sequence,) = _BASE_SEQUENCE.unpack_from(batches[partition.partition], _BASE_SEQUENCE_AT)
        self._manager._sequence_numbers[partition] = sequence

    # Of transactional producers

    @property
    def _manager(self) -> Any:
        return self._client._txn_manager

    @property
    def identity(self) -> Identity:
        """What requests of a transaction name."""
        manager = self._manager
        return Identity(manager.transactional_id, manager.producer_id, manager.producer_epoch)

    def begin(self) -> None:
        """Begin a transaction; the broker is not told before it has a partition."""
        self._manager.begin_transaction()

    def added(self, partitions: Collection[TopicPartition]) -> None:
        """The broker has `partitions` in the transaction; the client adds none of them itself."""
        self._manager.txn_partitions.update(partitions)

    def ended(self) -> None:
        """The broker has ended the transaction; the next may begin. The client is not to end it."""
        self._manager._transition_to(TransactionState.COMMITTING_TRANSACTION)
        self._manager.complete_transaction()
        self.acknowledged = True

    async def ask_coordinator(self, request: Any) -> Any:
        """Send `request` to who coordinates this producer's transactions; raises errors.KafkaError."""
        if self._coordinator is None:
            self._coordinator = await self.inner.coordinator_lookup(
                CoordinationType.TRANSACTION, self._manager.transactional_id
            )
        return await self.inner.send(self._coordinator, request, group=ConnectionGroup.COORDINATION)

    def forget_coordinator(self) -> None:
        """Another broker coordinates the transactions by now."""
        self._coordinator = None

    # Its end

    async def close(self, timeout_s: float) -> None:
        """Let what is on its way arrive, for at most `timeout_s`, then abandon it."""
        self._take_nothing_more()
        try:
            async with asyncio.timeout(timeout_s):
                await self._client.stop()
        except (TimeoutError, errors.KafkaError):
            await self.abandon()

    async def abandon(self) -> None:
        """Send nothing more, whatever becomes of what is on its way."""
        self._take_nothing_more()
        if not self._abandoned.done():
            self._abandoned.set_result(None)
        await self._end()

    def _take_nothing_more(self) -> None:
        if not self._closing.done():
            self._closing.set_result(None)

    async def _end(self) -> None:
        sender = self._client._sender.sender_task
        if sender is not None:
            sender.cancel()  # it waits for its requests ...
            for connection in self.inner._conns.values():
                connection.close()  # ... which this ends
            await asyncio.wait((sender,), timeout=self._request_timeout_s)
            sender.cancel()
        self._client._closed = True
        await self.inner.close()


def _refused(
    code: int, faults: Sequence[tuple[int, str | None]] = (), words: str | None = None
) -> Refused:
    """Return what an answer to a produce said of a partition; v7 says no more than a code."""
    named = [index for index, _ in faults]
    return Refused(code, named=named, words=next((text for _, text in faults if text), words) or "")


def _ignore(delivery: asyncio.Future[Any]) -> None:
    if not delivery.cancelled():
        delivery.exception()
