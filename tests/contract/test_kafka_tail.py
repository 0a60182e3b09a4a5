"""Following a topic from certain offsets on, on a real Kafka that does not have all of them any more."""

import asyncio
from pathlib import Path

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete

from daemon.kafka.looking.tail import tail
from tests.contract.worlds import settings_for

pytestmark = pytest.mark.kafka


async def produce(workers, topic, *values):
    for value in values:
        await workers.produce(topic, 0, value)


async def read(following, count):
    """The values of the next so many records."""
    records = []
    async with asyncio.timeout(20):
        while len(records) < count:
            records += await following.some(100)
    return [record.value for record in records]


async def test_what_was_deleted_is_told_and_what_is_behind_it_is_read(workers, topics):
    topic = await topics.create("replies")
    kafka, told = settings_for(workers.bootstrap, topics).kafka, []
    await produce(workers, topic, b"a", b"b", b"c", b"d")
    await topics.admin.delete_records({TopicPartition(topic, 0): RecordsToDelete(3)})

    async with tail(kafka, [topic], base=Path(), told=told.append) as following:
        await following.seek({(topic, 0): 1})
        assert await read(following, 1) == [b"d"]

    assert told == [f"{topic}/0: 2 records were deleted before they were read"]


async def test_a_log_that_ends_before_what_was_read_is_read_from_its_start(workers, topics):
    topic = await topics.create("replies")
    kafka, told = settings_for(workers.bootstrap, topics).kafka, []
    await produce(workers, topic, b"a")

    async with tail(kafka, [topic], base=Path(), told=told.append) as following:
        await following.seek({(topic, 0): 5})
        assert await read(following, 1) == [b"a"]
        await produce(workers, topic, b"b")
        assert await read(following, 1) == [b"b"]

    assert told == [f"{topic}/0 has lost its end, or was made anew: it is read from its start"]
