"""The load tester's client on a real broker, before a stand-in that answers as a daemon does."""

import numpy as np
import pytest

from loadtest.plan.bodies import BodyKind
from loadtest.plan.golden import Exact
from loadtest.plan.plan import of_streams, stream
from loadtest.scenario.arrival_processes import at_once, constant
from loadtest.traffic.exchange import exchange
from loadtest.traffic.login import options
from loadtest.traffic.records import Outcome
from tests.contract.responder import Responder


@pytest.fixture
async def exchanged(kafka, topics):
    """Sends requests with these bodies past a responder and returns what came of them."""
    names = await topics(requests=2, replies=2)

    async def run(bodies, answers, *, times_s=None, golden=None, grace_s=10, **options_):
        times_s = at_once(len(bodies)) if times_s is None else times_s
        load = of_streams([stream("a", names.requests, times_s, BodyKind(bodies, golden=golden))])
        async with Responder(kafka, [names.requests], names.replies, answers=answers):
            return await exchange(
                load, options(kafka, None), [names.replies], grace_s=grace_s, **options_
            )

    return run


async def test_every_request_meets_its_reply(exchanged):
    bodies, replies = [b"%d" % number for number in range(50)], {}
    seen = await exchanged(
        bodies,
        lambda body: [body + b"!"],
        golden=Exact([body + b"!" for body in bodies]),
        on_reply=lambda number, reply: replies.setdefault(number, reply.value),
    )
    assert seen.account().exactly_once
    assert [replies[number] for number in range(50)] == [body + b"!" for body in bodies]
    assert (seen.records.outcome == Outcome.RESULT).all()


async def test_a_reply_to_another_request_is_wrong(exchanged):
    seen = await exchanged([b"1", b"2"], lambda _: [b"1"], golden=Exact([b"1", b"2"]))
    assert seen.records.wrong.tolist() == [False, True]
    assert seen.account().wrong == 1


async def test_a_request_without_a_reply_is_lost_after_the_grace(exchanged):
    seen = await exchanged(
        [b"yes", b"no"], lambda body: [body] if body == b"yes" else [], grace_s=1
    )
    assert seen.records.outcome.tolist() == [Outcome.RESULT, Outcome.NONE]
    assert seen.account().lost == 1


async def test_a_second_reply_is_seen(exchanged):
    seen = await exchanged([b"x"], lambda body: [body, body])
    assert seen.account().repeated == 1


async def test_requests_leave_when_they_are_meant_to(exchanged):
    times_s = constant(100, 30)
    seen = await exchanged([b"x"] * 30, lambda body: [body], times_s=times_s)
    assert seen.records.intended_s == pytest.approx(times_s)
    assert (seen.records.handed_s >= seen.records.intended_s).all()


async def test_latency_counts_from_the_time_a_request_was_meant_to_leave(exchanged):
    late_s = 5.0  # meant to leave that long before the run began, less its run-up
    seen = await exchanged([b"x"], lambda body: [body], times_s=np.array([-late_s]))
    (latency_s,) = seen.records.latency_s
    assert late_s - 0.5 < latency_s < late_s + 5
