"""tidemill-client while brokers, leaders, topics and workers are broken: each question has its own answer."""

import asyncio
import ssl
from contextlib import asynccontextmanager

import msgspec
import pytest

from tests.acceptance.jobs import Job, pair, until
from tests.secure_broker import PASSWORD, Right, Users
from tidemill_client import Client, Closed, NoReply, NotSent

pytestmark = [pytest.mark.faults, pytest.mark.kafka, pytest.mark.timeout(300)]
_RATE = 100
_PAUSE_S = 1 / _RATE
_TIMEOUT_S = 60
"""Longer than any of these faults."""


@pytest.fixture
def make_job(tmp_path):
    @asynccontextmanager
    async def make(bootstrap, topics, **settings):
        names = await topics(requests=3, replies=3, dead=1)
        async with Job(bootstrap, topics, names, tmp_path, **settings) as job:
            yield job

    return make


def client_of(job, **how):
    return Client(job.bootstrap, reply_topic=job.names.replies, **how)


@asynccontextmanager
async def asking(client, topic):
    """Ask at a steady rate; after the context each has its own answer, or this raises why not."""
    stop = asyncio.Event()

    async def bodies():
        number = 0
        while not stop.is_set():
            yield pair(number)
            number += 1
            await asyncio.sleep(_PAUSE_S)

    async def ask():
        many = client.ask_many(topic, bodies(), in_flight=100_000, timeout=_TIMEOUT_S)
        return [(answer.body, answer.error or answer.result().body) async for answer in many]

    task = asyncio.create_task(ask())
    await until(lambda: client.counts.answered > _RATE)
    before = client.counts.answered
    yield
    await until(lambda: client.counts.answered > before + _RATE, 60)
    stop.set()
    ends = await task
    assert [(asked, end) for asked, end in ends if asked != end] == []
    assert client.counts.answered == len(ends)
    assert client.waiting == 0


async def test_a_broker_is_killed_and_comes_back(make_job, spare, spare_topics):
    async with make_job(spare.bootstrap, spare_topics) as job, client_of(job) as client:
        await job.start()
        async with asking(client, job.names.requests):
            spare.kill()
            await asyncio.sleep(3)
            await asyncio.to_thread(spare.start)


async def test_a_broker_hangs_for_longer_than_a_request_may_take(make_job, spare, spare_topics):
    async with make_job(spare.bootstrap, spare_topics) as job, client_of(job) as client:
        await job.start()
        async with asking(client, job.names.requests):
            spare.pause()
            await asyncio.sleep(15)
            spare.resume()


async def test_reading_that_died_begins_anew_where_it_ended(make_job, kafka, topics):
    """The Kafka client's own reading ends without a word, as it may by an error that it does not expect."""
    async with make_job(kafka, topics) as job, client_of(job) as client:
        await job.start()
        async with asking(client, job.names.requests):
            client._session._reader._consumer._fetcher._fetch_task.cancel()
            await asyncio.sleep(5)


def sending_or_fetching(tasks):
    """Tasks of a Kafka client but for those that read connections, which the test's own has too."""
    return [task for task in tasks if "AIOKafkaConnection" not in task.get_coro().__qualname__]


@pytest.mark.parametrize(("away", "back"), [("pause", "resume"), ("kill", "start")])
async def test_closing_does_not_wait_for_a_broker(make_job, spare, spare_topics, away, back):
    loop = asyncio.get_running_loop()
    async with make_job(spare.bootstrap, spare_topics) as job:
        tasks = asyncio.all_tasks()
        async with client_of(job) as client:
            asking = asyncio.create_task(client.ask(job.names.requests, pair(1)))
            await until(lambda: client.waiting)
            await asyncio.to_thread(getattr(spare, away))
            asking_late = asyncio.create_task(client.ask(job.names.requests, pair(2)))
            await asyncio.sleep(1)
            began_s = loop.time()
        took_s = loop.time() - began_s
        await asyncio.to_thread(getattr(spare, back))

        ends = await asyncio.gather(asking, asking_late, return_exceptions=True)
        assert [type(end) for end in ends] == [Closed, Closed]
        assert took_s < 15
        await until(lambda: sending_or_fetching(asyncio.all_tasks() - tasks) == [])


async def test_leaders_of_replies_and_requests_move(make_job, cluster, cluster_topics, leaders):
    async with make_job(cluster.bootstrap, cluster_topics) as job, client_of(job) as client:
        await job.start()
        async with asking(client, job.names.requests):
            for node in cluster.nodes:
                for partition in range(3):
                    await leaders.lead(job.names.replies, partition, node)
                    await leaders.lead(job.names.requests, partition, node)


async def test_a_node_dies_with_the_partitions_that_it_leads(make_job, cluster, cluster_topics):
    async with make_job(cluster.bootstrap, cluster_topics) as job, client_of(job) as client:
        await job.start()
        async with asking(client, job.names.requests):
            cluster.nodes[max(cluster.nodes)].kill()
            await asyncio.sleep(5)
            await asyncio.to_thread(cluster.mend)


async def test_the_reply_topic_is_deleted_and_made_anew(make_job, kafka, topics):
    async with make_job(kafka, topics) as job, client_of(job) as client:
        await job.start()
        for number in range(50):
            await client.ask(job.names.requests, pair(number))
        await topics.make_anew(job.names.replies, 3)

        async def answered():
            try:
                return await client.ask(job.names.requests, pair(1), timeout=2)
            except NoReply:
                return None

        await until(answered, 60)


async def test_a_reply_partition_that_is_gone_is_named(make_job, kafka, topics):
    async with make_job(kafka, topics) as job, client_of(job, reply_partition=2) as client:
        await job.start()
        await client.ask(job.names.requests, pair(1))
        await topics.make_anew(job.names.replies, 1)

        async def named():
            with pytest.raises(NoReply) as silence:
                await client.ask(job.names.requests, pair(2), timeout=1)
            return f"{job.names.replies} has no partition 2 any more" in silence.value.detail

        await until(named, 60)


async def test_a_worker_is_killed_ten_times(make_job, kafka, topics):
    async with make_job(kafka, topics) as job, client_of(job) as client:
        worker = await job.start()
        async with asking(client, job.names.requests):
            for _ in range(10):
                answered = client.counts.answered
                worker.kill()
                await asyncio.to_thread(worker.start)
                await until(lambda least=answered: client.counts.answered > least, 60)


async def test_by_tls_with_the_fewest_rights(make_job, secure_broker, secure_folder, secure_topics):
    login = {
        "security_protocol": "SASL_SSL",
        "ssl_context": ssl.create_default_context(cafile=secure_folder / "broker.pem"),
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "dora",
        "sasl_plain_password": PASSWORD,
    }
    behind = f"127.0.0.1:{secure_broker.ports.behind}"
    async with (
        Users(secure_broker) as users,
        make_job(secure_broker.bootstrap, secure_topics) as job,
    ):
        await users.add("dora")
        await job.start()
        requests, replies = job.names.requests, job.names.replies
        with pytest.raises(NotSent) as blind:
            async with Client(behind, reply_topic=replies, **login):
                pass
        await users.grant("dora", Right("Read", "topic", replies))
        async with Client(behind, reply_topic=replies, **login) as client:
            with pytest.raises(NotSent) as mute:
                await client.ask(requests, pair(1))
            await users.grant("dora", Right("Write", "topic", requests))

            async def answered():
                try:
                    return (await client.ask(requests, pair(2))).body == pair(2)
                except NotSent:
                    return False

            await until(answered)
            ticket = await client.submit(requests, pair(3), group=job.topics.group)
            hidden = [
                msgspec.structs.replace(ticket, correlation="00"),
                msgspec.structs.replace(ticket, reply_topic=job.names.dead),
            ]

            async def collected():
                ends = [end async for end in client.collect_many([ticket, *hidden])]
                assert {end.ticket: end.error.code for end in ends if end.ticket != ticket} == {
                    hidden[0]: "group_denied",
                    hidden[1]: "topic_denied",
                }
                return pair(3) in [end.reply.body for end in ends if end.reply is not None]

            await until(collected)

        assert (blind.value.code, mute.value.code) == ("topic_denied", "topic_denied")
        with pytest.raises(NotSent) as stranger:
            async with Client(behind, reply_topic=replies, **login | {"sasl_plain_password": "no"}):
                pass
        assert stranger.value.code == "broker_unavailable"
