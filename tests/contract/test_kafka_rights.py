"""The fewest rights, as docs/security.md has them, are enough; without any of them it is said which."""

import contextlib
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from daemon.kafka.delivery import kafka_delivery
from daemon.kafka.looking.observer import Observer
from daemon.kafka.looking.preflight import look
from daemon.kafka.source import KafkaSource
from daemon.loop.tasks import Tasks
from daemon.values.errors import Exit, Fatal
from daemon.values.ports import SendDenied
from tests.contract.worlds import Tally, gather, values_of
from tests.ledgers import make_lane
from tests.pages import ROOT
from tests.secure_broker import Right, Users, commands_in, eventually, rights_of

pytestmark = pytest.mark.kafka

PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
AT_LEAST_ONCE = rights_of(commands_in(PAGE, "The fewest rights"))
EXACTLY_ONCE = [*AT_LEAST_ONCE, *rights_of(commands_in(PAGE, "More for exactly once"))]
DAVE = ("dave", "SCRAM-SHA-512")


@pytest.fixture
async def users(secure_broker):
    async with Users(secure_broker) as made:
        await made.add("dave")
        yield made


@pytest.fixture
async def names(secure_topics):
    return await secure_topics(requests=1, replies=1, dead=1)


@pytest.fixture
def rights(secure_topics, names):
    """Those of the page, on the topics of this test."""
    here = {
        "classify": secure_topics.group,
        "classify/": f"{secure_topics.group}/",
        "classify.requests": names.requests,
        "classify.replies": names.replies,
        "classify.dead-letters": names.dead,
    }
    return lambda page: [right._replace(name=here[right.name]) for right in page]


@contextlib.asynccontextmanager
async def _serving(settings, topics):
    """What `run` has of Kafka; raises Fatal as that does."""
    tasks = Tasks()
    source = KafkaSource(
        settings, [make_lane(f"{topics.prefix}requests")], metrics=Tally(), tasks=tasks
    )
    delivery = kafka_delivery(settings, source, tasks=tasks, base=Path())
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(delivery.close)
        await delivery.start()
        await source.start(_drained)
        stack.push_async_callback(source.leave)
        yield source, delivery
        tasks.check()


async def _drained(ledgers):
    pass


@pytest.mark.parametrize(
    ("delivery", "page"), [("at-least-once", AT_LEAST_ONCE), ("exactly-once", EXACTLY_ONCE)]
)
async def test_the_rights_of_the_page_are_enough(
    secure_settings, secure_topics, users, names, rights, delivery, page
):
    await users.grant("dave", *rights(page))
    settings = secure_settings(DAVE, delivery=delivery, instance_id="one")

    assert [check for check in await look(settings, base=Path()) if check.problem] == []
    async with Observer(settings, Path()) as observer:
        assert len((await observer.look()).partitions) == 1
    async with _serving(settings, secure_topics) as (source, sending):
        await _publish(secure_topics, names.requests)
        (chunk,) = await gather(source, [names.requests], 1, settle=False)
        assert values_of([chunk]) == [b"a"]
        await sending.deliver(names.replies, 0, [(None, b"b", [])])
        await sending.deliver(names.dead, 0, [(None, b"c", [])])
        chunk.ledger.settle([0])
        await sending.commit()
        assert not source._membership.generation.uncommitted()


async def test_a_right_to_write_that_is_gone_costs_no_other_answer_its_transaction(
    secure_settings, secure_topics, users, names, rights
):
    theirs = await secure_topics.create("theirs")
    right = Right("Write", "topic", theirs)
    await users.grant("dave", *rights(EXACTLY_ONCE), right)
    settings = secure_settings(DAVE, delivery="exactly-once")
    async with _serving(settings, secure_topics) as (source, sending):
        await _publish(secure_topics, names.requests)
        (chunk,) = await gather(source, [names.requests], 1, settle=False)

        async def is_denied():
            with contextlib.suppress(SendDenied):
                await sending.deliver(theirs, 0, [(None, b"theirs", [])])
                return False
            return True

        assert not await is_denied()
        await users.take_away("dave", right)
        await eventually(is_denied)
        await sending.commit()  # so that its partition is to be added anew
        assert await is_denied()
        await sending.deliver(names.replies, 0, [(None, b"ours", [])])
        chunk.ledger.settle([0])
        await sending.commit()

        assert not chunk.ledger.lost
        assert not source._membership.generation.uncommitted()


async def _publish(topics, topic):
    async with AIOKafkaProducer(bootstrap_servers=topics._bootstrap) as producer:
        await producer.send_and_wait(topic, b"a")


WITHOUT = {
    0: ("group", "grant Read on the group"),
    1: ("requests", "grant "),
    2: ("replies", "grant "),
    3: ("dead", "grant "),
    4: ("transactions", "grant Write on the transactional id"),
}


@pytest.mark.parametrize("missing", WITHOUT)
async def test_without_one_of_them_check_and_the_start_name_it(
    secure_settings, secure_topics, users, rights, missing
):
    delivery = "exactly-once" if missing >= len(AT_LEAST_ONCE) else "at-least-once"
    granted = rights(EXACTLY_ONCE)
    del granted[missing]
    await users.grant("dave", *granted)
    settings = secure_settings(DAVE, delivery=delivery, instance_id="one")
    subject, said = WITHOUT[missing]

    problems = [check for check in await look(settings, base=Path()) if check.problem]
    with pytest.raises(Fatal) as caught:
        async with _serving(settings, secure_topics):
            pass

    assert caught.value.exit_code is Exit.DENIED
    assert said in str(caught.value)
    assert len(problems) == 1
    assert subject in problems[0].subject


def test_each_right_of_the_page_is_one_that_is_taken_away_here():
    assert set(range(len(EXACTLY_ONCE))) == set(WITHOUT)
