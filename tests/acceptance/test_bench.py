"""The bench on a real broker: the plain loop answers everything, and a bad reply would be seen."""

import pytest
from rich.console import Console

from loadtest.bench.backlog import Backlog, answer, fill, publish
from loadtest.bench.contestants import loop
from loadtest.bench.dresses import full
from loadtest.bench.ground import new_ground
from loadtest.bench.open_loop import answered
from loadtest.bench.replies import read_back
from loadtest.bench.work import encode_raw, work
from loadtest.deployment.perceptrons import RELAY, write
from loadtest.scenario.arrival_processes import constant

pytestmark = pytest.mark.kafka

REQUESTS = 5000


@pytest.fixture
async def ground():
    async with new_ground(Console(quiet=True)) as made:
        yield made


async def test_the_plain_loop_answers_a_backlog_once_and_rightly(ground):
    model = write(RELAY, ground.folder)
    asked = work(RELAY, model, REQUESTS)
    topic = await fill(ground, "requests", encode_raw(asked.rows), REQUESTS)
    run = await answer(ground, "loop", Backlog(topic, REQUESTS, asked.results), loop(ground, model))
    assert run.account.exactly_once, run.account
    assert run.account.sent == REQUESTS


async def test_the_plain_loop_answers_where_requests_ask_for_it(ground):
    model = write(RELAY, ground.folder)
    asked = work(RELAY, model, REQUESTS)
    replies = [await ground.topic("replies") for _ in range(2)]
    dress = full(replies)
    topic = await fill(ground, "requests", encode_raw(asked.rows), REQUESTS, dress)
    backlog = Backlog(topic, REQUESTS, asked.results, dress=dress, replies=replies)
    run = await answer(ground, "loop", backlog, loop(ground, model, routed=True))
    assert run.account.exactly_once, run.account


async def test_the_plain_loop_answers_requests_at_their_times(ground):
    model = write(RELAY, ground.folder)
    asked = work(RELAY, model, 100)
    times_s = constant(200, 100)
    (traffic,) = await answered(ground, "loop", loop(ground, model), asked, times_s)
    assert traffic.account.exactly_once, traffic.account
    assert len(traffic.replies_s) == len(traffic.hops_s) == 100
    assert min(traffic.hops_s) > 0


async def test_lost_repeated_and_wrong_replies_are_seen(ground):
    asked = work(RELAY, write(RELAY, ground.folder), 3000)
    replies = await ground.topic("replies")
    # Ids 0 to 2999 are answered by the results, one of them spoilt, and 0 to 9 once more.
    bodies = encode_raw(asked.results)
    bodies[17] = bodies[18]
    await publish(ground.bootstrap, replies, bodies, 3000)
    await publish(ground.bootstrap, replies, bodies, 10)
    back = await read_back(ground.bootstrap, replies, sent=3001, results=asked.results)
    account = back.account
    assert (account.lost, account.repeated, account.wrong, account.unknown) == (1, 10, 1, 0)
