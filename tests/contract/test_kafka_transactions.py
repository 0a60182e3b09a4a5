"""Transactions on a real Kafka: what a doubt, and what nothing at all, makes of them."""

import asyncio
from types import SimpleNamespace

import pytest
from aiokafka.protocol.transaction import InitProducerIdResponse_v0
from aiokafka.structs import TopicPartition

from daemon.kafka.writing.transaction import Doubt
from daemon.values.ports import SendFailed
from tests.contract.worlds import EXACTLY_ONCE, read, started_delivery, until

NOT_COORDINATOR, CONCURRENT_TRANSACTIONS = 16, 51

pytestmark = pytest.mark.kafka

_MORE_THAN_A_BATCH = [(None, b"old" + bytes(1_000), [])] * 2_000


@pytest.fixture
async def world(workers, topics):
    names = await topics(requests=1, replies=3, dead=1)
    source = await workers.start(**EXACTLY_ONCE)
    async with started_delivery(workers.bootstrap, topics, source, **EXACTLY_ONCE) as delivery:
        yield names, source, delivery


async def test_answers_that_a_doubt_meets_half_sent_are_sent_by_no_later_producer(kafka, world):
    names, source, delivery = world
    transactions, before = delivery._transactions, source.answering
    producer = await delivery._sink.producers.current()
    send = producer.send

    async def send_into_doubt(topic, partition, batch):
        await send(topic, partition, batch)
        if transactions._present is not None:
            transactions._give_up(transactions._present, Doubt("no answer"))

    producer.send = send_into_doubt
    with pytest.raises(SendFailed):
        await delivery.deliver(names.replies, 0, _MORE_THAN_A_BATCH)

    assert source.answering is not before
    await delivery.deliver(names.replies, 0, [(None, b"new", [])])
    await delivery.commit()
    assert [record.value for record in await read(kafka, names.replies, 1)] == [b"new"]


async def test_sends_that_a_doubt_meets_as_their_partitions_are_added_leave_no_connection(world):
    names, _, delivery = world
    transactions = delivery._transactions
    given_up = await delivery._sink.producers.current()
    sends = [
        asyncio.create_task(delivery.deliver(names.replies, number, [(None, b"a", [])]))
        for number in range(3)
    ]
    while transactions._present is None:  # noqa: ASYNC110 - the very turn of the loop
        await asyncio.sleep(0)

    transactions._give_up(transactions._present, Doubt("no answer"))
    outcomes = await asyncio.gather(*sends, return_exceptions=True)
    await delivery.close()

    assert {type(outcome) for outcome in outcomes} == {SendFailed}
    assert not [each for each in given_up.inner._conns.values() if each.connected()]


async def test_an_id_whose_transaction_does_not_end_everywhere_is_left_for_another(
    kafka, world, answers, monkeypatch
):
    """As when a partition of it takes no mark of the end, which a lone broker's always do."""
    monkeypatch.setattr("daemon.kafka.writing.producer._HELD_UP_S", 0.0)
    monkeypatch.setattr("daemon.kafka.writing.producers._LONGEST_PAUSE_S", 0.2)
    names, _, delivery = world
    producers, ids = delivery._sink.producers, delivery._sink.producers.transactional
    first = await producers.current()
    await delivery.deliver(names.replies, 0, [(None, b"old", [])])
    send = first.send

    async def give_up(topic, partition, batch):
        producers.replace(first, "not acknowledged in time")
        await send(topic, partition, batch)

    held_up = InitProducerIdResponse_v0(0, CONCURRENT_TRANSACTIONS, -1, -1)
    answers += [("InitProducerIdRequest", lambda _: held_up)] * 2  # the second is one too many
    monkeypatch.setattr(producers, "_may_follow", lambda: producers.present is None)

    first.send = give_up
    with pytest.raises(SendFailed):
        await delivery.deliver(names.replies, 2, [(None, b"old", [])])
    second = await producers.current()
    assert second.identity.transactional_id == f"{first.identity.transactional_id}/1"
    with pytest.raises(SendFailed):
        await delivery.deliver(names.replies, 2, [(None, b"later", [])])
    await delivery.deliver(names.replies, 0, [(None, b"new", [])])
    monkeypatch.setattr(producers, "_may_follow", lambda: True)
    await until(lambda: not ids.holds_up(TopicPartition(names.replies, 2)))
    await delivery.deliver(names.replies, 2, [(None, b"later", [])])
    await delivery.commit()

    assert not answers
    values = [record.value for record in await read(kafka, names.replies, 2)]
    assert sorted(values) == [b"later", b"new"]


async def test_a_topic_that_is_deleted_under_a_transaction_costs_that_one_alone(
    kafka, world, topics
):
    names, _, delivery = world
    theirs = await topics.create("theirs")
    await delivery.deliver(theirs, 0, [(None, b"there", [])])
    await topics.admin.delete_topics([theirs])

    with pytest.raises(SendFailed):
        await delivery.deliver(theirs, 0, [(None, b"gone", [])])
    await delivery.deliver(names.replies, 0, [(None, b"new", [])])
    await delivery.commit()

    assert await delivery.partition_count(theirs) is None
    assert [record.value for record in await read(kafka, names.replies, 1)] == [b"new"]


async def test_a_group_that_has_another_coordinator_by_now_costs_no_transaction(
    world, topics, answers
):
    names, source, delivery = world
    producer, before = await delivery._sink.producers.current(), source.answering
    (place,) = before.ledgers

    def moved(request):
        topics = [
            (topic, [(number, NOT_COORDINATOR, {}) for number, *_ in partitions], {})
            for topic, partitions in request._topics.items()
        ]
        return SimpleNamespace(topics=topics)

    inner, lookups = source._consumer.inner, []
    look_up = inner.coordinator_lookup

    async def note_lookup(kind, key):
        lookups.append(key)
        return await look_up(kind, key)

    inner.coordinator_lookup = note_lookup
    answers.append(("FencedOffsetCommit", moved))
    before.ledgers[place].start([0], position=1)
    await delivery.deliver(names.replies, 0, [(None, b"a", [])])
    before.ledgers[place].settle([0])
    await delivery.commit()

    assert not answers
    assert lookups == [topics.group]
    assert before.uncommitted() == {}
    assert delivery._sink.producers.present is producer


async def test_a_transaction_that_got_no_partition_and_no_commit_needs_no_end(world):
    names, source, delivery = world
    producer, before = await delivery._sink.producers.current(), source.answering
    gone = TopicPartition(names.replies, 9)
    with pytest.raises(SendFailed):
        async with delivery._transactions.sending(before, gone):
            pass

    await delivery.commit()

    assert delivery._sink.producers.present is producer
    assert source.answering is before
