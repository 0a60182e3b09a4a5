"""Where a partition is read from, on a real Kafka."""

import asyncio
import contextlib

import pytest
from aiokafka import AIOKafkaProducer, errors
from aiokafka.admin import NewPartitions, RecordsToDelete
from aiokafka.structs import TopicPartition

from daemon.kafka.group.committed import Commit
from daemon.values.errors import Exit, Fatal
from tests.contract.worlds import Tally, gather, leave_tidily, offsets_of, until, values_of

pytestmark = pytest.mark.kafka


async def _opened(source, count):
    async with asyncio.timeout(20):
        while len(source.ledgers) < count:
            await source.fetch((), max_records=0, timeout_s=0)
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("start", "expected"), [("earliest", [b"old", b"new"]), ("latest", [b"new"])]
)
async def test_a_new_group_starts_where_the_settings_say(workers, topics, start, expected):
    names = await topics(requests=1)
    await workers.produce(names.requests, 0, b"old")
    source = await workers.start(start=start)
    await _opened(source, 1)
    await workers.produce(names.requests, 0, b"new")

    assert values_of(await gather(source, [names.requests], len(expected))) == expected


async def test_a_new_group_is_refused_when_the_settings_say_so(workers, topics):
    await topics(requests=1)
    source = await workers.start(start="refuse")

    with pytest.raises(Fatal, match=r"kafka\.start") as caught:
        await _opened(source, 1)

    assert caught.value.exit_code is Exit.SETTINGS


async def test_the_first_position_is_committed_at_once(workers, topics):
    names = await topics(requests=2)
    await workers.produce(names.requests, 0, b"a", b"b")
    source = await workers.start(start="latest")
    await _opened(source, 2)

    assert await workers.committed(names.requests, 0) == 2
    assert await workers.committed(names.requests, 1) == 0


async def test_the_first_worker_starts_the_partitions_of_all_others(workers, topics):
    """Else the second would take its own for added ones and read a `latest` group from the start."""
    names = await topics(requests=4)
    for number in range(4):
        await workers.produce(names.requests, number, b"old")
    sources = [workers.make(start="latest") for _ in range(2)]
    await asyncio.gather(*(source.begin() for source in sources))
    try:
        async with asyncio.timeout(20):
            while sum(len(source.ledgers) for source in sources) < 4:
                for source in sources:
                    await source.fetch((), max_records=0, timeout_s=0)
                await asyncio.sleep(0.02)

        positions = [each.position for source in sources for each in source.ledgers.values()]
        assert positions == [1, 1, 1, 1]
    finally:
        await asyncio.gather(*(source.leave() for source in sources))


async def test_an_added_partition_is_read_from_its_start(workers, topics, monkeypatch):
    monkeypatch.setattr("daemon.kafka.client.METADATA_AGE_S", 0.3)
    names = await topics(requests=1)
    source = await workers.start(start="latest")
    await _opened(source, 1)

    await topics.admin.create_partitions({names.requests: NewPartitions(2)})
    async with AIOKafkaProducer(bootstrap_servers=workers.bootstrap) as producer:
        await producer.send_and_wait(names.requests, b"added", partition=1)

    assert values_of(await gather(source, [names.requests], 1)) == [b"added"]


async def test_a_commit_below_the_log_goes_on_at_its_start_and_is_counted(workers, topics):
    names = await topics(requests=1)
    await workers.produce(names.requests, 0, *[b"%d" % number for number in range(10)])
    first = await workers.start()
    (chunk, *_) = await gather(first, [names.requests], 10, settle=False)
    chunk.ledger.settle(range(2))
    await first.commit()
    await leave_tidily(first)
    partition = TopicPartition(names.requests, 0)
    await topics.admin.delete_records({partition: RecordsToDelete(before_offset=6)})

    tally = Tally()
    source = await workers.start(tally=tally)
    chunks = await gather(source, [names.requests], 4)

    assert values_of(chunks) == [b"6", b"7", b"8", b"9"]
    assert tally.losses == 4


async def test_a_log_shorter_than_the_commit_goes_on_at_its_end(workers, topics):
    """As after a loss of brokers; what is in the log was answered before."""
    names = await topics(requests=1)
    await workers.produce(names.requests, 0, b"a")
    source = await workers.start()
    await gather(source, [names.requests], 1)
    ledger = source.ledgers[names.requests, 0]
    ledger.start((), position=50)
    await leave_tidily(source)
    tally = Tally()

    again = await workers.start(tally=tally)
    await _opened(again, 1)
    await _reads_from(again, names.requests, 1)
    await workers.produce(names.requests, 0, b"b")

    assert values_of(await gather(again, [names.requests], 1)) == [b"b"]
    await again.commit()
    assert await workers.committed(names.requests, 0) == 2
    assert (tally.losses, tally.replays) == (0, 0)


async def _reads_from(source, topic, position):
    async with asyncio.timeout(20):
        while source.ledgers[topic, 0].position != position:
            await source.fetch([topic], max_records=10, timeout_s=0.2)


async def _read_through_a_change(workers, topics, *, start):
    """Values that came, of a topic that was made anew while nothing was fetched of it."""
    names = await topics(requests=1)
    tally = Tally()
    source = await workers.start(tally=tally, start=start, session_timeout="20s")
    await _opened(source, 1)
    await workers.produce(names.requests, 0, *[b"old %d" % number for number in range(20)])
    await gather(source, [names.requests], 20)
    await source.commit()

    await topics.make_anew(names.requests)
    async with AIOKafkaProducer(bootstrap_servers=workers.bootstrap) as producer:
        for number in range(50):
            await producer.send_and_wait(names.requests, b"%d" % number, partition=0)
    expected = {b"%d" % number for number in range(50)}
    seen = set()
    async with asyncio.timeout(40):
        while not expected <= seen:
            for chunk in await source.fetch([names.requests], max_records=100, timeout_s=0.2):
                seen |= {record.value for record in chunk.records}
                chunk.ledger.settle(offsets_of(chunk))
    return source, names, tally


@pytest.mark.parametrize("start", ["earliest", "latest"])
async def test_a_topic_that_was_made_anew_is_read_from_its_start(workers, topics, start):
    source, names, tally = await _read_through_a_change(workers, topics, start=start)

    await source.commit()
    assert await workers.committed(names.requests, 0) == 50
    assert tally.losses == 0


async def test_a_commit_for_the_topic_before_is_not_taken_for_one_of_the_new(workers, topics):
    """A worker that committed while the topic was made anew, and ended before it noticed."""
    names = await topics(requests=1)
    await workers.produce(names.requests, 0, b"old", b"old", b"old")
    source = await workers.start()
    await gather(source, [names.requests], 3)
    generation = source._membership.generation
    await topics.make_anew(names.requests)
    await workers.produce(names.requests, 0, *[b"%d" % number for number in range(5)])
    with contextlib.suppress(errors.KafkaError):
        await source._membership._committer._group.commit(
            {(names.requests, 0): Commit(3, generation.topic_id((names.requests, 0)))},
            number=generation.number,
            member=generation.member,
        )
    await source.leave()

    again = await workers.start()

    assert values_of(await gather(again, [names.requests], 5))[:5] == [
        b"%d" % number for number in range(5)
    ]


async def test_records_that_come_again_are_counted(workers, topics):
    names = await topics(requests=1)
    tally = Tally()
    source = await workers.start(tally=tally)
    await workers.produce(names.requests, 0, b"a", b"b", b"c")
    (chunk, *_) = await gather(source, [names.requests], 3, settle=False)
    chunk.ledger.settle(offsets_of(chunk)[:1])
    await source.commit()

    source._consumer.rejoin()
    await until(lambda: tally.rebalances == 2)
    await gather(source, [names.requests], 2)

    assert tally.replays == 2


async def test_transaction_markers_leave_no_lag(workers, topics):
    names = await topics(requests=1)
    source = await workers.start()
    async with AIOKafkaProducer(
        bootstrap_servers=workers.bootstrap, transactional_id=topics.group
    ) as producer:
        for value in (b"a", b"b"):
            async with producer.transaction():
                await producer.send_and_wait(names.requests, value, partition=0)
        chunks = await gather(source, [names.requests], 2)
        await producer.begin_transaction()
        await producer.send_and_wait(names.requests, b"aborted", partition=0)
        await producer.abort_transaction()

    ledger = source.ledgers[names.requests, 0]
    async with asyncio.timeout(20):
        while ledger.position < 6:  # three records, three markers
            await source.fetch([names.requests], max_records=10, timeout_s=0.2)
    await source.commit()

    assert values_of(chunks) == [b"a", b"b"]
    assert await workers.committed(names.requests, 0) == 6
    assert source.lag_records() == {names.requests: 0}


async def test_missing_request_topics_end_the_start(workers, topics):
    await topics(replies=1)
    source = workers.make(start_timeout="2s")

    with pytest.raises(Fatal, match="requests") as caught:
        await source.begin()

    assert caught.value.exit_code is Exit.SETTINGS
