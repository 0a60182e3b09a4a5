"""`tidemill scaler` as a process: the number follows the work, and is held while it is unknown."""

import asyncio
import json
import time

import pytest

from daemon.values.errors import Exit
from tests import models
from tests.acceptance.jobs import (
    READY_S,
    becomes,
    events,
    pair,
    start,
    status,
    terminate,
    tripped,
    until,
)
from tests.acceptance.test_operations import tidemill
from tests.service_manager import ServiceManager

_QUICK = {
    "scaling.interval": "200ms",
    "scaling.service_rate": 10.0,
    "scaling.catch_up": "5s",
    "scaling.start_time": "1s",
    "scaling.down_window": "1s",
    "scaling.idle": "2s",
}
"""200 waiting records are 40 a second: four workers."""


async def _scale(scaler):
    """What GET /scale says; None while it says 503."""
    code, body = await asyncio.to_thread(scaler.get, "/scale")
    assert code in {0, 200, 503}
    return json.loads(body) if code == 200 else None


async def _scale_when(scaler, holds, patience_s=READY_S):
    """The first answer of /scale for which `holds`."""
    seen = None

    async def so():
        nonlocal seen
        seen = await _scale(scaler)
        return seen is not None and holds(seen)

    await until(so, patience_s)
    return seen


async def _started(job, **settings):
    scaler = job.worker(does="scaler", **_QUICK | settings)
    await start(scaler)
    return scaler


async def test_the_number_rises_with_the_work_and_falls_to_nothing_after_it(make_job):
    async with make_job() as (job, witness):
        scaler = await _started(job)
        assert (await _scale(scaler))["workers"] == 0

        await witness.publish(pair(number) for number in range(200))
        risen = await _scale_when(scaler, lambda seen: seen["workers"] == 4)
        metrics = await asyncio.to_thread(scaler.metrics)
        worker = await job.start()
        await witness.until_all_answered()
        fallen = await _scale_when(scaler, lambda seen: seen["workers"] == 0)

        assert (risen["lag_records"], risen["members"], risen["known"]) == (200, 0, True)
        assert metrics.total("desired_workers") == 4
        assert metrics.total("lag_records") == 200
        assert (fallen["lag_records"], fallen["members"]) == (0, 1)
        assert await terminate(worker) == await terminate(scaler) == 0
        decided = [each["workers"] for each in events(scaler, "scaling.decided")]
        assert (decided[0], max(decided), decided[-1]) == (0, 4, 0)


async def test_the_number_is_held_while_the_broker_is_away_and_followed_again(
    spare, make_spare_job
):
    async with make_spare_job() as (job, witness):
        scaler = await _started(job)
        await witness.publish(pair(number) for number in range(200))
        await _scale_when(scaler, lambda seen: seen["workers"] == 4)

        await asyncio.to_thread(spare.stop)
        try:
            away = await _scale_when(scaler, lambda seen: not seen["known"])
            await asyncio.sleep(4)  # longer than scaling.idle
            later = await _scale(scaler)
            live = await status(scaler, "/livez")
        finally:
            await asyncio.to_thread(spare.start)
        back = await _scale_when(scaler, lambda seen: seen["known"])

        assert [each["workers"] for each in (away, later, back)] == [4, 4, 4]
        assert away["held"]
        assert (later["lag_records"], later["lag_seconds"], live) == (None, None, 200)
        assert len(events(scaler, "scaling.paused")) == len(events(scaler, "scaling.resumed")) == 1
        assert await terminate(scaler) == 0


async def test_without_a_broker_there_is_no_number_and_the_start_ends(make_job):
    async with make_job() as (job, _):
        nowhere = {"kafka.bootstrap_servers": "127.0.0.1:9", "kafka.start_timeout": "3s"}
        scaler = job.worker(does="scaler", **_QUICK | nowhere)
        scaler.start()

        await becomes(scaler, "/livez", 200)
        assert await status(scaler, "/scale") == await status(scaler, "/readyz") == 503
        assert await asyncio.to_thread(scaler.wait, 30) == Exit.BROKER_UNAVAILABLE


async def test_it_stops_at_once_while_it_waits_for_a_broker(make_job):
    async with make_job() as (job, _):
        nowhere = {"kafka.bootstrap_servers": "127.0.0.1:9"}
        scaler = job.worker(does="scaler", **_QUICK | nowhere)
        scaler.start()
        await becomes(scaler, "/livez", 200)

        assert await terminate(scaler) == 0


async def test_its_page_says_why(make_job):
    async with make_job() as (job, witness):
        scaler = await _started(job)
        await witness.publish(pair(number) for number in range(200))
        await _scale_when(scaler, lambda seen: seen["workers"] == 4)

        page = json.loads((await asyncio.to_thread(scaler.get, "/status.json"))[1])
        assert await status(scaler, "/") == 200
        assert page["scaling"]["workers"] == 4


async def test_the_number_can_be_asked_for_once(make_job):
    async with make_job() as (job, witness):
        await witness.publish(pair(number) for number in range(200))

        code, out, _ = await tidemill(job.worker(**_QUICK), "scaler", "--once")

        assert code == 0
        assert json.loads(out)["workers"] == 4
        assert await job.committed() == {}


async def test_a_service_manager_is_told(make_job, monkeypatch):
    with ServiceManager(watchdog_s=30) as manager:
        for name, value in manager.environment.items():
            monkeypatch.setenv(name, value)
        async with make_job() as (job, _):
            scaler = await _started(job)

            await asyncio.to_thread(manager.wait_for, "READY=1")
            await asyncio.to_thread(manager.wait_for, "STATUS=0 workers: ")
            await asyncio.to_thread(manager.wait_for, "WATCHDOG=1")
            assert await terminate(scaler) == 0
            await asyncio.to_thread(manager.wait_for, "STOPPING=1")


@pytest.mark.long
async def test_what_a_worker_serves_is_measured_under_a_backlog(make_job, busy, record_figure):
    async with make_job(models.loop(), answer=tripped, **{"lanes.l.max_rows": 8}) as (job, witness):
        scaler = await _started(job, **{"scaling.service_rate": 5000.0})
        await witness.publish([busy(0.01)] * 12_000)
        await job.start()

        began_s, before = time.monotonic(), await _answered(job)
        seen = await _scale_when(scaler, lambda seen: seen["service_rate"] < 5000, 90)
        true = (await _answered(job) - before) / (time.monotonic() - began_s)

        record_figure(f"service rate {seen['service_rate']:.0f}/s, by commits {true:.0f}/s")
        assert seen["service_rate"] == pytest.approx(true, rel=0.3)


async def _answered(job):
    return sum((await job.committed()).values())
