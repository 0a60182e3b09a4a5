"""`tidemill supervise`: workers come and go with the load, and nothing is lost whatever happens."""

import asyncio
import json
import signal
import time

import pytest

from tests import models
from tests.acceptance import kills
from tests.acceptance.jobs import (
    END_S,
    READY_S,
    events,
    metric,
    pair,
    start,
    status,
    terminate,
    tripped,
    until,
)
from tests.acceptance.supervised import (
    kill,
    running,
    spawned,
    until_gone,
    until_serving,
)
from tests.service_manager import ServiceManager

_TWO = {"scaling.min_workers": 2, "scaling.max_workers": 2}
_ONE_BY_ONE = {"lanes.l.max_rows": 1}


async def test_workers_follow_the_load_from_none_to_the_most_and_back(
    make_job, busy, record_figure
):
    slow = {**_ONE_BY_ONE, "scaling.service_rate": 20.0}
    many = {"requests": 6}
    async with make_job(models.loop(), answer=tripped, partitions=many, **slow) as (job, witness):
        supervisor = await job.supervise()
        assert running(supervisor) == {}

        began_s = time.monotonic()
        (first,) = await witness.publish([busy(0.001)])
        await witness.until(first)
        record_figure(
            f"from the first record to its reply, from no worker: {time.monotonic() - began_s:.2f} s"
        )
        await witness.publish([busy(0.03)] * 500)
        await until_serving(supervisor, 3)
        await witness.publish([busy(0.03)] * 50)
        await witness.until_all_answered()
        await until_serving(supervisor, 0)

        await until(lambda: running(supervisor) == {})
        assert witness.verdict().exactly_once, witness.verdict()
        assert {event["exit_code"] for event in events(supervisor, "worker.exited")} == {0}
        assert await terminate(supervisor) == 0


async def test_a_killed_worker_is_replaced_in_its_slot_and_nothing_is_lost(make_job):
    async with make_job() as (job, witness):
        supervisor = await job.supervise(**_TWO)
        await until_serving(supervisor, 2)
        async with witness.load(500, pair):
            await witness.until_answered(500)
            moment = await kills.kill(job, witness, running(supervisor)[1])
            await until(lambda: len(spawned(supervisor)) == 3)
            await until_serving(supervisor, 2)
            await witness.until_answered(len(witness.answered) + 500)
        await witness.until_all_answered()

        assert witness.verdict().at_least_once, witness.verdict()
        assert kills.lost(witness.log, moment) == set()
        assert kills.unexplained(witness.log, [moment]) == set()
        assert [event["slot"] for event in events(supervisor, "worker.lost")] == [1]
        assert await metric(supervisor, "worker_restarts_total", cause="killed") == 1
        assert await terminate(supervisor) == 0


async def test_hangup_replaces_the_workers_one_by_one_and_loses_nothing(make_job, record_figure):
    async with make_job() as (job, witness):
        supervisor = await job.supervise(**_TWO)
        await until_serving(supervisor, 2)
        before = spawned(supervisor)
        async with witness.load(500, pair):
            await witness.until_answered(500)
            config = job.folder / "worker-0.toml"
            config.write_text(config.read_text() + 'lanes.l.max_bytes = "1MiB"\n')
            supervisor.send(signal.SIGHUP)
            await until(lambda: events(supervisor, "roll.finished"), 2 * READY_S)
            await witness.until_answered(len(witness.answered) + 500)
        await witness.until_all_answered()

        assert witness.verdict().exactly_once, witness.verdict()
        assert len(spawned(supervisor)) == 4
        replaced = events(supervisor, "worker.replaced")
        pauses = ", ".join(f"{event['pause_s']:.2f} s" for event in replaced)
        record_figure(f"from a worker's drain to its replacement in a roll: {pauses}")
        assert [event["slot"] for event in replaced] == [0, 1]
        assert not {process.pid for process in before} & {
            process.pid for process in running(supervisor).values()
        }


@pytest.mark.long
async def test_settings_that_cannot_serve_replace_nobody(make_job):
    async with make_job() as (job, witness):
        supervisor = await job.supervise(**_TWO)
        await until_serving(supervisor, 2)
        before = running(supervisor)
        (job.folder / "model.onnx").write_bytes(b"not a model")

        supervisor.send(signal.SIGHUP)
        await until(lambda: events(supervisor, "settings.refused"))

        assert "model m" in events(supervisor, "settings.refused")[0]["reason"]
        await witness.publish(pair(number) for number in range(100))
        await witness.until_all_answered()
        assert running(supervisor) == before


async def test_a_reclaimed_machine_loses_nothing(make_job, busy):
    """A spot machine gets SIGTERM, and SIGKILL for all that is left when its grace is over."""
    async with make_job(models.loop(), answer=tripped, **_ONE_BY_ONE) as (job, witness):
        supervisor = await job.supervise(**_TWO)
        await until_serving(supervisor, 2)
        await witness.publish([busy(0.2)] * 30)
        await witness.until_answered(4)

        supervisor.send(signal.SIGTERM)
        await asyncio.sleep(1.0)
        left = await kill(supervisor)
        for process in left:
            process.kill()
        assert witness.unanswered
        await until_gone(left)

        await start(supervisor)
        await witness.until_all_answered()
        assert witness.verdict().at_least_once, witness.verdict()
        assert await terminate(supervisor) == 0


async def test_workers_drain_when_their_supervisor_is_killed(make_job, busy):
    async with make_job(models.loop(), answer=tripped, **_ONE_BY_ONE) as (job, witness):
        supervisor = await job.supervise(**_TWO)
        await until_serving(supervisor, 2)
        await witness.publish([busy(0.02)] * 100)
        await witness.until_answered(10)

        workers = await kill(supervisor)
        await until_gone(workers)

        assert len(workers) == 2
        assert [event["exit_code"] for event in events(supervisor, "worker.stopped")] == [0, 0]
        await witness.publish([busy(0.02)] * 10)
        assert witness.unanswered
        await start(supervisor)
        await witness.until_all_answered()
        assert witness.verdict().exactly_once, witness.verdict()


async def test_a_model_that_cannot_serve_ends_the_supervisor(make_job):
    async with make_job() as (job, witness):
        (job.folder / "model.onnx").write_bytes(b"not a model")
        supervisor = await job.supervise()
        await witness.publish([pair(0)])

        assert await asyncio.to_thread(supervisor.wait, END_S) == 65
        assert running(supervisor) == {}


@pytest.mark.long
async def test_a_second_sigterm_ends_supervisor_and_workers_at_once(make_job, busy):
    async with make_job(models.loop(), answer=tripped, **_ONE_BY_ONE) as (job, witness):
        supervisor = await job.supervise(**_TWO, **{"limits.drain": "60s"})
        await until_serving(supervisor, 2)
        await witness.publish([busy(1.0)] * 20)
        await witness.until_answered(1)
        workers = list(running(supervisor).values())

        supervisor.send(signal.SIGTERM)
        await until(lambda: len(events(supervisor, "drain.started")) == 3)
        supervisor.send(signal.SIGTERM)

        assert await asyncio.to_thread(supervisor.wait, END_S) == 75
        await until_gone(workers)
        assert witness.unanswered


async def test_a_service_manager_is_told_without_any_worker(make_job, monkeypatch):
    with ServiceManager(watchdog_s=30) as manager:
        for name, value in manager.environment.items():
            monkeypatch.setenv(name, value)
        async with make_job() as (job, _):
            supervisor = await job.supervise()

            await asyncio.to_thread(manager.wait_for, "READY=1")
            await asyncio.to_thread(manager.wait_for, "WATCHDOG=1")
            await asyncio.to_thread(manager.wait_for, "STATUS=0 of 0 workers serve, lag 0, ")
            assert running(supervisor) == {}
            assert await terminate(supervisor) == 0
            await asyncio.to_thread(manager.wait_for, "STOPPING=1")


async def test_the_metrics_of_all_workers_are_served_under_one_address(make_job):
    async with make_job() as (job, witness):
        supervisor = await job.supervise(**_TWO)
        await until_serving(supervisor, 2)
        await witness.publish(pair(number) for number in range(400))
        await witness.until_all_answered()

        metrics = await asyncio.to_thread(supervisor.metrics)

        assert metrics.total("requests_total", outcome="ok") == 400
        assert set(metrics.by("worker", "requests_total")) == {"0", "1"}
        assert metrics.total("desired_workers") == 2
        assert await status(supervisor, "/livez") == 200
        assert await status(supervisor, "/readyz") == 200
        assert await status(supervisor, "/") == 200


async def test_what_workers_did_last_is_known_after_their_end(make_job):
    async with make_job() as (job, witness):
        supervisor = await job.supervise(**_TWO)
        await until_serving(supervisor, 2)
        async with witness.load(500, pair):
            await witness.until_answered(500)
            supervisor.send(signal.SIGHUP)
            await until(lambda: events(supervisor, "roll.finished"))
        await witness.until_all_answered()
        assert witness.verdict().exactly_once, witness.verdict()
        answers = len(witness.answered)

        async def seen():
            page = json.loads((await asyncio.to_thread(supervisor.get, "/status.json"))[1])
            return page["work"]["answers"] >= answers

        await until(seen)
        assert await metric(supervisor, "requests_total") == answers
        assert await terminate(supervisor) == 0
