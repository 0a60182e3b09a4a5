"""Requests that never come to an end, among many that do: exactly they get a time-out."""

import random
import time
from contextlib import asynccontextmanager

import pytest

from tests import models
from tests.acceptance.jobs import Job, events, terminate, tripped, trips
from tests.acceptance.witness import Witness

pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]

_ENDLESS = trips(10**12)
_PARTITIONS = 6


@pytest.fixture
def looping_job(kafka, topics, tmp_path):
    @asynccontextmanager
    async def make(**settings):
        names = await topics(requests=_PARTITIONS, replies=2, dead=1)
        job = Job(kafka, topics, names, tmp_path, models.loop(), **settings)
        replies = [names.replies, names.dead]
        async with job, Witness(kafka, names.requests, replies, answer=tripped) as witness:
            yield job, witness

    return make


class Ends:
    """What came of requests, and when; `guilty` are those that loop."""

    def __init__(self, witness, correlations, bodies, began_s):
        self.replies = {}
        for entry in witness.log:
            self.replies.setdefault(entry.reply.correlation, []).append(entry.reply)
        pairs = list(zip(correlations, bodies, strict=True))
        self.guilty = [name for name, body in pairs if body == _ENDLESS]
        self.innocent = [name for name, body in pairs if body != _ENDLESS]
        self._began_s = began_s

    def codes(self, names):
        return {reply.code for name in names for reply in self.replies[name]}

    def last_s(self, names):
        return max(self.replies[name][0].received_s for name in names) - self._began_s

    @property
    def repeated(self):
        return sum(len(replies) - 1 for replies in self.replies.values())


@pytest.mark.fault_row(
    "a request loops for ever",
    "a Loop of 10^12 trips among 64 requests, limits as they are by default",
    promise=3,
)
async def test_of_64_requests_at_default_limits_the_one_that_loops_gets_the_time_out(
    looping_job, fault_row
):
    async with looping_job(**{"lanes.l.max_rows": 64, "lanes.l.linger": "5s"}) as (job, witness):
        bodies = [trips(number) for number in range(63)]
        bodies.insert(31, _ENDLESS)
        worker = await job.start()
        began_s = time.monotonic()
        sent = await witness.publish(bodies)
        await witness.until_all_answered(patience_s=120.0)

        ends = Ends(witness, sent, bodies, began_s)
        assert ends.codes(ends.innocent) == {""}
        assert ends.codes(ends.guilty) == {"model_timeout"}
        (search,) = events(worker, "batch.failed")
        assert (search["requests"], search["culprits"]) == (64, 1)
        verdict = witness.verdict()
        fault_row(
            lost=len(verdict.lost), repeated=ends.repeated, recovery_s=ends.last_s(ends.innocent)
        )
        assert await terminate(worker) == 0


@pytest.mark.parametrize(("guilty", "workers"), [(1, 1), (3, 2), (10, 1), (10, 2)])
@pytest.mark.fault_row(
    "some of many requests loop for ever",
    "1 to 10 among 5,000 in 6 partitions, 1 and 2 workers, run_limit 2 s",
    promise=3,
)
async def test_requests_that_loop_hold_up_nobody_for_long(looping_job, fault_row, guilty, workers):
    settings = {"models.m.run_limit": "2s", "lanes.l.max_rows": 64}
    async with looping_job(**settings) as (job, witness):
        bodies = [trips(number % 100) for number in range(5_000)]
        for place in random.Random(guilty).sample(range(5_000), guilty):
            bodies[place] = _ENDLESS
        running = [await job.start() for _ in range(workers)]
        began_s = time.monotonic()
        sent = await witness.publish(bodies)
        await witness.until_all_answered(patience_s=60.0)

        ends = Ends(witness, sent, bodies, began_s)
        assert ends.codes(ends.innocent) == {""}
        assert ends.codes(ends.guilty) == {"model_timeout"}
        print(  # noqa: T201 - shown by pytest -rP
            f"{guilty} of 5,000 loop, {workers} workers: the innocent after"
            f" {ends.last_s(ends.innocent):.1f} s, all after {ends.last_s(ends.guilty):.1f} s"
        )
        verdict = witness.verdict()
        fault_row(
            lost=len(verdict.lost), repeated=ends.repeated, recovery_s=ends.last_s(ends.innocent)
        )
        for worker in running:
            assert await terminate(worker) == 0
