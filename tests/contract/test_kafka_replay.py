"""Reading a topic whole and sending records again, on a real Kafka."""

import time
from contextlib import aclosing
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer

from daemon.answering.replay import Replay
from daemon.kafka.looking.reader import whole
from daemon.kafka.writing.replay import Replayer
from daemon.values.errors import Fatal
from tests.contract.worlds import settings_for

pytestmark = pytest.mark.kafka


@pytest.fixture
def kafka_settings(workers, topics):
    return settings_for(workers.bootstrap, topics).kafka


async def read(kafka, topic, *, since_ms=None):
    """The values of `topic`."""
    values = []
    chunks = whole(kafka, topic, base=Path(), since_ms=since_ms, timeout_s=15)
    async with aclosing(chunks):
        async for records in chunks:
            values += [record.value for record in records]
    return values


def request(topic, partition=0, value=b"body", key=b"k", headers=()):
    return Replay(topic, partition, key, value, list(headers))


async def sent(kafka, topics, *records):
    async with Replayer(kafka, topics, base=Path()) as replayer:
        return await replayer.send(records), replayer.ended


async def test_a_topic_is_read_as_far_as_it_was_at_the_start(
    workers, topics, kafka_settings, monkeypatch
):
    names = await topics(dead=2)
    for number in range(6):
        await workers.produce(names.dead, number % 2, b"%d" % number)

    ends_of = AIOKafkaConsumer.end_offsets

    async def and_then_more_come(consumer, partitions):
        ends = await ends_of(consumer, partitions)
        await workers.produce(names.dead, 0, b"more")
        await workers.produce(names.dead, 1, b"more")
        return ends

    monkeypatch.setattr(AIOKafkaConsumer, "end_offsets", and_then_more_come)

    values = await read(kafka_settings, names.dead)

    assert sorted(values) == [b"%d" % number for number in range(6)]


async def test_an_empty_topic_is_read_at_once(topics, kafka_settings):
    names = await topics(dead=3)

    assert await read(kafka_settings, names.dead) == []


async def test_what_is_older_than_asked_for_is_not_read(workers, topics, kafka_settings):
    names = await topics(dead=2)
    now_ms = int(time.time() * 1000)
    for partition, value, age_ms in (
        (0, b"old", 60_000),
        (0, b"new", 1_000),
        (1, b"older", 90_000),
    ):
        await workers.producer.send_and_wait(
            names.dead, value, partition=partition, timestamp_ms=now_ms - age_ms
        )

    assert await read(kafka_settings, names.dead, since_ms=now_ms - 30_000) == [b"new"]
    assert await read(kafka_settings, names.dead, since_ms=now_ms) == []


async def test_a_record_goes_to_its_partition_with_key_value_and_headers(
    workers, topics, kafka_settings
):
    names = await topics(requests=4)
    headers = [("a", b"1"), ("a", b"2"), ("null", None), ("empty", b"")]

    problems, ended = await sent(
        kafka_settings, [names.requests], request(names.requests, 2, headers=headers)
    )

    assert (problems, ended) == ([""], None)
    chunks = whole(kafka_settings, names.requests, base=Path(), since_ms=None, timeout_s=15)
    async with aclosing(chunks):
        ((record,),) = [records async for records in chunks]
    assert (record.partition, record.key, record.value) == (2, b"k", b"body")
    assert list(record.headers) == headers


async def test_a_partition_that_is_gone_leaves_it_to_the_key(topics, kafka_settings):
    names = await topics(requests=2)

    problems, _ = await sent(kafka_settings, [names.requests], request(names.requests, 9))

    assert problems == [""]
    assert await read(kafka_settings, names.requests) == [b"body"]


async def test_a_record_that_is_too_large_ends_nothing(topics, kafka_settings):
    topic = await topics.create("small", 1, {"max.message.bytes": "20000"})
    large = request(topic, value=b"x" * 30_000)

    problems, ended = await sent(
        kafka_settings, [topic], request(topic), large, request(topic, value=b"after")
    )

    assert [bool(problem) for problem in problems] == [False, True, False]
    assert ended is None
    assert sorted(await read(kafka_settings, topic)) == [b"after", b"body"]


async def test_a_large_record_passes_where_its_topic_allows_it(topics, kafka_settings):
    topic = await topics.create("large", 1, {"max.message.bytes": str(4 * 2**20)})

    assert await sent(kafka_settings, [topic], request(topic, value=b"x" * 3_000_000)) == (
        [""],
        None,
    )


async def test_no_other_topic_is_written_to(topics, kafka_settings):
    names = await topics(requests=1, other=1)

    with pytest.raises(Fatal, match=f"{names.other} is not one of the topics"):
        await sent(kafka_settings, [names.requests], request(names.other))

    assert await read(kafka_settings, names.other) == []
