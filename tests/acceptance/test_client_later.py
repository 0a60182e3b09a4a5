"""What is submitted is found later, from anywhere; who looks learns what is certain, and no more."""

import asyncio
import gc
import math
import sys

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete

from tests.acceptance.jobs import Job, pair, terminate
from tidemill_client import Client, Lost, NotSent, NotYet, Rejected, Ticket

pytestmark = pytest.mark.kafka
_PATIENCE_S = 20
TICKET = Ticket(
    topic="requests",
    partition=0,
    offset=0,
    group="group",
    correlation="00",
    reply_topic="replies",
    reply_partition=0,
    reply_from=0,
    deadline_ms=0,
)
_ELSEWHERE = """
import sys
from tidemill_client import SyncClient, Ticket
bootstrap, replies, ticket = sys.argv[1:]
with SyncClient(bootstrap, reply_topic=replies) as client:
    sys.stdout.buffer.write(client.collect(Ticket.decode(ticket), timeout=20).body)
"""


@pytest.fixture
async def job(kafka, topics, tmp_path, delivery):
    """Nobody serves it yet."""
    names = await topics(requests=2, replies=1, dead=1, others=1)
    settings = {"kafka.delivery": delivery}
    async with Job(kafka, topics, names, tmp_path, **settings) as made:
        yield made


def client_of(job, **how):
    return Client(job.bootstrap, **{"reply_topic": job.names.replies} | how)


async def submitted(client, job, *bodies):
    topic, group = job.names.requests, job.topics.group
    return await asyncio.gather(*[client.submit(topic, body, group=group) for body in bodies])


async def test_a_ticket_is_collected_by_another_process(job):
    async with client_of(job) as client:
        good, bad = await submitted(client, job, pair(7), b"odd")
        with pytest.raises(NotYet, match="committed nothing"):
            await client.collect(good)
    await job.start()

    command = [sys.executable, "-c", _ELSEWHERE, job.bootstrap, job.names.replies, good.encode()]
    elsewhere = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    told, _ = await elsewhere.communicate()

    assert told == pair(7)
    async with client_of(job) as client:
        again = await client.collect(good)
        with pytest.raises(Rejected):
            await client.collect(bad, timeout=_PATIENCE_S)
    assert (again.body, Ticket.decode(good.encode())) == (pair(7), good)
    assert again.request_id == f"{good.topic}/{good.partition}/{good.offset}"


async def test_many_tickets_are_collected_together_and_each_has_its_own_end(job):
    worker = await job.start()
    async with client_of(job) as client, client_of(job, reply_topic=job.names.others) as denied:
        good = await submitted(client, job, *map(pair, range(300)))
        (bad,) = await submitted(client, job, b"odd")
        (dead,) = await submitted(denied, job, pair(1))
        ends = {
            end.ticket: end
            async for end in client.collect_many([*good, bad, dead], timeout=_PATIENCE_S)
        }
        await terminate(worker)
        (waiting,) = await submitted(client, job, pair(2))
        later = [end async for end in client.collect_many([waiting, good[0]])]

    assert [ends.pop(ticket).result().body for ticket in good] == [*map(pair, range(300))]
    assert {ticket: type(end.error) for ticket, end in ends.items()} == {bad: Rejected, dead: Lost}
    assert later[0].result().body == pair(0)
    assert type(later[1].error) is NotYet


async def test_what_is_dealt_with_and_has_no_reply_is_lost(job):
    await job.start()
    async with client_of(job) as client, client_of(job, reply_topic=job.names.others) as denied:
        (kept,) = await submitted(client, job, pair(1))
        (dead,) = await submitted(denied, job, pair(2))
        await client.collect(kept, timeout=_PATIENCE_S)
        replies = TopicPartition(kept.reply_topic, kept.reply_partition)
        await job.topics.admin.delete_records({replies: RecordsToDelete(-1)})

        with pytest.raises(Lost, match="keeps nothing before"):
            await client.collect(kept, timeout=_PATIENCE_S)
        with pytest.raises(Lost, match="dead letter"):
            await client.collect(dead, timeout=_PATIENCE_S)


async def test_who_is_cancelled_while_collecting_leaves_no_connection(kafka, topics):
    names = await topics(requests=1, replies=1)
    async with Client(kafka, reply_topic=names.replies) as client:
        ticket = await client.submit(names.requests, b"", group=topics.group)
        for steps in range(40):
            collecting = asyncio.create_task(client.collect(ticket, timeout=_PATIENCE_S))
            for _ in range(steps):
                await asyncio.sleep(0)
            collecting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await collecting
    gc.collect()  # what is left open is warned of, which is an error


async def test_a_batch_that_is_too_large_goes_in_parts(kafka, topics):
    small = await topics.create("small", 1, {"max.message.bytes": "20000"})
    names = await topics(replies=1)
    async with Client(kafka, reply_topic=names.replies) as client:
        tickets = await asyncio.gather(
            *[client.submit(small, bytes(5_000), group=topics.group) for _ in range(100)]
        )
        with pytest.raises(NotSent) as too_large:
            await client.submit(small, bytes(30_000), group=topics.group)

    assert sorted(ticket.offset for ticket in tickets) == list(range(100))
    assert too_large.value.code == "too_large"


async def test_a_record_that_the_topic_refuses_fails_itself_alone(kafka, topics):
    kept = await topics.create("kept", 1, {"cleanup.policy": "compact"})
    names = await topics(replies=1)
    keys = [None if number in {3, 40} else b"%d" % number for number in range(50)]
    async with Client(kafka, reply_topic=names.replies) as client:
        ends = await asyncio.gather(
            *[client.submit(kept, b"", group=topics.group, key=key) for key in keys],
            return_exceptions=True,
        )

    refused = [number for number, end in enumerate(ends) if not isinstance(end, Ticket)]
    assert refused == [3, 40]
    assert {(type(ends[number]), ends[number].code) for number in refused} == {(NotSent, "refused")}


async def test_what_is_larger_than_brokers_take_at_once_is_not_sent(kafka, topics):
    names = await topics(requests=1, replies=1)
    async with Client(kafka, reply_topic=names.replies, max_request_bytes=100_000) as client:
        whole = {"body": bytes(100_000)}, {"key": bytes(100_000)}, {"headers": {"a": "a" * 100_000}}
        for how in whole:
            with pytest.raises(NotSent) as end:
                await client.submit(names.requests, **{"body": b""} | how, group=topics.group)
            assert end.value.code == "too_large"
        await client.submit(names.requests, bytes(90_000), group=topics.group)


@pytest.mark.parametrize(
    "how", [{"key": "text"}, {"headers": {"a": 1}}, {"timeout": 0}, {"group": ""}]
)
async def test_what_cannot_be_a_request_fails_itself_alone(kafka, topics, how):
    names = await topics(requests=1, replies=1)
    async with Client(kafka, reply_topic=names.replies) as client:
        ends = await asyncio.gather(
            client.submit(names.requests, b"", **{"group": topics.group} | how),
            client.submit(names.requests, b"", group=topics.group),
            return_exceptions=True,
        )

    assert isinstance(ends[0], TypeError | ValueError)
    assert isinstance(ends[1], Ticket)


@pytest.mark.parametrize(
    ("tickets", "patience_s", "slip"),
    [
        ([TICKET], -1, ValueError),
        ([TICKET], math.inf, ValueError),
        ([TICKET], math.nan, ValueError),
        ([TICKET.encode()], 0, TypeError),
    ],
)
async def test_what_cannot_be_collected_says_so(kafka, topics, tickets, patience_s, slip):
    names = await topics(replies=1)
    async with Client(kafka, reply_topic=names.replies) as client:
        with pytest.raises(slip):
            [end async for end in client.collect_many(tickets, timeout=patience_s)]
