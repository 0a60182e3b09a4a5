"""What is seen of a group and its logs from outside, on a real Kafka."""

import asyncio
import time
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import NewPartitions, RecordsToDelete
from aiokafka.protocol.admin import DescribeGroupsResponse_v1
from aiokafka.protocol.commit import OffsetFetchResponse_v3
from aiokafka.protocol.offset import OffsetResponse_v3
from aiokafka.structs import TopicPartition

from daemon.kafka.looking import observer as observing
from daemon.kafka.looking.observer import Observer
from daemon.scaling.observation import NO_COMMIT, Offsets, Target
from daemon.values.errors import Exit, Fatal
from daemon.windows.ready_by import Opening
from loadtest.kafka.broker import Broker
from loadtest.kafka.proxy import FETCH, OFFSET_FETCH, Proxy
from tests.contract.worlds import PATIENCE_S, Workers, gather, settings_for

pytestmark = pytest.mark.kafka

LIST_OFFSETS, METADATA, DESCRIBE_GROUPS = 2, 3, 15
"""Kafka's api keys."""


def _observer(bootstrap, topics, **kafka):
    return Observer(settings_for(bootstrap, topics, **kafka), Path())


async def _look_until(observer, seen):
    """The first observation of which `seen` holds."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            observation = await observer.look()
            if seen(observation):
                return observation
            await asyncio.sleep(0.05)


def _all_known(observation):
    lags = [each.lag for each in observation.partitions.values()]
    return None not in [*lags, observation.members]


def _nothing_known(observation):
    return set(observation.partitions.values()) == {Offsets(None, None, None)}


async def _serve(source, names, count):
    await gather(source, [names.requests], count)
    await source.commit()


async def test_a_group_without_a_commit_has_the_whole_log_before_it(workers, topics):
    names = await topics(requests=2)
    await workers.produce(names.requests, 1, b"a", b"b")

    async with _observer(workers.bootstrap, topics) as observer:
        observation = await _look_until(observer, _all_known)

    assert observation.partitions == {
        (names.requests, 0): Offsets(0, 0, NO_COMMIT),
        (names.requests, 1): Offsets(0, 2, NO_COMMIT),
    }
    assert observation.members == 0


async def test_commits_and_members_are_seen(workers, topics):
    names = await topics(requests=1)
    source = await workers.start()
    await workers.produce(names.requests, 0, b"a", b"b", b"c")
    await _serve(source, names, 3)
    await workers.produce(names.requests, 0, b"d")

    async with _observer(workers.bootstrap, topics) as observer:
        observation = await observer.look()

    assert observation.partitions == {(names.requests, 0): Offsets(0, 4, 3)}
    assert observation.members == 1


async def test_deleted_records_are_not_before_the_group(workers, topics):
    names = await topics(requests=1)
    await workers.produce(names.requests, 0, b"a", b"b", b"c")
    partition = TopicPartition(names.requests, 0)
    await topics.admin.delete_records({partition: RecordsToDelete(before_offset=2)})

    async with _observer(workers.bootstrap, topics) as observer:
        observation = await observer.look()

    assert observation.partitions[partition] == Offsets(2, 3, NO_COMMIT)
    assert observation.partitions[partition].lag == 1


async def test_the_markers_of_a_transaction_leave_no_lag(workers, topics):
    names = await topics(requests=1)
    source = await workers.start()
    async with AIOKafkaProducer(
        bootstrap_servers=workers.bootstrap, transactional_id=topics.prefix
    ) as producer:
        async with producer.transaction():
            await producer.send_and_wait(names.requests, b"a", partition=0)
        await gather(source, [names.requests], 1)
        async with _observer(workers.bootstrap, topics) as observer:
            await source.fetch([names.requests], max_records=1, timeout_s=0.2)
            await source.commit()
            done = await observer.look()
            await producer.begin_transaction()
            await producer.send_and_wait(names.requests, b"open", partition=0)
            held = await observer.look()
            await producer.abort_transaction()

    assert done.partitions == {(names.requests, 0): Offsets(0, 2, 2)}
    assert held.partitions == done.partitions  # what no worker can read yet is no work yet


@pytest.mark.parametrize("code", [14, 15, 16])
async def test_a_failed_offset_fetch_is_unknown_and_not_no_commit(workers, topics, answers, code):
    names = await topics(requests=1)
    source = await workers.start()
    await workers.produce(names.requests, 0, b"a")
    await _serve(source, names, 1)
    async with _observer(workers.bootstrap, topics) as observer:
        answers.append(("StableOffsetFetch", lambda _: OffsetFetchResponse_v3(0, [], code)))

        first, second = await observer.look(), await observer.look()

    assert first.partitions == {(names.requests, 0): Offsets(0, 1, None)}
    assert second.partitions == {(names.requests, 0): Offsets(0, 1, 1)}


async def test_an_answer_without_a_partition_is_unknown(workers, topics, answers):
    names = await topics(requests=1)
    async with _observer(workers.bootstrap, topics) as observer:
        answers.append(("StableOffsetFetch", lambda _: OffsetFetchResponse_v3(0, [], 0)))

        observation = await observer.look()

    assert observation.partitions == {(names.requests, 0): Offsets(0, 0, None)}


async def test_a_moved_leader_is_unknown_and_then_found(workers, topics, answers):
    names = await topics(requests=1)

    def moved(_):
        return OffsetResponse_v3(0, [(names.requests, [(0, 6, -1, -1)])])

    async with _observer(workers.bootstrap, topics) as observer:
        await _look_until(observer, _all_known)
        answers.append(("ListOffsets", moved))

        first, second = await observer.look(), await observer.look()

    assert first.partitions == {(names.requests, 0): Offsets(None, None, NO_COMMIT)}
    assert second.partitions == {(names.requests, 0): Offsets(0, 0, NO_COMMIT)}


async def test_a_coordinator_that_moved_tells_no_members(workers, topics, answers):
    await topics(requests=1)

    def moved(_):
        return DescribeGroupsResponse_v1(0, [(16, topics.group, "", "", "", [])])

    async with _observer(workers.bootstrap, topics) as observer:
        await _look_until(observer, _all_known)
        answers.append(("DescribeGroupsRequest", moved))

        assert (await observer.look()).members is None
        assert (await observer.look()).members == 0


async def test_a_group_that_may_not_be_read_ends_the_process(workers, topics, answers):
    await topics(requests=1)
    async with _observer(workers.bootstrap, topics) as observer:
        answers.append(("StableOffsetFetch", lambda _: OffsetFetchResponse_v3(0, [], 30)))

        with pytest.raises(Fatal) as caught:
            await observer.look()

    assert caught.value.exit_code is Exit.DENIED


async def test_a_missing_topic_ends_the_start(kafka, topics):
    with pytest.raises(Fatal, match="requests") as caught:
        async with _observer(kafka, topics, start_timeout="2s"):
            pass

    assert caught.value.exit_code is Exit.SETTINGS


async def test_no_broker_within_the_start_timeout_ends_the_start(topics):
    with pytest.raises(Fatal) as caught:
        async with _observer("127.0.0.1:9", topics, start_timeout="1s"):
            pass

    assert caught.value.exit_code is Exit.BROKER_UNAVAILABLE


async def test_added_partitions_are_noticed(workers, topics, monkeypatch):
    monkeypatch.setattr("daemon.kafka.client.METADATA_AGE_S", 0.2)
    names = await topics(requests=1)
    async with _observer(workers.bootstrap, topics) as observer:
        await topics.admin.create_partitions({names.requests: NewPartitions(2)})

        observation = await _look_until(observer, lambda seen: len(seen.partitions) == 2)

    assert (names.requests, 1) in observation.partitions


@pytest.mark.parametrize("partitions", [1, 40])
async def test_a_look_asks_a_broker_once_for_all_its_partitions(spare, spare_topics, partitions):
    await spare_topics(requests=partitions)
    async with Proxy(spare.ports) as proxy, _observer(proxy.bootstrap, spare_topics) as observer:
        await _look_until(observer, _all_known)
        before = proxy.passed.copy()

        await observer.look()

    asked = proxy.passed - before
    del asked[METADATA]  # now and then, whoever looks
    assert asked == {LIST_OFFSETS: 1, OFFSET_FETCH: 1, DESCRIBE_GROUPS: 1}


async def test_a_broker_that_is_away_is_unknown_and_found_again(spare, spare_topics):
    await spare_topics(requests=2)
    async with Proxy(spare.ports) as proxy, _observer(proxy.bootstrap, spare_topics) as observer:
        before = await _look_until(observer, _all_known)
        await asyncio.to_thread(spare.stop)
        try:
            away = await observer.look()
        finally:
            await asyncio.to_thread(spare.start)
        after = await _look_until(observer, _all_known)

    assert before.partitions.keys() == away.partitions.keys() == after.partitions.keys()
    assert _nothing_known(away)


async def test_a_silent_broker_holds_a_look_up_for_seconds_only(spare, spare_topics, monkeypatch):
    monkeypatch.setattr(observing, "_REQUEST_S", 0.5)
    monkeypatch.setattr(observing, "_ANSWER_S", 0.7)
    await spare_topics(requests=1)
    async with Proxy(spare.ports) as proxy, _observer(proxy.bootstrap, spare_topics) as observer:
        await _look_until(observer, _all_known)
        proxy.fall_silent()

        async with asyncio.timeout(PATIENCE_S):
            silent = await observer.look()
        proxy.release()

        assert _nothing_known(silent)
        await _look_until(observer, _all_known)


async def test_a_held_log_end_does_not_hide_the_commits(spare, spare_topics, monkeypatch):
    monkeypatch.setattr(observing, "_REQUEST_S", 0.5)
    monkeypatch.setattr(observing, "_ANSWER_S", 0.7)
    names = await spare_topics(requests=1)
    async with Proxy(spare.ports) as proxy, _observer(proxy.bootstrap, spare_topics) as observer:
        await _look_until(observer, _all_known)
        proxy.hold(FETCH, LIST_OFFSETS)

        held = await observer.look()
        proxy.release()

    assert held.partitions == {(names.requests, 0): Offsets(None, None, NO_COMMIT)}
    assert held.members == 0


async def test_after_a_long_silence_everything_is_connected_anew(spare, spare_topics, monkeypatch):
    monkeypatch.setattr(observing, "_REOPEN_S", 0.0)
    await spare_topics(requests=1)
    async with _observer(spare.bootstrap, spare_topics) as observer:
        await _look_until(observer, _all_known)
        first = observer._inner
        await first.close()

        await _look_until(observer, _all_known)

        assert observer._inner is not first


async def test_a_timestamp_says_that_somebody_should_be_there_by_now(kafka, topics, workers):
    names = await topics(requests=3)
    now_ms = int(time.time() * 1000)
    for number, age_s in [(0, 700), (1, 500)]:
        await workers.produce(names.requests, number, b"a", timestamp_ms=now_ms - age_s * 1000)
    given = settings_for(kafka, topics)
    (name, lane), *_ = given.lanes.items()
    patient = given.model_copy(
        update={
            "lanes": {name: lane.model_copy(update={"linger": 660.0})},
            "scaling": given.scaling.model_copy(update={"start_time": 60.0}),
        }
    )

    async with Observer(patient, Path()) as observer:
        seen = await _look_until(observer, lambda look: _all_known(look) and look.overdue)
        assert set(seen.overdue) == {(names.requests, 0)}
        await workers.start()
        joined = await _look_until(observer, lambda look: look.members == 1)

    assert joined.overdue == ()


# Renewing


async def test_the_commits_of_an_empty_group_are_renewed_unchanged(workers, topics):
    names = await topics(requests=2)
    source = await workers.start()
    await workers.produce(names.requests, 0, b"a")
    await _serve(source, names, 1)
    await source.leave()

    async with _observer(workers.bootstrap, topics) as observer:
        before = await observer.look()
        renewed = await observer.renew()
        after = await observer.look()

    assert renewed
    assert after.partitions == before.partitions


async def test_what_workers_served_is_handed_on_by_those_who_come_after(workers, topics):
    names = await topics(requests=1)

    async def one_worker():
        source = await workers.start()
        await workers.produce(names.requests, 0, b"a")
        await _serve(source, names, 1)
        source.release()
        await source.commit()
        await source.leave()

    async def remembered(observer):
        return (await observer.look()).remembered

    await one_worker()
    async with _observer(workers.bootstrap, topics) as observer:
        assert await observer.renew("90.0,2.5")
        assert await remembered(observer) == {"90.0,2.5"}
        await one_worker()
        assert await remembered(observer) == {"90.0,2.5"}
        assert await observer.renew()
        assert await remembered(observer) == {"90.0,2.5"}


async def test_when_a_lane_was_opened_is_seen_and_kept_when_commits_are_renewed(workers, topics):
    names = await topics(requests=1)
    opened = {(names.requests, 0): Opening(1_800_003_600.0, 1_800_000_000.0)}
    source = await workers.start()
    await workers.produce(names.requests, 0, b"a")
    await _serve(source, names, 1)
    source.note_opening(opened, opened[names.requests, 0])
    source.release()
    await source.commit()
    await source.leave()

    async with _observer(workers.bootstrap, topics) as observer:
        assert (await observer.look()).opened == opened
        assert await observer.renew("90.0,2.5")
        assert (await observer.look()).opened == opened


async def test_a_group_with_members_is_not_renewed(workers, topics):
    await topics(requests=1)
    await workers.start()

    async with _observer(workers.bootstrap, topics) as observer:
        assert not await observer.renew()


async def test_the_broker_refuses_to_renew_under_a_member_that_just_joined(
    workers, topics, answers
):
    names = await topics(requests=1)
    source = await workers.start()
    await workers.produce(names.requests, 0, b"a")
    await _serve(source, names, 1)

    def empty(_):
        return DescribeGroupsResponse_v1(0, [(0, topics.group, "Empty", "consumer", "", [])])

    async with _observer(workers.bootstrap, topics) as observer:
        answers.append(("DescribeGroupsRequest", empty))

        assert not await observer.renew()
        assert not answers


async def test_a_group_without_commits_has_nothing_to_renew(kafka, topics):
    await topics(requests=1)

    async with _observer(kafka, topics) as observer:
        await _look_until(observer, _all_known)
        assert not await observer.renew()


@pytest.fixture
def broker():
    """A broker that keeps the commits of an empty group for a minute."""
    short = {"offsets.retention.minutes": "1", "offsets.retention.check.interval.ms": "1000"}
    with Broker(settings=short) as forgetful:
        yield forgetful


@pytest.mark.long
async def test_renewed_commits_outlive_the_brokers_retention(broker, private_topics):
    names = await private_topics(requests=1)
    async with Workers(broker.bootstrap, private_topics) as workers:
        source = await workers.start()
        await workers.produce(names.requests, 0, b"a")
        await _serve(source, names, 1)
        await source.leave()
        async with _observer(broker.bootstrap, private_topics) as observer:
            assert await observer.renew()
            await asyncio.sleep(75)
            observation = await observer.look()

    assert observation.partitions == {(names.requests, 0): Offsets(0, 1, 1)}


async def test_where_logs_ended_at_the_last_moment_of_a_lane_by_the_clock_is_told(workers, topics):
    names = await topics(requests=3)
    moment_s = 1_699_999_200.0  # a full hour; Kafka takes no records of a time to come
    settings = settings_for(workers.bootstrap, topics)
    lane = settings.lanes["l"].model_copy(update={"open": ("0 * * * *",), "zone": "UTC"})
    settings = settings.model_copy(update={"lanes": {"l": lane}})
    for before_s, number in ((600, 0), (1, 0), (-1, 0), (600, 1)):
        at_ms = round((moment_s - before_s) * 1000)
        await workers.produce(names.requests, number, b"a", timestamp_ms=at_ms)

    async with Observer(settings, Path(), wall=lambda: moment_s + 5) as observer:
        first = await _look_until(observer, lambda seen: len(seen.targets) == 2)
        await workers.produce(names.requests, 1, b"b", timestamp_ms=round(moment_s * 1000))
        second = await observer.look()

    assert first.targets == second.targets
    assert first.targets == {
        (names.requests, 0): Target(certain=1, latest=2),
        (names.requests, 1): Target(certain=1, latest=1),
    }
