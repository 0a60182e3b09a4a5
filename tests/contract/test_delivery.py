"""What a delivery promises, be it the fake or Kafka."""

import asyncio

import pytest

from daemon.values.outgoing import HeaderColumn, RecordRun
from daemon.values.ports import RecordInvalid, RecordTooLarge, SendFailed
from tests.contract.worlds import gather


@pytest.fixture(
    params=[
        "fake_world",
        pytest.param("kafka_world", marks=pytest.mark.kafka),
        pytest.param("exactly_once_world", marks=pytest.mark.kafka),
    ]
)
def world(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(params=["one by one", "in a run", "both"])
def deliver(request, deliveries):
    """Delivers records in one form or the other; to the reader they are the same."""

    async def delivered(topic, partition, records):
        runs = [_run(records)] if request.param == "in a run" else []
        if request.param == "both":
            half = len(records) // 2
            runs = [*records[:half], _run(records[half:])]
        await deliveries.delivery.deliver(topic, partition, runs or records)

    return delivered


def _run(records):
    """The same records by columns; their headers have the same names."""
    keys, values, headers = zip(*records, strict=True)
    names = [name for name, _ in headers[0]]
    columns = [[own[place][1] for own in headers] for place in range(len(names))]
    return RecordRun(keys, values, [*map(HeaderColumn, names, columns)])


def _record(value, key=None, headers=()):
    return (key, value, list(headers))


async def test_what_was_sent_is_there_in_order(deliveries, deliver):
    await deliver(deliveries.replies, 1, [_record(b"a"), _record(b"b"), _record(b"c")])

    assert [record.value for record in await deliveries.published(3)] == [b"a", b"b", b"c"]


async def test_key_value_headers_and_partition_arrive(deliveries, deliver):
    headers = [("status", b"ok"), ("correlation-id", b"\x00\xff")]

    await deliver(deliveries.replies, 1, [_record(b"v", b"k", headers)])

    (record,) = await deliveries.published(1)
    assert (record.partition, record.key, record.value) == (1, b"k", b"v")
    assert list(record.headers) == headers


async def test_a_record_without_key_and_value_can_be_sent(deliveries):
    await deliveries.delivery.deliver(deliveries.replies, 0, [_record(None)])

    (record,) = await deliveries.published(1)
    assert (record.key, record.value) == (None, None)


async def test_more_records_than_one_batch_holds_all_arrive(deliveries, deliver):
    values = [b"%06d" % number + bytes(1_000) for number in range(2_000)]

    await deliver(deliveries.replies, 0, [_record(value) for value in values])

    assert [record.value for record in await deliveries.published(2_000)] == values


async def test_the_partitions_of_a_topic_are_counted(deliveries):
    assert await deliveries.delivery.partition_count(deliveries.replies) == 2


async def test_a_topic_that_does_not_exist_has_no_count(deliveries):
    assert await deliveries.delivery.partition_count("no-such-topic") is None


async def test_a_partition_that_does_not_exist_fails_the_send(deliveries):
    with pytest.raises(SendFailed):
        await deliveries.delivery.deliver(deliveries.replies, 7, [_record(b"a")])


async def test_a_record_too_large_is_named_and_all_others_are_sent(deliveries, deliver):
    deliveries.limit_bytes()
    records = [_record(b"a"), _record(bytes(100_000)), _record(b"b"), _record(bytes(100_001))]

    with pytest.raises(RecordTooLarge) as caught:
        await deliver(deliveries.small, 0, records)

    assert caught.value.refused == caught.value.unsent == {1, 3}
    assert [record.value for record in await deliveries.published(2, deliveries.small)] == [
        b"a",
        b"b",
    ]


async def test_after_a_refused_record_the_next_send_succeeds(deliveries):
    deliveries.limit_bytes()
    with pytest.raises(RecordTooLarge):
        await deliveries.delivery.deliver(deliveries.small, 0, [_record(bytes(100_000))])

    await deliveries.delivery.deliver(deliveries.small, 0, [_record(b"a")])

    assert [record.value for record in await deliveries.published(1, deliveries.small)] == [b"a"]


async def test_sends_to_different_partitions_run_side_by_side(deliveries):
    await asyncio.gather(
        *(
            deliveries.delivery.deliver(deliveries.replies, number % 2, [_record(b"%d" % number)])
            for number in range(20)
        )
    )

    assert len(await deliveries.published(20)) == 20


async def test_after_records_refused_by_the_topic_all_others_are_there(deliveries, deliver):
    deliveries.require_keys()
    records = [_record(b"a", b"k"), _record(b"b"), _record(b"c", b"l"), _record(b"d")]

    with pytest.raises(RecordInvalid) as caught:
        await deliver(deliveries.keyed, 0, records)

    assert caught.value.refused == caught.value.unsent == {1, 3}
    assert [record.value for record in await deliveries.published(2, deliveries.keyed)] == [
        b"a",
        b"c",
    ]


async def test_a_topic_that_takes_less_than_a_kilobyte_gets_all_that_fit_alone(deliveries, deliver):
    deliveries.limit_bytes()
    records = [_record(b"%02d" % number + bytes(100)) for number in range(20)]
    records[7] = _record(bytes(1_000))

    with pytest.raises(RecordTooLarge) as caught:
        await deliver(deliveries.tiny, 0, records)

    assert caught.value.refused == {7}
    fitting = [value for index, (_, value, _) in enumerate(records) if index != 7]
    assert [record.value for record in await deliveries.published(19, deliveries.tiny)] == fitting


async def test_a_request_is_committed_once_its_answer_is_there_and_it_is_settled(world):
    source = await world.start()
    await world.produce(0, b"a", b"b")
    (chunk, *_) = await gather(source, [world.requests], 2, settle=False)
    async with world.delivering(source) as delivery:
        await delivery.deliver(world.replies, 0, [_record(b"to a"), _record(b"to b")])
        await delivery.commit()
        assert await world.committed(0) == 0

        chunk.ledger.settle([0])
        await delivery.commit()

    assert await world.committed(0) == 1


async def test_a_commit_without_anything_new_changes_nothing(world):
    source = await world.start()
    await world.produce(0, b"a")
    await gather(source, [world.requests], 1)
    async with world.delivering(source) as delivery:
        await delivery.commit()
        await delivery.commit()

    assert await world.committed(0) == 1
