"""Transactions on a real Kafka: what a doubt, and what nothing at all, makes of them."""

import asyncio
from types import SimpleNamespace

import pytest
from aiokafka.structs import TopicPartition

from daemon.kafka.writing.transaction import Doubt
from daemon.values.ports import SendFailed
from tests.contract.worlds import EXACTLY_ONCE, read, started_delivery

NOT_COORDINATOR = 16

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
