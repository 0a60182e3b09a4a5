"""The sink on a Kafka that does not do as it should."""

import asyncio
import re
import time

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import NewPartitions

from daemon.kafka.writing.producer import Producer
from daemon.kafka.writing.refusals import Refused
from daemon.kafka.writing.sink import KafkaSink
from daemon.loop.tasks import Tasks
from daemon.values.errors import Exit, Fatal
from daemon.values.ports import SendBlocked, SendDenied, SendFailed
from loadtest.kafka.proxy import PRODUCE
from tests.contract.worlds import PATIENCE_S, read, settings_for, started_sink

pytestmark = pytest.mark.kafka


@pytest.fixture
def broker(mended_broker):
    return mended_broker


def _records(*values):
    return [(None, value, []) for value in values]


async def test_a_batch_too_large_for_its_topic_is_halved_until_it_fits(kafka, topics):
    names = await topics(replies=1, dead=1)
    small = await topics.create("small", 1, {"max.message.bytes": "20000"})
    values = [b"%04d" % number + bytes(100) for number in range(2_000)]
    async with started_sink(kafka, topics) as sink:
        await sink.send(small, 0, _records(*values))
        await sink.send(names.replies, 0, _records(b"others are as large as before"))

    assert [record.value for record in await read(kafka, small, 2_000)] == values


async def test_a_right_taken_away_between_two_batches_leaves_the_first_one_sent(
    kafka, topics, monkeypatch
):
    """As a broker answers that has learnt of it in the middle of a load."""
    names = await topics(replies=1, dead=1)
    records = _records(*[b"%06d" % number + bytes(1_000) for number in range(1_000)])
    async with started_sink(kafka, topics) as sink:
        send, batches = Producer.send, []

        async def send_until_denied(producer, topic, partition, batch):
            batches.append(batch)
            if len(batches) == 2:
                raise Refused(29)
            await send(producer, topic, partition, batch)

        monkeypatch.setattr(Producer, "send", send_until_denied)
        with pytest.raises(SendDenied) as caught:
            await sink.send(names.replies, 0, records)

    first_end = batches[0].end
    assert 0 < first_end < len(records)
    assert caught.value.unsent == set(range(first_end, len(records)))
    there = await read(kafka, names.replies, first_end)
    assert [record.value for record in there] == [value for _, value, _ in records[:first_end]]


AHEAD_S = 7_200


async def test_a_clock_that_is_wrong_is_named_with_its_difference(kafka, topics):
    names = await topics(replies=1, dead=1)
    async with started_sink(kafka, topics, wall=lambda: time.time() + AHEAD_S) as sink:
        with pytest.raises(SendBlocked) as caught:
            await sink.send(names.replies, 0, _records(b"a"))

        assert sink.trouble == str(caught.value)
    (said,) = re.findall(r"this host's clock is ([\d.]+) s ahead of the broker's", sink.trouble)
    assert float(said) == pytest.approx(AHEAD_S, abs=PATIENCE_S)
    assert "put it right" in sink.trouble


async def test_answers_leave_once_the_clock_is_put_right(kafka, topics):
    names = await topics(replies=1, dead=1)
    ahead_s = AHEAD_S
    async with started_sink(kafka, topics, wall=lambda: time.time() + ahead_s) as sink:
        with pytest.raises(SendBlocked):
            await sink.send(names.replies, 0, _records(b"a"))
        ahead_s = 0

        await sink.send(names.replies, 0, _records(b"b"))

        assert sink.trouble == ""
    assert [record.value for record in await read(kafka, names.replies, 1)] == [b"b"]


async def test_a_topic_that_a_request_names_is_no_trouble_of_the_worker(kafka, topics):
    await topics(replies=1, dead=1)
    theirs = await topics.create("theirs", 1, {"message.timestamp.after.max.ms": "1000"})
    async with started_sink(kafka, topics, wall=lambda: time.time() + 60) as sink:
        with pytest.raises(SendBlocked):
            await sink.send(theirs, 0, _records(b"a"))

        assert sink.trouble == ""


async def test_missing_topics_of_the_settings_end_the_start(kafka, topics):
    await topics(replies=1)
    sink = KafkaSink(settings_for(kafka, topics, start_timeout="2s"), tasks=Tasks())

    with pytest.raises(Fatal, match="dead") as caught:
        await sink.start()
    await sink.close()

    assert caught.value.exit_code is Exit.SETTINGS


async def test_no_broker_ends_the_start_when_its_time_is_up(topics):
    settings = settings_for("127.0.0.1:1", topics, start_timeout="1s")
    sink = KafkaSink(settings, tasks=Tasks())

    with pytest.raises(Fatal, match=r"127\.0\.0\.1:1") as caught:
        await sink.start()
    await sink.close()

    assert caught.value.exit_code is Exit.BROKER_UNAVAILABLE


async def test_a_missing_topic_costs_other_sends_nothing(kafka, topics):
    names = await topics(replies=1, dead=1)
    async with started_sink(kafka, topics) as sink:
        producer = sink.producers._producer

        async with asyncio.timeout(20):  # half of what the client alone waits for a topic
            lost, _ = await asyncio.gather(
                sink.send("no-such-topic", 0, _records(b"a")),
                sink.send(names.replies, 0, _records(b"b")),
                return_exceptions=True,
            )

        assert isinstance(lost, SendFailed)
        assert sink.producers._producer is producer
        assert await sink.partition_count("no-such-topic") is None


async def test_a_send_goes_on_with_the_successor_of_a_producer_that_is_replaced(kafka, topics):
    """The client never answers who waits for its metadata while it is closed."""
    names = await topics(replies=1, dead=1)
    async with started_sink(kafka, topics) as sink:
        producer = sink.producers._producer
        producer.inner.force_metadata_update = asyncio.get_running_loop().create_future

        sending = asyncio.create_task(sink.send(names.replies, 0, _records(b"a")))
        await asyncio.sleep(0.05)
        assert not sending.done()
        sink.producers.replace(producer, "another batch was refused")

        await asyncio.wait_for(sending, 5)
        assert len(await read(kafka, names.replies, 1)) == 1


async def test_an_absent_topic_is_remembered_for_a_while_only(kafka, topics, monkeypatch):
    monkeypatch.setattr("daemon.kafka.writing.partition_counts._ABSENT_S", 0.5)
    await topics(replies=1, dead=1)
    async with started_sink(kafka, topics) as sink:
        name = topics.prefix + "later"
        assert await sink.partition_count(name) is None

        await topics.create("later", 3)
        assert await sink.partition_count(name) is None
        await asyncio.sleep(0.6)
        assert await sink.partition_count(name) == 3


async def test_no_topic_is_created_even_where_the_broker_would(broker, private_topics):
    await private_topics(replies=1, dead=1)
    async with started_sink(broker.bootstrap, private_topics) as sink:
        assert await sink.partition_count("unwanted") is None
        with pytest.raises(SendFailed):
            await sink.send("unwanted", 0, _records(b"a"))
        await asyncio.sleep(1)

    assert "unwanted" not in await private_topics.admin.list_topics()


async def test_an_added_partition_can_be_sent_to(kafka, topics):
    names = await topics(replies=1, dead=1)
    async with started_sink(kafka, topics) as sink:
        await sink.send(names.replies, 0, _records(b"a"))
        await topics.admin.create_partitions({names.replies: NewPartitions(2)})
        await asyncio.sleep(0.2)

        assert await sink.partition_count(names.replies) == 2
        await sink.send(names.replies, 1, _records(b"b"))


LIMITS = {"publish": "3s"}


async def test_a_send_waits_for_a_broker_that_is_gone_for_a_while(broker, private_topics):
    names = await private_topics(replies=1, dead=1)
    async with started_sink(broker.bootstrap, private_topics) as sink:
        await sink.send(names.replies, 0, _records(b"before"))
        await asyncio.to_thread(broker.stop)
        sending = asyncio.create_task(sink.send(names.replies, 0, _records(b"meanwhile")))
        await asyncio.sleep(1)
        assert not sending.done()
        await asyncio.to_thread(broker.start)

        await sending

    values = [record.value for record in await read(broker.bootstrap, names.replies, 2)]
    assert values == [b"before", b"meanwhile"]


async def test_a_send_fails_at_its_deadline_and_can_be_repeated(broker, private_topics):
    names = await private_topics(replies=1, dead=1)
    async with started_sink(broker.bootstrap, private_topics, limits=LIMITS) as sink:
        broker.pause()
        async with asyncio.timeout(20):  # the client alone never gives up
            with pytest.raises(SendFailed):
                await sink.send(names.replies, 0, _records(b"a"))
        broker.resume()

        async with asyncio.timeout(30):
            while True:
                try:
                    await sink.send(names.replies, 0, _records(b"b"))
                except SendFailed:
                    continue
                break

    values = [record.value for record in await read(broker.bootstrap, names.replies, 1)]
    assert b"b" in values or b"b" in [
        record.value for record in await read(broker.bootstrap, names.replies, 2)
    ]


async def test_without_the_guard_a_send_waits_for_ever(broker, private_topics):
    names = await private_topics(replies=1)
    producer = AIOKafkaProducer(
        bootstrap_servers=broker.bootstrap, enable_idempotence=True, request_timeout_ms=1_000
    )
    await producer.start()
    await producer.send_and_wait(names.replies, b"a")
    broker.pause()
    sending = asyncio.create_task(producer.send_and_wait(names.replies, b"b"))
    done, _ = await asyncio.wait({sending}, timeout=5)
    broker.resume()
    await sending
    await producer.stop()

    assert not done


async def test_held_replies_do_not_hide_partition_counts(broker, proxy, private_topics):
    names = await private_topics(replies=1, dead=1)
    async with started_sink(proxy.bootstrap, private_topics, limits=LIMITS) as sink:
        await sink.send(names.replies, 0, _records(b"before"))
        proxy.hold(PRODUCE)
        sending = asyncio.create_task(sink.send(names.replies, 0, _records(b"held")))
        await asyncio.sleep(0.2)

        async with asyncio.timeout(2):
            assert await sink.partition_count(names.dead) == 1
        assert not sending.done()

        proxy.release()
        await sending
