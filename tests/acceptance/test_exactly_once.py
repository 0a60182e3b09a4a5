"""Exactly once: workers are killed, stopped and pushed aside; readers see each answer once."""

import asyncio

import pytest

from tests.acceptance.jobs import pair, start, terminate

pytestmark = [pytest.mark.kafka, pytest.mark.long, pytest.mark.timeout(180)]

EXACTLY_ONCE = {"kafka.delivery": "exactly-once", "kafka.instance_id": "slot-0"}


async def test_a_worker_that_is_killed_under_load_repeats_nothing(make_job):
    async with make_job(**EXACTLY_ONCE) as (job, witness):
        worker = await job.start()
        async with witness.load(400, pair):
            for answered in (150, 400):
                await witness.until_answered(answered)
                await asyncio.to_thread(worker.kill)
                await start(worker)
            await witness.until_answered(700)
        await witness.until_all_answered()
        assert await terminate(worker) == 0

        verdict = witness.verdict()
        assert verdict.exactly_once
        assert verdict.sent == verdict.answered
