"""A broker that cannot be reached is not the worker's fault: it waits, says so, and goes on."""

import asyncio
import json

from tests import models
from tests.acceptance.jobs import SESSION_S, becomes, events, pair, status, terminate, tripped


async def test_a_worker_outlives_a_broker_that_is_silent_past_the_session(spare, make_spare_job):
    async with make_spare_job() as (job, witness):
        worker = await job.start()
        await witness.publish(pair(number) for number in range(100))
        await witness.until_all_answered()

        spare.pause()
        try:
            await becomes(worker, "/readyz", 503)
            await asyncio.sleep(2 * SESSION_S)

            assert await status(worker, "/livez") == 200
            assert await status(worker, "/readyz") == 503
            _, said = await asyncio.to_thread(worker.get, "/status.json")
            (first, *_) = json.loads(said)["findings"]
            assert first["text"].startswith("Not serving: no broker answers for ")
            assert f" at {spare.bootstrap}" in first["text"]
        finally:
            spare.resume()
        await becomes(worker, "/readyz", 200)
        await witness.publish(pair(number) for number in range(100, 200))
        await witness.until_all_answered()

        assert witness.verdict().at_least_once, witness.verdict()
        assert events(worker, "broker.lost")
        (lost,) = events(worker, "readiness.lost")
        assert lost["reason"].startswith("no broker answers for ")
        assert events(worker, "broker.recovered")
        assert await terminate(worker) == 0


async def test_a_restart_of_the_broker_under_load_loses_nothing(spare, make_spare_job, busy):
    batches = {"lanes.l.max_rows": 8}
    async with make_spare_job(models.loop(), answer=tripped, **batches) as (job, witness):
        worker = await job.start()
        await witness.publish([busy(0.01)] * 2000)
        await witness.until_answered(200)

        await asyncio.to_thread(spare.stop)
        try:
            assert witness.unanswered
            await becomes(worker, "/readyz", 503)
            assert await status(worker, "/livez") == 200
        finally:
            await asyncio.to_thread(spare.start)

        await becomes(worker, "/readyz", 200)
        await witness.publish([busy(0.01)] * 100)
        await witness.until_all_answered()
        assert witness.verdict().at_least_once, witness.verdict()
        assert await terminate(worker) == 0
