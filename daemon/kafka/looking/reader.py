"""Reading and asking by hand: one request and its reply, the newest records of a topic.

No consumer group is joined and nothing is committed.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from math import inf
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, errors
from aiokafka.client import AIOKafkaClient
from aiokafka.structs import TopicPartition

from config.settings import Kafka
from daemon.kafka import client, guards
from daemon.kafka.connecting import check_topics
from daemon.kafka.reading.batch_reading import BatchReading
from daemon.kafka.reading.decompression import RATIO
from daemon.kafka.reason import reason_of
from daemon.values.errors import Exit, Fatal
from daemon.values.messages import Header
from daemon.values.record_columns import FetchedRecord

_POLL_S = 0.5
"""Wait for records where none come, before it is asked whether there are more at all; a guess."""
_TOPICS_S = 5.0
"""How long a topic may be unknown: a new one takes a moment to get around, and somebody waits."""
_FURTHER = 4
"""How much further each look back goes."""
_CORRELATION = "correlation-id"


async def ask(
    kafka: Kafka,
    *,
    request_topic: str,
    reply_topic: str,
    value: bytes | None,
    headers: Sequence[Header],
    correlation: bytes,
    base: Path,
    timeout_s: float,
) -> FetchedRecord | None:
    """Publish one request and return its reply, None when none came; all within `timeout_s`.

    Raises Fatal when there is no broker, a topic is missing, or this client is not let in.
    """
    sent = False
    try:
        async with (
            asyncio.timeout(timeout_s),
            reading(kafka, [reply_topic], base, reachable_s=timeout_s) as consumer,
        ):
            ends = await consumer.end_offsets(consumer.assignment())
            _seek(consumer, ends)
            await _publish(
                kafka, request_topic, value, [*headers, (_CORRELATION, correlation)], base=base
            )
            sent = True
            while True:
                for record in await _some(consumer):
                    if (_CORRELATION, correlation) in record.headers:
                        return record
    except TimeoutError:
        if sent:
            return None
        raise Fatal(
            Exit.BROKER_UNAVAILABLE,
            f"{kafka.bootstrap_servers} did not take the request within {timeout_s:g} s",
        ) from None


async def newest(
    kafka: Kafka,
    topic: str,
    number: int,
    *,
    base: Path,
    timeout_s: float,
    since_ms: float | None = None,
) -> list[FetchedRecord]:
    """Return the `number` newest records of `topic`, newest last; raises Fatal.

    `since_ms` leaves out what is older, in milliseconds since 1970.
    """
    try:
        async with asyncio.timeout(timeout_s), reading(kafka, [topic], base) as consumer:
            ends = await consumer.end_offsets(consumer.assignment())
            firsts = await _starts(consumer, ends, since_ms)
            records = await _newest_of_each(consumer, firsts, ends, number)
    except TimeoutError:
        raise Fatal(
            Exit.BROKER_UNAVAILABLE, f"{topic} could not be read within {timeout_s:g} s"
        ) from None
    records = [record for record in records if record.timestamp >= (since_ms or -inf)]
    records.sort(key=lambda record: (record.timestamp, record.partition, record.offset))
    return records[-number:]


async def whole(
    kafka: Kafka, topic: str, *, base: Path, since_ms: float | None, timeout_s: float
) -> AsyncGenerator[list[FetchedRecord], None]:
    """Yield the records of `topic` as far as there are some now, a few MiB at a time.

    `since_ms` leaves out what is older, in milliseconds since 1970, as far as the broker's index of
    times allows. To be closed by who stops before the end. Raises Fatal, also when the broker is
    silent for `timeout_s`.
    """
    async with reading(kafka, [topic], base) as consumer:
        ends = await consumer.end_offsets(consumer.assignment())
        _seek(consumer, await _starts(consumer, ends, since_ms))
        while await _is_before(consumer, ends):
            try:
                async with asyncio.timeout(timeout_s):
                    records = await _some_before(consumer, ends)
            except TimeoutError:
                raise Fatal(
                    Exit.BROKER_UNAVAILABLE, f"{topic} could not be read within {timeout_s:g} s"
                ) from None
            yield records


@asynccontextmanager
async def reading(
    kafka: Kafka,
    topics: Collection[str],
    base: Path,
    *,
    reachable_s: float | None = None,
    auto_offset_reset: str = "latest",
) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer of all partitions of `topics`, in no group; `reachable_s` to reach a broker in.

    Raises Fatal.
    """
    guards.install()
    reach = client.options(kafka, base=base)
    wait_s = kafka.start_timeout if reachable_s is None else min(reachable_s, kafka.start_timeout)
    await client.wait_until_reachable(reach, wait_s)
    consumer = AIOKafkaConsumer(
        **reach,
        group_id=None,
        auto_offset_reset=auto_offset_reset,
        isolation_level="read_committed",
        key_deserializer=BatchReading(kafka.fetch_bytes * RATIO),
    )
    try:
        await consumer.start()
        await _check_topics(consumer._client, topics)
        for topic in topics:
            await consumer._client.add_topic(topic)
        consumer.assign(
            [
                TopicPartition(topic, number)
                for topic in topics
                for number in consumer.partitions_for_topic(topic) or ()
            ]
        )
        yield consumer
    except errors.KafkaError as error:
        raise _fatal(error, kafka) from error
    finally:
        await consumer.stop()


def _seek(consumer: AIOKafkaConsumer, offsets: Mapping[TopicPartition, int]) -> None:
    for partition, offset in offsets.items():
        consumer.seek(partition, offset)


async def _publish(
    kafka: Kafka, topic: str, value: bytes | None, headers: Collection[Header], *, base: Path
) -> None:
    async with AIOKafkaProducer(**client.options(kafka, base=base), acks="all") as producer:
        await _check_topics(producer.client, [topic])
        # A key, since aiokafka refuses a record that has neither key nor value.
        await producer.send_and_wait(topic, value, key=b"ask", headers=list(headers))


async def _check_topics(inner: AIOKafkaClient, topics: Collection[str]) -> None:
    deadline_s = time.monotonic() + _TOPICS_S
    await check_topics(inner, topics, deadline_s=deadline_s, clock=time.monotonic)


async def _some(consumer: AIOKafkaConsumer) -> list[FetchedRecord]:
    fetched = await consumer.getmany(timeout_ms=client.milliseconds(_POLL_S))
    return [record for records in fetched.values() for record in records]


async def _newest_of_each(
    consumer: AIOKafkaConsumer,
    firsts: Mapping[TopicPartition, int],
    ends: Mapping[TopicPartition, int],
    number: int,
) -> list[FetchedRecord]:
    """Return at least the `number` newest records of each partition, as far as there are so many.

    Looks back further where offsets are no records: markers of transactions, and what was aborted.
    """
    records: list[FetchedRecord] = []
    left, back = dict(ends), number
    while left:
        starts = {each: max(firsts[each], ends[each] - back) for each in left}
        _seek(consumer, {**ends, **starts})
        found = await _read_up_to(consumer, left)
        records = [each for each in records if _place(each) not in left] + found
        counts = Counter(map(_place, records))
        left = {
            each: ends[each]
            for each, start in starts.items()
            if counts[each] < number and start > firsts[each]
        }
        back *= _FURTHER
    return records


async def _read_up_to(
    consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]
) -> list[FetchedRecord]:
    """Return what there is of the partitions of `ends` until there; others stand at their end."""
    records: list[FetchedRecord] = []
    while await _is_before(consumer, ends):
        records += [
            record
            for record in await _some(consumer)
            if record.offset < ends.get(_place(record), 0)
        ]
    return records


def _place(record: FetchedRecord) -> TopicPartition:
    return TopicPartition(record.topic, record.partition)


async def _starts(
    consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int], since_ms: float | None
) -> Mapping[TopicPartition, int]:
    firsts: Mapping[TopicPartition, int] = await consumer.beginning_offsets(list(ends))
    if since_ms is None:
        return firsts
    found = await consumer.offsets_for_times(dict.fromkeys(ends, int(since_ms)))
    return {each: ends[each] if at is None else at.offset for each, at in found.items()}


async def _some_before(
    consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]
) -> list[FetchedRecord]:
    """Some records below `ends`; none only when there are no more."""
    records: list[FetchedRecord] = []
    while not records and await _is_before(consumer, ends):
        records = [
            record for record in await _some(consumer) if record.offset < ends[_place(record)]
        ]
    return records


async def _is_before(consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]) -> bool:
    return any([await consumer.position(each) < end for each, end in ends.items()])


def _fatal(error: errors.KafkaError, kafka: Kafka) -> Fatal:
    servers = kafka.bootstrap_servers
    return client.denied(error, servers) or Fatal(
        Exit.BROKER_UNAVAILABLE, f"{servers} did not do as asked: {reason_of(error)}"
    )
