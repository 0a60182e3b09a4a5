"""Membership on a real Kafka: partitions given up, taken away, and leases that end."""

import asyncio
import contextlib

import pytest
from aiokafka import AIOKafkaConsumer, errors
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor

from daemon.kafka.group.commits import StaleGeneration
from daemon.values.errors import Exit, Fatal
from tests.contract.worlds import Tally, Workers, gather, leave_tidily, offsets_of, until, values_of

pytestmark = pytest.mark.kafka


@pytest.fixture
def broker(mended_broker):
    return mended_broker


async def _keep_fetching(source, seen=None):
    """Fetch as the intake does, for as long as it is let."""
    while True:
        chunks = await source.fetch(source._topics, max_records=100, timeout_s=0.1)
        for chunk in chunks:
            if seen is not None:
                seen.extend(record.value for record in chunk.records)
            chunk.ledger.settle(offsets_of(chunk))


async def test_two_workers_share_the_partitions_and_nothing_is_lost(workers, topics):
    names = await topics(requests=4)
    seen = []
    one = await workers.start()
    first = asyncio.create_task(_keep_fetching(one, seen))
    for number in range(4):
        await workers.produce(names.requests, number, b"%d" % number)
    other = await workers.start()
    second = asyncio.create_task(_keep_fetching(other, seen))

    await until(lambda: len(one.ledgers) == len(other.ledgers) == 2)
    for number in range(4):
        await workers.produce(names.requests, number, b"%d" % (number + 4))
    await until(lambda: len(set(seen)) == 8)

    assert sorted(seen) == sorted(set(seen))  # drained and committed, so nothing came twice
    assert set(one.ledgers).isdisjoint(other.ledgers)
    first.cancel()
    second.cancel()


async def test_a_revoked_generation_cannot_commit(workers, topics):
    names = await topics(requests=2)
    source = await workers.start()
    await workers.produce(names.requests, 0, b"a")
    (chunk,) = await gather(source, [names.requests], 1, settle=False)
    old, group = source._membership.generation, source._membership._committer._group
    await workers.start()
    await until(lambda: chunk.ledger.lost)

    chunk.ledger.settle([0])
    with pytest.raises(StaleGeneration):
        await source._membership._committer.commit(old)
    with pytest.raises((errors.IllegalGenerationError, errors.RebalanceInProgressError)):
        await group.commit(old.uncommitted(), number=old.number, member=old.member)

    assert await workers.committed(names.requests, 0) == 0


async def test_a_lost_generation_is_replaced_by_a_new_one(workers, topics):
    names = await topics(requests=1)
    tally = Tally()
    source = await workers.start(tally=tally)
    await workers.produce(names.requests, 0, b"a")
    (chunk,) = await gather(source, [names.requests], 1, settle=False)

    source._membership.drop(source._membership.generation)
    assert chunk.ledger.lost
    again = await gather(source, [names.requests], 1)

    assert values_of(again) == [b"a"]
    assert tally.rebalances == 2


@pytest.mark.parametrize("instance_id", ["", "slot-1"])
async def test_a_worker_that_leaves_stalls_nobody(workers, topics, instance_id):
    """Static members too; a plain stop of aiokafka would hold the partitions for the session."""
    names = await topics(requests=1)
    one = await workers.start(session_timeout="20s", instance_id=instance_id)
    await until(lambda: one.ledgers)

    async with asyncio.timeout(15):  # less than a session
        await leave_tidily(one)
        other = await workers.start(session_timeout="20s", instance_id="slot-2")
        await workers.produce(names.requests, 0, b"a")
        await gather(other, [names.requests], 1)


async def test_a_static_member_that_was_killed_is_replaced_at_once(workers, topics):
    names = await topics(requests=1)
    one = await workers.start(session_timeout="20s", instance_id="slot-1")
    await until(lambda: one.ledgers)
    for task in (one._consumer._coordinator._heartbeat_task, *one._tasks._running):
        task.cancel()  # as dead as it gets without a process of its own
    one._consumer._coordinator._heartbeat_task = None

    async with asyncio.timeout(15):  # less than a session
        other = await workers.start(session_timeout="20s", instance_id="slot-1")
        await until(lambda: other.ledgers)  # what comes before that would be suspect
        await workers.produce(names.requests, 0, b"a")
        await gather(other, [names.requests], 1)


async def test_the_older_of_two_processes_in_one_slot_ends(workers, topics):
    names = await topics(requests=1)
    one = await workers.start(instance_id="slot-1")
    await until(lambda: one.ledgers)
    older = asyncio.create_task(_keep_fetching(one))
    other = await workers.start(instance_id="slot-1")
    newer = asyncio.create_task(_keep_fetching(other))

    with pytest.raises(Fatal, match=r"instance_id slot-1") as caught:
        await asyncio.wait_for(older, 20)

    assert caught.value.exit_code is Exit.WORK_LEFT
    await asyncio.sleep(1)
    assert not newer.done()
    assert set(other.ledgers) == {(names.requests, 0)}
    newer.cancel()


async def test_a_worker_without_partitions_is_joined(workers, topics):
    await topics(requests=1)
    sources = [await workers.start() for _ in range(2)]
    await until(lambda: sum(len(source.ledgers) for source in sources) == 1)

    assert all(source.joined for source in sources)


@pytest.fixture
async def fragile(broker, private_topics):
    """Workers on a broker of this test alone."""
    async with Workers(broker.bootstrap, private_topics) as made:
        yield made


async def test_the_lease_ends_with_the_session_and_the_worker_comes_back(
    broker, fragile, private_topics
):
    names = await private_topics(requests=1)
    source = await fragile.start(request_timeout="5s")
    await fragile.produce(names.requests, 0, b"a")
    (chunk,) = await gather(source, [names.requests], 1, settle=False)
    fetching = asyncio.create_task(_keep_fetching(source))

    broker.pause()
    assert source.lease_valid()
    await until(lambda: chunk.ledger.lost)
    assert not source.lease_valid()
    assert not source.joined
    await until(lambda: not source.reachable)
    assert not fetching.done()  # a broker that is gone ends nothing

    broker.resume()
    await until(lambda: source.reachable and source.ledgers)
    await until(lambda: source.lease_valid() and source.ledgers[names.requests, 0].position == 1)
    assert not fetching.done()
    fetching.cancel()


async def test_a_restarted_broker_is_rejoined_and_nothing_is_lost(broker, fragile, private_topics):
    names = await private_topics(requests=2)
    seen = []
    source = await fragile.start(request_timeout="5s")
    fetching = asyncio.create_task(_keep_fetching(source, seen))
    await fragile.produce(names.requests, 0, b"before")
    await until(lambda: seen)
    await source.commit()

    await asyncio.to_thread(broker.kill)
    await asyncio.sleep(3)
    await asyncio.to_thread(broker.start)
    await fragile.produce(names.requests, 1, b"after")
    await until(lambda: b"after" in seen, 40)

    assert seen.count(b"before") == 1
    assert not fetching.done()
    fetching.cancel()


async def test_leaving_takes_no_longer_because_the_broker_hangs(broker, fragile, private_topics):
    await private_topics(requests=1)
    source = fragile.make(instance_id="slot-1")
    await source.begin()
    broker.pause()
    try:
        async with asyncio.timeout(20):  # half of kafka.request_timeout
            await source.leave()
    finally:
        broker.resume()


async def test_leaving_ends_well_when_the_broker_is_gone(broker, fragile, private_topics):
    await private_topics(requests=1)
    source = await fragile.start()
    await until(lambda: source.ledgers)
    await asyncio.to_thread(broker.kill)
    await until(lambda: not source.reachable)

    async with asyncio.timeout(20):  # half of kafka.request_timeout
        await source.leave()


async def test_a_commit_without_an_answer_ends_with_the_session(broker, fragile, private_topics):
    names = await private_topics(requests=1)
    source = await fragile.start(request_timeout="30s")
    await fragile.produce(names.requests, 0, b"a")
    await gather(source, [names.requests], 1)
    broker.pause()
    try:
        async with asyncio.timeout(6):
            await source.commit()
    finally:
        broker.resume()


async def test_a_session_that_the_broker_does_not_allow_is_a_fault_of_the_settings(workers, topics):
    await topics(requests=1)
    source = workers.make(session_timeout="100ms", heartbeat_interval="20ms")

    with pytest.raises(Fatal) as caught:
        await source.begin()

    assert caught.value.exit_code is Exit.SETTINGS


@contextlib.asynccontextmanager
async def _foreign_member(workers, topics, assignor, instance_id=None):
    """Another program in the group, which commits nothing."""
    async with AIOKafkaConsumer(
        f"{topics.prefix}requests",
        bootstrap_servers=workers.bootstrap,
        group_id=topics.group,
        group_instance_id=instance_id,
        partition_assignment_strategy=[assignor],
        enable_auto_commit=False,
    ) as member:
        async with asyncio.timeout(20):
            while not member.assignment():
                await member.getmany(timeout_ms=100)
        yield


async def test_a_leader_that_is_no_worker_is_said_to_be_waited_for(workers, topics):
    await topics(requests=2)
    async with _foreign_member(workers, topics, RoundRobinPartitionAssignor):
        source = await workers.start()

        await until(lambda: "its leader does not say where it starts" in source.trouble)


async def test_a_static_leader_that_died_before_it_committed_leads_again(workers, topics):
    """Its place is given back to it, and the broker does not say that it is the leader."""
    await topics(requests=2)
    async with _foreign_member(workers, topics, RoundRobinPartitionAssignor, "slot-0"):
        pass
    source = await workers.start(instance_id="slot-0")

    await until(lambda: len(source.ledgers) == 2)


async def test_members_of_another_protocol_end_a_worker_to_be_started_again(workers, topics):
    """They pass by themselves, so it is no fault of the settings."""
    await topics(requests=1)
    async with _foreign_member(workers, topics, RangePartitionAssignor):
        with pytest.raises(Fatal, match="another way") as caught:
            await workers.make().begin()

    assert caught.value.exit_code is Exit.WORK_LEFT
