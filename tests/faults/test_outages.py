"""A right or a topic that is gone under load for a while costs that while: no request, no answer, no worker."""

import asyncio
import contextlib
import time

import pytest

from tests.acceptance.conftest import job_maker
from tests.acceptance.jobs import becomes, events, pair, terminate
from tests.contract.worlds import read
from tests.fault_table import AT_LEAST_ONCE, EXACTLY_ONCE
from tests.secure_broker import PASSWORD, Right, Users

pytestmark = [pytest.mark.faults, pytest.mark.kafka, pytest.mark.timeout(300)]

GONE_S = 8.0
RATE = 100


@pytest.fixture(params=[AT_LEAST_ONCE, EXACTLY_ONCE])
def delivery(request):
    return request.param


@pytest.fixture
async def users(secure_broker):
    async with Users(secure_broker) as made:
        await made.add("carol")
        yield made


@pytest.fixture
def make_job(secure_broker, secure_folder, secure_topics, tmp_path, users, delivery):
    """Its workers log in as Carol, who has the rights in `rights`."""
    (tmp_path / "password").write_text(PASSWORD)
    (tmp_path / "password").chmod(0o600)
    make = job_maker(secure_broker.bootstrap, secure_topics, tmp_path)
    login = {
        "kafka.delivery": delivery,
        "kafka.bootstrap_servers": f"127.0.0.1:{secure_broker.ports.behind}",
        "kafka.security_protocol": "SASL_SSL",
        "kafka.ca_file": str(secure_folder / "broker.pem"),
        "kafka.sasl_mechanism": "SCRAM-SHA-512",
        "kafka.sasl_username": "carol",
        "kafka.sasl_password_file": "password",
        "replies.allow": [f"{secure_topics.prefix}theirs"],
    }

    @contextlib.asynccontextmanager
    async def begun():
        async with make(**login) as (job, witness):
            await users.grant("carol", *rights_for(job).values())
            yield job, witness

    return begun


def rights_for(job):
    names, group = job.names, job.topics.group
    return {
        "group": Right("Read", "group", group),
        "requests": Right("Read", "topic", names.requests),
        "replies": Right("Write", "topic", names.replies),
        "dead": Right("Write", "topic", names.dead),
        "transactions": Right("Write", "transactional-id", f"{group}/", prefixed=True),
    }


async def _without(job, witness, users, right, fault_row):
    """Let a right be gone under load for a while; return the worker, which has ended well."""
    worker = await job.start()
    pid = worker.pid
    async with witness.load(RATE, pair):
        await witness.until_answered(RATE)
        await users.take_away("carol", right)
        await becomes(worker, "/readyz", 503)
        await asyncio.sleep(GONE_S)
        await users.grant("carol", right)
        back_s = time.monotonic()
        await becomes(worker, "/readyz", 200)
        await witness.until_answered(len(witness.answered) + RATE)
        recovery_s = time.monotonic() - back_s
    await witness.until_all_answered()
    await witness.catch_up()
    assert worker.pid == pid
    assert await terminate(worker) == 0
    assert not [entry for entry in witness.log if entry.topic == job.names.dead]
    verdict = witness.verdict()
    fault_row(lost=len(verdict.lost), repeated=verdict.repeated.total(), recovery_s=recovery_s)
    exactly_once = job.settings["kafka.delivery"] == EXACTLY_ONCE
    assert verdict.exactly_once if exactly_once else verdict.at_least_once
    return worker


@pytest.mark.fault_row(
    "a right is gone for a while", "Read of the group taken away for 8 s under load", promise=1
)
async def test_a_right_to_use_the_group(make_job, users, fault_row):
    async with make_job() as (job, witness):
        worker = await _without(job, witness, users, rights_for(job)["group"], fault_row)
        assert "grant Read on the group" in events(worker, "reading.blocked")[0]["reason"]


@pytest.mark.fault_row(
    "a right is gone for a while", "Read of the requests taken away for 8 s under load", promise=1
)
async def test_a_right_to_read_requests(make_job, users, fault_row):
    async with make_job() as (job, witness):
        worker = await _without(job, witness, users, rights_for(job)["requests"], fault_row)
        assert "grant Read on it" in events(worker, "reading.blocked")[0]["reason"]


@pytest.mark.fault_row(
    "a right is gone for a while", "Write of the replies taken away for 8 s under load", promise=1
)
async def test_a_right_to_write_replies(make_job, users, fault_row):
    async with make_job() as (job, witness):
        worker = await _without(job, witness, users, rights_for(job)["replies"], fault_row)
        assert "grant Write on it" in events(worker, "publishing.blocked")[0]["reason"]


@pytest.mark.fault_row(
    "a topic is gone for a while", "the reply topic deleted, and made anew after 8 s", promise=1
)
async def test_the_reply_topic(make_job, secure_broker, fault_row):
    async with make_job() as (job, witness):
        worker = await job.start()
        await witness.publish([pair(number) for number in range(RATE)])
        await witness.until_all_answered()
        await job.topics.admin.delete_topics([job.names.replies])
        sent = await witness.publish([pair(number) for number in range(10 * RATE)])
        await becomes(worker, "/readyz", 503)
        await asyncio.sleep(GONE_S)
        await job.topics.make_anew(job.names.replies, 2)
        back_s = time.monotonic()
        await becomes(worker, "/readyz", 200)
        found = await read(secure_broker.bootstrap, job.names.replies, len(sent))
        recovery_s = time.monotonic() - back_s
        answered = [dict(record.headers)["correlation-id"] for record in found]
        assert await terminate(worker) == 0
        assert set(sent) <= set(answered)
        assert not [entry for entry in witness.log if entry.topic == job.names.dead]
        fault_row(lost=0, repeated=len(answered) - len(set(answered)), recovery_s=recovery_s)


@pytest.mark.fault_row(
    "a topic is gone for a while",
    "the dead-letter topic deleted with a dead letter due, made anew after 8 s",
    promise=1,
)
async def test_the_dead_letter_topic_holds_up_nobody_else(make_job, secure_broker, fault_row):
    async with make_job() as (job, witness):
        worker = await job.start()
        await witness.publish([pair(number) for number in range(RATE)])
        await witness.until_all_answered()
        await job.topics.admin.delete_topics([job.names.dead])
        theirs = job.topics.prefix + "theirs"
        (letter,) = await witness.publish([pair(0)], headers=[("reply-to", theirs.encode())])
        others = await witness.publish([pair(number) for number in range(10 * RATE)])
        for correlation in others:
            await witness.until(correlation)
        await becomes(worker, "/readyz", 503)
        await asyncio.sleep(GONE_S)
        await job.topics.make_anew(job.names.dead, 1)
        back_s = time.monotonic()
        (found,) = await read(secure_broker.bootstrap, job.names.dead, 1)
        recovery_s = time.monotonic() - back_s
        assert dict(found.headers)["correlation-id"] == letter
        await becomes(worker, "/readyz", 200)
        assert await terminate(worker) == 0
        fault_row(lost=0, repeated=0, recovery_s=recovery_s)
