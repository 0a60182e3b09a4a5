"""Asking and reading by hand on a real Kafka."""

import asyncio
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from daemon.kafka.looking.reader import ask, newest
from daemon.values.errors import Exit, Fatal
from tests import raw_batches
from tests.contract.worlds import gather, settings_for

pytestmark = pytest.mark.kafka


async def _answer(workers, names):
    """Answers the first request with its own value, after a reply to somebody else."""
    source = await workers.start()
    ((record,),) = [chunk.records for chunk in await gather(source, [names.requests], 1)]
    await workers.produce(names.replies, 0, b"other", headers=[("correlation-id", b"other")])
    await workers.produce(names.replies, 1, record.value, headers=record.headers)


def _question(workers, topics, names, **changed):
    return ask(
        settings_for(workers.bootstrap, topics).kafka,
        **{
            "request_topic": names.requests,
            "reply_topic": names.replies,
            "value": b"body",
            "headers": [("model", b"m")],
            "correlation": b"c1",
            "base": Path(),
            "timeout_s": 15.0,
            **changed,
        },
    )


async def test_the_reply_to_a_request_is_found_among_others(workers, topics):
    names = await topics(requests=1, replies=2)

    reply, _ = await asyncio.gather(_question(workers, topics, names), _answer(workers, names))

    assert reply.value == b"body"
    assert ("correlation-id", b"c1") in reply.headers
    assert ("model", b"m") in reply.headers


async def test_no_reply_is_none(workers, topics):
    names = await topics(requests=1, replies=2)

    assert await _question(workers, topics, names, timeout_s=5) is None


async def test_a_missing_topic_is_named(workers, topics):
    names = await topics(requests=1, replies=1)

    with pytest.raises(Fatal, match="no-such-topic") as caught:
        await _question(workers, topics, names, request_topic="no-such-topic")

    assert caught.value.exit_code is Exit.SETTINGS


async def test_the_newest_records_come_newest_last(workers, topics):
    names = await topics(dead=2)
    kafka = settings_for(workers.bootstrap, topics).kafka
    for number in range(6):
        await workers.produce(names.dead, number % 2, b"%d" % number)

    records = await newest(kafka, names.dead, 3, base=Path(), timeout_s=15)

    assert sorted(record.value for record in records) == [b"3", b"4", b"5"]
    timestamps = [record.timestamp for record in records]
    assert timestamps == sorted(timestamps)


async def test_markers_and_what_was_aborted_do_not_count_as_newest_records(workers, topics):
    names = await topics(dead=2)
    kafka = settings_for(workers.bootstrap, topics).kafka
    async with AIOKafkaProducer(
        bootstrap_servers=workers.bootstrap, transactional_id=topics.group
    ) as producer:
        for number in range(4):
            async with producer.transaction():
                await producer.send_and_wait(names.dead, b"%d" % number, partition=0)
            await producer.begin_transaction()
            await producer.send_and_wait(names.dead, b"aborted", partition=0)
            await producer.abort_transaction()

    records = await newest(kafka, names.dead, 3, base=Path(), timeout_s=15)

    assert [record.value for record in records] == [b"1", b"2", b"3"]


async def test_of_the_newest_records_those_before_a_time_are_left_out(workers, topics):
    names = await topics(dead=2)
    kafka = settings_for(workers.bootstrap, topics).kafka
    for number in range(6):
        await workers.produce(names.dead, number % 2, b"%d" % number)
    records = await newest(kafka, names.dead, 6, base=Path(), timeout_s=15)
    since_ms = records[3].timestamp
    later = [record.value for record in records if record.timestamp >= since_ms]

    shown = await newest(kafka, names.dead, 6, base=Path(), timeout_s=15, since_ms=since_ms)

    assert [record.value for record in shown] == later
    assert (
        await newest(
            kafka, names.dead, 6, base=Path(), timeout_s=15, since_ms=records[-1].timestamp + 1
        )
        == []
    )


async def test_an_empty_topic_has_no_newest_records(workers, topics):
    names = await topics(dead=2)
    kafka = settings_for(workers.bootstrap, topics).kafka

    assert await newest(kafka, names.dead, 3, base=Path(), timeout_s=15) == []


async def test_an_unreadable_record_is_left_out_of_the_newest(workers, topics):
    names = await topics(dead=1)
    kafka = settings_for(workers.bootstrap, topics).kafka
    raw = raw_batches.bad_header_between(b"a", b"bad", b"c")
    await raw_batches.publish(workers.bootstrap, names.dead, 0, raw)

    records = await newest(kafka, names.dead, 3, base=Path(), timeout_s=15)

    assert [record.value for record in records] == [b"a", b"c"]
