"""Answers that a broker refuses: whoever is at fault is named, and nothing is owed for ever."""

import asyncio
import json
from pathlib import Path

from daemon.values.errors import Exit
from tests.acceptance.jobs import becomes, events, pair, terminate, until

_AHEAD = [str(Path(__file__).parent / "variants" / "clock_ahead.py")]
_STALL = {
    "limits.stall": "6s",
    "limits.bisect": "1s",
    "limits.publish": "3s",
    "limits.drain": "4s",
    "models.m.run_limit": "1s",
}
_PATIENCE_S = 60
"""How long a worker may take to end; the machine may be busy."""


async def test_a_wrong_clock_is_named_and_its_requests_are_left_to_a_worker_with_a_right_one(
    make_job,
):
    async with make_job(**_STALL) as (job, witness):
        worker = job.worker(program=_AHEAD)
        worker.start()
        await asyncio.to_thread(worker.wait_until_ready, _PATIENCE_S)
        await witness.publish(pair(number) for number in range(50))

        await becomes(worker, "/readyz", 503)
        _, said = await asyncio.to_thread(worker.get, "/readyz")
        assert await asyncio.to_thread(worker.wait, _PATIENCE_S) == Exit.INTERNAL

        assert "s ahead of the broker's; put it right" in json.loads(said)["reason"]
        (blocked,) = events(worker, "publishing.blocked")
        assert "this host's clock is 7" in blocked["reason"]
        (stalled,) = events(worker, "worker.stalled")
        assert "this host's clock is 7" in stalled["reason"]
        assert sum((await job.committed()).values()) == 0

        await job.start()
        await witness.until_all_answered()
        assert witness.verdict().exactly_once, witness.verdict()


async def test_a_reply_topic_that_takes_little_gets_what_fits_and_the_rest_is_dead_lettered(
    make_job, topics
):
    small = await topics.create("small", 1, {"max.message.bytes": "300"})
    async with make_job(**{"replies.allow": [small]}) as (job, witness):
        worker = await job.start()
        await witness.publish(
            (pair(number) for number in range(200)), headers=[("reply-to", small.encode())]
        )
        await witness.publish(pair(number) for number in range(200, 250))

        async def all_committed():
            return sum((await job.committed()).values()) == 250

        await until(all_committed, _PATIENCE_S)
        assert await terminate(worker) == 0
