"""A right or a topic that is gone for a while costs that while, on a real Kafka that knows rights."""

import asyncio
import contextlib

import pytest
from aiokafka import AIOKafkaProducer

from daemon.kafka.source import KafkaSource
from daemon.kafka.writing.sink import KafkaSink
from daemon.loop.tasks import Tasks
from daemon.values.errors import Exit, Fatal
from daemon.values.ports import SendDenied, SendError
from tests.contract.worlds import PATIENCE_S, Tally, offsets_of, until
from tests.ledgers import make_lane
from tests.secure_broker import Right, Users, eventually

pytestmark = pytest.mark.kafka

CAROL = ("carol", "SCRAM-SHA-512")


@pytest.fixture
async def users(secure_broker):
    async with Users(secure_broker) as made:
        await made.add("carol")
        yield made


@pytest.fixture
async def names(secure_topics):
    return await secure_topics(requests=2, replies=1, dead=1)


class Reader:
    """A source that is read from all the time."""

    def __init__(self, settings, topics):
        self.tasks = Tasks()
        self.source = KafkaSource(
            settings, [make_lane(f"{topics.prefix}requests")], metrics=Tally(), tasks=self.tasks
        )
        self.values = []
        self._topics = [f"{topics.prefix}requests"]
        self.reading = None

    async def __aenter__(self):
        await self.source.start(self._drained)
        self.reading = asyncio.ensure_future(self._read())
        return self

    async def __aexit__(self, *_):
        self.reading.cancel()
        await asyncio.wait([self.reading])
        await self.source.leave()

    async def _read(self):
        while True:
            for chunk in await self.source.fetch(self._topics, max_records=100, timeout_s=0.2):
                chunk.ledger.settle(offsets_of(chunk))
                self.values += [record.value for record in chunk.records]
            await self.source.commit()

    async def until(self, condition, patience_s=PATIENCE_S):
        """Wait until it holds; raises what ended the reading instead."""
        await until(lambda: self.reading.done() or condition(), patience_s)
        if self.reading.done():
            self.reading.result()

    @staticmethod
    async def _drained(ledgers):
        pass


@pytest.fixture
async def produce(secure_settings, secure_topics, secure_broker):

    async with AIOKafkaProducer(bootstrap_servers=secure_broker.bootstrap) as producer:

        async def send(topic, *values):
            for partition in (0, 1):
                for value in values:
                    await producer.send_and_wait(topic, value, partition=partition)

        yield send


def reading_rights(names, topics):
    return {
        "group": Right("Read", "group", topics.group),
        "read": Right("Read", "topic", names.requests),
        "describe": Right("Describe", "topic", names.requests),
    }


@pytest.mark.parametrize(
    ("gone", "said"),
    [
        (["group"], "grant Read on the group"),
        (["read"], "grant Read on it"),
        (["read", "describe"], "grant Read on it"),
    ],
    ids=["of the group", "to read", "to see"],
)
async def test_a_right_to_read_that_is_gone_for_a_while_is_waited_for(
    secure_settings, secure_topics, users, names, produce, gone, said
):
    rights = reading_rights(names, secure_topics)
    await users.grant("carol", *rights.values())
    async with Reader(secure_settings(CAROL), secure_topics) as reader:
        await produce(names.requests, b"before")
        await reader.until(lambda: len(reader.values) == 2)

        await users.take_away("carol", *[rights[each] for each in gone])
        await reader.until(lambda: said in reader.source.trouble)
        await produce(names.requests, b"meanwhile")
        await users.grant("carol", *[rights[each] for each in gone])

        await reader.until(lambda: reader.values.count(b"meanwhile") == 2)
        await reader.until(lambda: not reader.source.trouble)
        # What could not be committed is read again; nothing else.
        assert set(reader.values) == {b"before", b"meanwhile"}


async def test_a_right_that_is_gone_for_too_long_ends_the_process(
    secure_settings, secure_topics, users, names
):
    rights = reading_rights(names, secure_topics)
    await users.grant("carol", *rights.values())
    settings = secure_settings(CAROL, limits={"unavailable": "1s"})
    async with Reader(settings, secure_topics) as reader:
        await reader.until(lambda: reader.source.ledgers)
        await users.take_away("carol", rights["group"])

        with pytest.raises(Fatal, match=r"limits\.unavailable") as caught:
            await reader.until(lambda: False)
    assert caught.value.exit_code is Exit.DENIED


async def test_a_topic_that_is_gone_for_a_while_is_waited_for(
    secure_settings, secure_topics, users, names, produce
):
    await users.grant("carol", *reading_rights(names, secure_topics).values())
    async with Reader(secure_settings(CAROL), secure_topics) as reader:
        await produce(names.requests, b"before")
        await reader.until(lambda: len(reader.values) == 2)

        await secure_topics.admin.delete_topics([names.requests])
        await reader.until(lambda: "does not exist; create it" in reader.source.trouble)
        await secure_topics.make_anew(names.requests, 2)
        await produce(names.requests, b"anew")

        await reader.until(lambda: reader.values.count(b"anew") == 2)
        await reader.until(lambda: not reader.source.trouble)


async def test_a_changed_password_comes_into_use_at_the_next_connection(
    secure_settings, secure_topics, users, names, produce
):
    await users.grant("carol", *reading_rights(names, secure_topics).values())
    settings = secure_settings(CAROL)
    async with Reader(settings, secure_topics) as reader:
        await produce(names.requests, b"before")
        await reader.until(lambda: len(reader.values) == 2)

        await users.add("carol", "another one")
        settings.kafka.sasl_password_file.write_text("another one")
        for connection in [*reader.source._consumer.inner._conns.values()]:
            connection.close()
        await produce(names.requests, b"after")

        await reader.until(lambda: reader.values.count(b"after") == 2)


async def test_a_right_to_write_that_is_gone_for_a_while_is_told_from_one_that_is_there(
    secure_settings, users, names
):
    replies, dead = (Right("Write", "topic", each) for each in (names.replies, names.dead))
    await users.grant("carol", replies, dead)
    sink = KafkaSink(secure_settings(CAROL), tasks=Tasks())
    await sink.start()

    async def is_denied():
        with contextlib.suppress(SendDenied):
            await sink.send(names.replies, 0, [(None, b"a", [])])
            return False
        return True

    async def is_taken():
        with contextlib.suppress(SendError):
            await sink.send(names.replies, 0, [(None, b"a", [])])
            return True
        return False

    try:
        assert await is_taken()
        await users.take_away("carol", replies)
        await eventually(is_denied)
        sink._counts.forget(names.replies)
        with pytest.raises(SendDenied, match="not allowed to see"):
            await sink.partition_count(names.replies)
        await users.grant("carol", replies)
        await eventually(is_taken)
    finally:
        await sink.close()
