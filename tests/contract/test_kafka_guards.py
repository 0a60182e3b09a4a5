"""Each guard around the client, beside the client without it, on a real Kafka."""

import asyncio
from contextlib import suppress

import aiokafka.client
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, errors
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.commit import OffsetFetchResponse_v3
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.protocol.produce import ProduceResponse_v7
from aiokafka.structs import TopicPartition

from daemon.kafka import closing, guards
from daemon.kafka.reading import tolerant_records
from daemon.kafka.reading.batch_reading import BatchReading
from daemon.values.errors import Exit, Fatal
from daemon.values.ports import SendFailed
from tests import raw_batches
from tests.contract.worlds import Tally, gather, started_sink, until, values_of

pytestmark = pytest.mark.kafka


# Finding 1: OffsetFetch fails as a whole, and the client takes it for "no commit"


def _fetch_failed(code):
    return ("OffsetFetchRequest", lambda _: OffsetFetchResponse_v3(0, [], code))


async def _committed_at(workers, names, offset):
    """A group that has committed `offset` of a log with 10 records."""
    source = await workers.start()
    await workers.produce(names.requests, 0, *[b"%d" % number for number in range(10)])
    (chunk, *_) = await gather(source, [names.requests], 10, settle=False)
    chunk.ledger.settle(range(offset))
    source.release()
    await source.commit()
    await source.leave()


@pytest.mark.parametrize("code", [14, 15, 16])
async def test_a_failed_offset_fetch_does_not_move_the_position(workers, topics, answers, code):
    names = await topics(requests=1)
    await _committed_at(workers, names, 4)

    answers += [_fetch_failed(code)] * 3
    source = await workers.start()

    assert values_of(await gather(source, [names.requests], 6))[0] == b"4"
    assert not answers


async def test_the_client_itself_tells_a_failed_offset_fetch_from_no_commit(
    workers, topics, answers
):
    names = await topics(requests=1)
    await _committed_at(workers, names, 4)
    source = await workers.start()

    answers += [_fetch_failed(14)]

    assert await source._consumer._client.committed(TopicPartition(names.requests, 0)) == 4


async def test_without_the_guard_a_failed_offset_fetch_moves_it(workers, topics, answers):
    names = await topics(requests=1)
    await _committed_at(workers, names, 4)

    answers += [_fetch_failed(14)]
    async with AIOKafkaConsumer(
        names.requests,
        bootstrap_servers=workers.bootstrap,
        group_id=topics.group,
        auto_offset_reset="earliest",
    ) as consumer:
        record = await asyncio.wait_for(consumer.getone(), 10)

    assert record.value == b"0"


async def test_a_group_that_may_not_be_read_ends_the_process(workers, topics, answers):
    await topics(requests=1)
    answers += [_fetch_failed(30)] * 2
    source = await workers.start()

    with pytest.raises(Fatal) as caught:
        await gather(source, source._topics, 1)

    assert caught.value.exit_code is Exit.DENIED


# Finding 4: a refused batch poisons the producer


def _produce_failed(code, request_name="Produce"):
    """`request_name`: that of the sink's requests, unless it is the client's own."""

    def respond(request):
        topics = [
            (topic, [(partition, code, -1, -1, -1) for partition, _ in partitions])
            for topic, partitions in getattr(request, "_request", request)._topics
        ]
        return ProduceResponse_v7(topics, 0)

    return (request_name, respond)


@pytest.mark.parametrize("code", [2, 45, 47, 90, -1])
async def test_the_producer_is_replaced_after_an_error(kafka, topics, answers, code):
    names = await topics(replies=1, dead=1)
    async with started_sink(kafka, topics) as sink:
        await sink.send(names.replies, 0, [(None, b"a", [])])
        answers += [_produce_failed(code)]
        with pytest.raises(SendFailed):
            await sink.send(names.replies, 0, [(None, b"b", [])])

        await sink.send(names.replies, 0, [(None, b"c", [])])


async def test_without_the_guard_every_later_send_fails(kafka, topics, answers):
    names = await topics(replies=1)
    async with AIOKafkaProducer(bootstrap_servers=kafka, enable_idempotence=True) as producer:
        await producer.send_and_wait(names.replies, b"a", partition=0)
        answers += [_produce_failed(87, "ProduceRequest")]
        with pytest.raises(errors.KafkaError):
            await producer.send_and_wait(names.replies, b"b", partition=0)

        with pytest.raises(errors.OutOfOrderSequenceNumber):
            await producer.send_and_wait(names.replies, b"c", partition=0)


# A client that is closed


async def _started_client(kafka):
    guards.install()
    client = AIOKafkaClient(bootstrap_servers=kafka)
    await client.bootstrap()
    return client, client.get_random_node()


async def test_a_client_that_is_closed_connects_to_nobody(kafka):
    client, node = await _started_client(kafka)
    await client.close()

    assert not await client.ready(node)
    assert not client._conns


async def test_what_a_client_is_connecting_as_it_is_closed_is_closed_too(kafka, monkeypatch):
    client, node = await _started_client(kafka)
    create, closed = aiokafka.client.create_conn, asyncio.Event()

    async def create_late(*where, **how):
        connection = await create(*where, **how)
        await closed.wait()
        return connection

    monkeypatch.setattr(aiokafka.client, "create_conn", create_late)
    connecting = asyncio.create_task(client.ready(node))
    await asyncio.sleep(0)
    await client.close()
    closed.set()

    assert not await connecting
    assert not [each for each in client._conns.values() if each.connected()]


async def test_without_the_guard_a_client_that_is_closed_connects_all_the_same(kafka, monkeypatch):
    client, node = await _started_client(kafka)
    monkeypatch.setattr(AIOKafkaClient, "_get_conn", closing._connect)
    await client.close()

    assert await client.ready(node)

    await client.close()


async def test_a_connection_that_was_cut_is_written_to_by_nobody(kafka):
    client, node = await _started_client(kafka)
    await client.ready(node)
    ((place, connection),) = client._conns.items()

    connection._writer.transport.abort()
    await client.send(node, MetadataRequest([]))

    assert client._conns[place] is not connection
    await client.close()


async def test_without_the_guard_a_connection_that_was_cut_raises_what_nobody_expects(
    kafka, monkeypatch
):
    client, node = await _started_client(kafka)
    monkeypatch.setattr(AIOKafkaClient, "_get_conn", closing._connect)
    await client.ready(node)
    (connection,) = client._conns.values()

    connection._writer.transport.abort()
    with pytest.raises(RuntimeError, match="closed"):
        await client.send(node, MetadataRequest([]))

    await client.close()


# Metadata: who needs no topic asks for all of them


async def test_a_client_without_topics_learns_of_none(kafka, topics):
    await topics(anothers=1)
    client, _ = await _started_client(kafka)

    assert await client.force_metadata_update()

    assert client.cluster.brokers()
    assert not client.cluster.topics()
    await client.close()


async def test_without_the_guard_it_learns_of_all(kafka, topics, monkeypatch):
    names = await topics(anothers=1)
    client, _ = await _started_client(kafka)
    monkeypatch.setattr(aiokafka.client, "MetadataRequest", MetadataRequest)

    assert await client.force_metadata_update()

    assert names.anothers in client.cluster.topics()
    await client.close()


# Finding 5: the client's tasks die without a word


async def test_a_dead_fetch_task_ends_the_process(workers, topics, monkeypatch):
    names = await topics(requests=1)
    source = await workers.start()
    fetcher = source._consumer._fetcher

    monkeypatch.setattr(fetcher, "_get_actions_per_node", None)
    await workers.produce(names.requests, 0, b"a", b"b")

    with pytest.raises(Fatal) as caught:
        await gather(source, [names.requests], 10)
    assert caught.value.exit_code is Exit.INTERNAL
    assert isinstance(fetcher._fetch_task.exception(), errors.KafkaError)


async def test_without_the_guard_a_dead_fetch_task_is_silent(kafka, topics, workers, monkeypatch):
    names = await topics(requests=1)
    consumer = AIOKafkaConsumer(names.requests, bootstrap_servers=kafka, group_id=topics.group)
    await consumer.start()
    try:
        monkeypatch.setattr(consumer._fetcher, "_get_actions_per_node", None)
        await workers.produce(names.requests, 0, b"a")
        await until(consumer._fetcher._fetch_task.done)

        assert await consumer.getmany(timeout_ms=500) == {}
    finally:
        with suppress(errors.KafkaError):  # that of the dead task
            await consumer.stop()
        await consumer._client.close()


async def test_a_dead_coordination_task_ends_the_process(workers, topics, monkeypatch):
    names = await topics(requests=1)
    source = await workers.start()
    coordinator = source._consumer._coordinator

    monkeypatch.setattr(coordinator, "need_rejoin", None)
    source._consumer.rejoin()

    with pytest.raises(Fatal) as caught:
        await gather(source, [names.requests], 1)
    assert caught.value.exit_code is Exit.INTERNAL


# Unreadable records


async def test_without_the_guard_an_unreadable_record_stops_its_partition(kafka, topics):
    names = await topics(requests=1)
    await raw_batches.publish(
        kafka, names.requests, 0, raw_batches.bad_header_between(b"a", b"bad", b"c")
    )
    async with AIOKafkaConsumer(
        names.requests, bootstrap_servers=kafka, auto_offset_reset="earliest"
    ) as consumer:
        for _ in range(3):
            with pytest.raises((errors.CorruptRecordException, UnicodeDecodeError)):
                await consumer.getmany(timeout_ms=5_000)


async def test_a_forged_offset_does_not_hide_what_follows_its_batch(workers, topics):
    names = await topics(requests=1)
    raw = raw_batches.batch(b"a", b"b", b"c")
    second = 62 + (raw[61] >> 1)
    raw[second + 3] = 100  # offset 50 of a batch of 3
    source = await workers.start()
    await raw_batches.publish(workers.bootstrap, names.requests, 0, raw_batches.seal(raw))
    await workers.produce(names.requests, 0, b"next")

    chunks = await gather(source, [names.requests], 4)

    assert values_of(chunks) == [b"a", b"next"]
    assert [stub.offset for chunk in chunks for stub in chunk.unreadable] == [1, 2]


@pytest.mark.parametrize("codec", ["gzip", "lz4", "zstd"])
async def test_a_bomb_is_unreadable_and_its_neighbours_are_served(workers, topics, codec):
    names = await topics(requests=1)
    source = await workers.start(fetch_bytes="64KiB")  # bound: 4 MiB
    bomb = raw_batches.batch(bytes(6 * 2**20), b"in the same batch", codec=codec)
    await workers.produce(names.requests, 0, b"before")
    await raw_batches.publish(workers.bootstrap, names.requests, 0, bomb)
    await workers.produce(names.requests, 0, b"after")

    chunks = await gather(source, [names.requests], 4)

    assert values_of(chunks) == [b"before", b"after"]
    assert [stub.offset for chunk in chunks for stub in chunk.unreadable] == [1, 2]


async def test_batches_that_unpack_far_are_taken_piece_by_piece_from_all_partitions(
    workers, topics
):
    names = await topics(requests=3)
    raw = raw_batches.batch(*[bytes(10**6)] * 10, codec="zstd")
    for number in (0, 1, 2, 0, 1, 2):
        await raw_batches.publish(workers.bootstrap, names.requests, number, raw)
    source = await workers.start()
    await until(lambda: len(source._consumer._fetcher._records) == 3)

    order, records = [], 0
    async with asyncio.timeout(20):
        while records < 60:
            chunks = await source.fetch(
                [names.requests], max_records=1_000, max_bytes=2 * 10**6, timeout_s=0.2
            )
            assert sum(len(chunk.records) for chunk in chunks) <= 2
            records += sum(len(chunk.records) for chunk in chunks)
            order += [chunk.ledger.number for chunk in chunks]

    assert set(order[:15]) == {0, 1, 2}


@pytest.mark.parametrize("codec", raw_batches.CODECS)
async def test_ordinary_compressed_batches_are_read(workers, topics, codec):
    names = await topics(requests=1)
    source = await workers.start()
    values = [b"%d" % number * 100 for number in range(100)]
    await raw_batches.publish(
        workers.bootstrap, names.requests, 0, raw_batches.batch(*values, codec=codec)
    )

    assert values_of(await gather(source, [names.requests], 100)) == values


# Fetches


async def test_an_error_in_a_fetch_does_not_stop_the_idle_clock(workers, topics):
    names = await topics(requests=1)
    source = await workers.start()
    await workers.produce(names.requests, 0, *[b"%d" % number for number in range(5)])
    await gather(source, [names.requests], 5)

    before = source.ledgers[names.requests, 0]
    source._consumer.seek(TopicPartition(names.requests, 0), 99)
    tally = source._metrics = source._membership._assigner._metrics = Tally()
    async with asyncio.timeout(20):
        while source.ledgers[names.requests, 0] is before:
            await source.fetch([names.requests], max_records=10, timeout_s=0.2)
    await workers.produce(names.requests, 0, b"next")
    await gather(source, [names.requests], 1)

    assert source._consumer._subscriptions._fetch_count == 0
    assert tally.losses == 0


async def test_a_cancelled_fetch_does_not_stop_the_idle_clock(workers, topics):
    names = await topics(requests=1)
    source = await workers.start()

    async def fetch():
        while True:  # the first returns when its partition is opened
            await source.fetch([names.requests], max_records=1, timeout_s=30)

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(fetch(), 0.3)

    assert source._consumer._subscriptions._fetch_count == 0


async def test_without_the_guard_a_cancelled_fetch_stops_the_idle_clock(kafka, topics):
    names = await topics(requests=1)
    async with AIOKafkaConsumer(
        names.requests, bootstrap_servers=kafka, group_id=topics.group
    ) as consumer:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await consumer.getmany(timeout_ms=30_000)

        assert consumer._subscription._fetch_count == 1


def test_other_consumers_in_the_process_are_left_alone():
    guards.install()

    ordinary, ours = (
        tolerant_records._partition_records(
            TopicPartition("t", 0),
            tolerant_records._MemoryRecordsPy(b""),
            [],
            0,
            asker,
            None,
            None,
            1,
        )
        for asker in (None, BatchReading(1))
    )

    assert type(ordinary) is tolerant_records._STRICT_RECORDS
    assert type(ours) is tolerant_records.TolerantRecords


async def _buffering(workers, names, lanes=("requests", "urgent"), *, beside=()):
    """A source of `lanes` that has a record of the first lying there, and what it has buffered."""
    source = await workers.start(lanes)
    source._consumer._fetcher._prefetch_backoff = 3_600.0  # so that no clock decides
    buffered = source._consumer._fetcher._records
    await workers.produce(names.requests, 0, b"bulk")
    while TopicPartition(names.requests, 0) not in buffered:
        assert not await source.fetch([names.urgent], beside=beside, max_records=10, timeout_s=0.05)
    return source, buffered


async def test_what_is_held_back_of_a_lane_delays_no_fetch_of_its_others(workers, topics):
    """The client alone asks a broker for nothing while any buffered data is young."""
    names = await topics(requests=1, urgent=1)
    lane = [(names.requests, names.urgent)]
    source, buffered = await _buffering(workers, names, lane)

    await workers.produce(names.urgent, 0, b"urgent")
    await gather(source, [names.urgent], 1)

    assert buffered[TopicPartition(names.requests, 0)].calculate_backoff() == 0


async def _take_urgent(workers, names, source):
    """One urgent record comes beside those of the lane that is read."""
    await workers.produce(names.urgent, 0, b"urgent")
    chunks = []
    async with asyncio.timeout(20):
        while not chunks:
            chunks += await source.fetch(
                [names.urgent], beside=[names.requests], max_records=10, timeout_s=0.2
            )
    assert values_of(chunks) == [b"urgent"]


async def test_what_lies_of_a_lane_that_is_read_delays_no_other_lanes_fetch(workers, topics):
    names = await topics(requests=1, urgent=1)
    source, buffered = await _buffering(workers, names, beside=[names.requests])

    await _take_urgent(workers, names, source)

    assert buffered[TopicPartition(names.requests, 0)].calculate_backoff() > 0


async def test_a_fetch_that_finds_nothing_of_a_lane_delays_no_other_lanes(workers, topics):
    """The broker holds it, and whatever comes behind it on the same connection."""
    names = await topics(requests=1, urgent=1)
    source, _ = await _buffering(workers, names, beside=[names.requests])
    source._consumer._fetcher._fetch_max_wait_ms = 3_600_000

    await _take_urgent(workers, names, source)  # and it is asked for the next one
    await workers.produce(names.requests, 0, b"more")

    assert values_of(await gather(source, [names.requests], 2)) == [b"bulk", b"more"]
