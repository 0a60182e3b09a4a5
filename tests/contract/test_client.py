"""The load tester's client on a real broker, before a stand-in that answers as a daemon does."""

import asyncio
import contextlib

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from loadtest.client import Client
from loadtest.scenario import arrivals
from loadtest.wire import CORRELATION_ID, REQUEST_ID, STATUS, Outgoing


@contextlib.asynccontextmanager
async def _responder(bootstrap, requests, replies, answers):
    """Answers each request with what `answers(body)` yields."""

    async def respond():
        async for record in consumer:
            headers = [
                (CORRELATION_ID, dict(record.headers)[CORRELATION_ID]),
                (REQUEST_ID, f"{record.topic}/{record.partition}/{record.offset}".encode()),
                (STATUS, b"ok"),
            ]
            for body in answers(record.value):
                await producer.send_and_wait(replies, body, headers=headers)

    consumer = AIOKafkaConsumer(
        requests, bootstrap_servers=bootstrap, auto_offset_reset="earliest", group_id=None
    )
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer, consumer:
        responding = asyncio.create_task(respond())
        yield
        responding.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await responding


@pytest.fixture
async def exchange(kafka, topics):
    """Runs requests with these bodies past a responder and returns the client's findings."""
    names = await topics(requests=2, replies=2)

    async def run(bodies, answers, **options):
        requests = [Outgoing(names.requests, b"%d" % n, body) for n, body in enumerate(bodies)]
        options = {"patience_s": 10, "times_s": arrivals.at_once(len(requests))} | options
        async with (
            _responder(kafka, names.requests, names.replies, answers),
            Client(kafka, [names.replies]) as client,
        ):
            return await client.run(requests, **options)

    return run


async def test_every_request_meets_its_reply(exchange):
    run = await exchange(
        [b"%d" % n for n in range(50)],
        lambda body: [body + b"!"],
        is_right=lambda reply: reply.body == reply.correlation + b"!",
    )
    assert run.verdict.exactly_once
    assert [e.reply.body for e in run.exchanges] == [b"%d!" % n for n in range(50)]
    assert len(run.latencies_s()) == 50


async def test_a_request_without_a_reply_is_lost_after_the_patience(exchange):
    run = await exchange(
        [b"yes", b"no"], lambda body: [body] if body == b"yes" else [], patience_s=1
    )
    assert run.verdict.lost == [b"1"]
    assert run.exchanges[1].reply is None


async def test_a_second_reply_is_seen(exchange):
    run = await exchange([b"x"], lambda body: [body, body])
    assert run.verdict.repeated == {b"0": 1}


async def test_requests_leave_when_they_are_meant_to(exchange):
    times_s = arrivals.constant(100, 30)
    run = await exchange([b"x"] * 30, lambda body: [body], times_s=times_s)
    intended_s = [e.intended_s - run.exchanges[0].intended_s for e in run.exchanges]
    assert intended_s == pytest.approx(times_s.tolist())
    assert all(e.published_s >= e.intended_s for e in run.exchanges)


async def test_latency_counts_from_the_time_a_request_was_meant_to_leave(exchange):
    late_s = 5.0  # meant to leave that long before the client came to it
    run = await exchange([b"x"], lambda body: [body], times_s=arrivals.at_once(1) - late_s)
    (latency_s,) = run.latencies_s()
    assert late_s < latency_s < late_s + 5
