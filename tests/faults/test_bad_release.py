"""A release of a transform that kills with every request: few are thrown away, the rest waits for the cure."""

import asyncio
import time

import pytest

from daemon.isolation.quarantine import MOST_BLAMED
from daemon.isolation.suspect_range import most_deaths
from daemon.values.errors import Exit
from loadtest.wire import OK
from tests import models
from tests.acceptance.jobs import events, pair, start, terminate, until
from tests.acceptance.supervised import spawned, until_serving
from tests.checker import DEAD
from tests.faults.poisoned import CODE, PATIENCE_S, SETTINGS, all_answered, transform

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

_COUNT = 100
_PARTITIONS = {"requests": 2}
_TWO = {
    "scaling.min_workers": 2,
    "scaling.max_workers": 2,
    "kafka.session_timeout": "10s",  # longer than a start, also where the machine is busy
}


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
        await _all_but_blamed_answered(witness, blamed)
        record_figure(f"all kill, {delivery}: {crashes} crashes in {took_s:.0f} s, then 65")
        fault_row(recovery_s=time.monotonic() - mended_s)


@pytest.mark.fault_row(
    "requests kill their worker",
    "all of 40 do, under supervise with two workers, until their transform is mended",
    promise=3,
)
async def test_under_a_supervisor_such_a_release_is_tried_again_after_ever_longer_pauses(
    make_job, tmp_path, record_figure, fault_row
):
    """Each of the two has a partition, and throws few of it away."""
    transform(tmp_path, "os.abort()", to="True")
    async with make_job(models.identity(), partitions=_PARTITIONS, **SETTINGS) as (job, witness):
        supervisor = await job.supervise(**_TWO)
        await until_serving(supervisor, 2)
        began_s = time.monotonic()
        for number in range(2):
            await witness.publish([pair(number)] * 20, partition=number)
        await until(lambda: _longest_pause_s(supervisor) > 1.0, 2 * PATIENCE_S)
        took_s = time.monotonic() - began_s
        starts = len(spawned(supervisor))
        reasons = [event["reason"] for event in events(supervisor, "worker.failed")]
        assert len(reasons) > 2
        assert all("not the requests" in reason for reason in reasons)
        await witness.catch_up()
        blamed = {entry.request for entry in witness.log}
        assert {entry.reply.code for entry in witness.log} == {CODE}
        assert MOST_BLAMED <= len(blamed) <= 2 * MOST_BLAMED

        transform(tmp_path, "pass")
        mended_s = time.monotonic()
        await _all_but_blamed_answered(witness, blamed)
        record_figure(f"all kill under supervise: {starts} starts in {took_s:.0f} s")
        fault_row(recovery_s=time.monotonic() - mended_s)
        assert await terminate(supervisor) == 0


def _longest_pause_s(supervisor):
    """What it waited at most after a worker had given up."""
    ends = [event for event in events(supervisor, "worker.lost") if event.get("exit_code") == 65]
    return max([event["pause_s"] for event in ends], default=0.0)


async def _all_but_blamed_answered(witness, blamed):
    """Wait for all answers, and check that nobody else was blamed, and nobody lost."""
    await all_answered(witness)
    well = {entry.request for entry in witness.log if entry.reply.status == OK}
    kept = {entry.request for entry in witness.log if entry.reply.status == DEAD}
    assert kept == blamed
    assert not well & blamed
    assert len(well) == len(witness.published) - len(blamed)


async def _end(worker):
    """Start the worker, and return how it ended."""
    await asyncio.to_thread(worker.start)
    return await asyncio.to_thread(worker.wait, 60)
