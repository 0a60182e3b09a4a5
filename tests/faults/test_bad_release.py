"""A release of a transform that kills with every request: few are thrown away, the rest waits for the cure."""

import asyncio
import time

import pytest

from daemon.isolation.quarantine import MOST_BLAMED
from daemon.isolation.suspect_range import most_deaths
from daemon.values.errors import Exit
from loadtest.wire import OK
from tests import models
from tests.acceptance.jobs import events, pair, start
from tests.checker import DEAD
from tests.faults.poisoned import CODE, SETTINGS, all_answered, transform

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

_COUNT = 100
_PARTITIONS = {"requests": 2}


@pytest.mark.fault_row(
    "requests kill their worker", "all of 100 do, until their transform is mended", promise=3
)
async def test_a_release_that_kills_with_every_request_throws_few_away(
    make_job, tmp_path, record_figure, fault_row, delivery
):
    transform(tmp_path, "os.abort()", to="True")
    settings = SETTINGS | {"kafka.delivery": delivery, "kafka.instance_id": "w0"}
    async with make_job(models.identity(), partitions=_PARTITIONS, **settings) as (job, witness):
        worker, crashes, began_s = job.worker(), 0, time.monotonic()
        await witness.publish(map(pair, range(_COUNT)))
        while await _end(worker) != Exit.MODEL_REFUSED:
            crashes += 1
        took_s = time.monotonic() - began_s
        assert "not the requests" in events(worker, "worker.failed")[-1]["reason"]
        await witness.catch_up()
        blamed = {entry.request for entry in witness.log}
        assert {entry.reply.code for entry in witness.log} == {CODE}
        assert len(blamed) == MOST_BLAMED
        assert crashes <= most_deaths(MOST_BLAMED, _COUNT)

        again = 0
        while await _end(worker) != Exit.MODEL_REFUSED:
            again += 1
        assert again <= most_deaths(1, _COUNT)

        transform(tmp_path, "pass")
        mended_s = time.monotonic()
        await start(worker)
        await all_answered(witness)
        well = {entry.request for entry in witness.log if entry.reply.status == OK}
        kept = {entry.request for entry in witness.log if entry.reply.status == DEAD}
        assert kept == blamed
        assert not well & blamed
        assert len(well) == _COUNT - MOST_BLAMED
        record_figure(f"all kill, {delivery}: {crashes} crashes in {took_s:.0f} s, then 65")
        fault_row(recovery_s=time.monotonic() - mended_s)


async def _end(worker):
    """Start the worker, and return how it ended."""
    await asyncio.to_thread(worker.start)
    return await asyncio.to_thread(worker.wait, 60)
