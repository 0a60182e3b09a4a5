"""A lane that opens by the clock beside an urgent one, with moments of a second."""

import asyncio
import time
from math import ceil

import pytest

from tests import models
from tests.acceptance.jobs import events, metric, pair, start, status, terminate, tripped, until
from tests.acceptance.kills import kill, lost
from tests.acceptance.moments import (
    SUPERVISED,
    answered_ms,
    answered_until,
    at_moment,
    beside,
    ready_by,
    until_shut,
)
from tests.acceptance.supervised import kill as kill_supervisor
from tests.acceptance.supervised import running, spawned, until_gone, until_serving
from tests.acceptance.test_one_shot import once

_AHEAD_S = 8.0
"""A worker is up by then unless the machine is very busy; it would serve the moment late then."""
_PARTITIONS = {"requests": 4, "urgent": 2}


async def waiting(worker, topic, count):
    """Whether the worker knows that so many wait."""
    return await metric(worker, "waiting_records", topic=topic) == count


async def test_nothing_of_a_shut_lane_is_answered_and_after_its_moment_everything(make_job):
    async with make_job(partitions=_PARTITIONS) as (job, witness):
        moment_s = ceil(time.time() + _AHEAD_S)
        documents = await witness.publish(pair(number) for number in range(100))
        settings = at_moment(moment_s) | beside(job)
        worker = await job.start(**settings)
        meanwhile = await answered_until(job, witness, moment_s - 0.5)
        await witness.until_all_answered()
        await until_shut(worker, 100)

        written_ms = answered_ms(witness, documents)
        assert written_ms.keys() == set(documents)
        assert min(written_ms.values()) >= moment_s * 1000
        assert await metric(worker, "flushes_total", lane="l", cause="full") == 100 // 32
        assert await metric(worker, "flushes_total", lane="l") == 100 // 32 + 1
        (told,) = events(worker, "window.ended")
        assert told["outcome"] == ("on_time" if meanwhile else told["outcome"])
        assert (told["results"], told["batches"]) == (100, 100 // 32 + 1)
        assert await metric(worker, "window_openings_total", outcome=told["outcome"]) == 1

        later = await witness.publish(pair(number) for number in range(5))
        assert await answered_until(job, witness, time.time() + 1.5) > 0
        assert not witness.answered & set(later), "it is shut again"
        assert await metric(worker, "lag_records", topic=job.names.requests) == 0
        await until(lambda: waiting(worker, job.names.requests, 5))
        assert await status(worker, "/readyz") == 200
        assert await terminate(worker) == 0

        code, told = await once(job, **settings)
        assert (code, told["results"]) == (0, 5), "a run that ends has all lanes open"
        await witness.catch_up()
        assert witness.verdict().exactly_once, witness.verdict()


@pytest.mark.long
async def test_who_is_killed_in_a_window_leaves_the_rest_to_the_other(make_job, busy):
    async with make_job(models.loop(), answer=tripped) as (job, witness):
        moment_s = ceil(time.time() + _AHEAD_S)
        await witness.publish([busy(0.05)] * 300)
        settings = at_moment(moment_s) | {"lanes.l.max_rows": 4, "lanes.l.max_waiting": 16}
        workers = [job.worker(**settings) for _ in range(2)]
        for worker in workers:
            worker.start()
        await witness.until_answered(20)
        seen = await kill(job, witness, workers[0])
        await witness.until_all_answered()

        assert min(entry.timestamp_ms for entry in witness.log) >= moment_s * 1000
        assert not lost(witness.log, seen)
        assert not witness.unanswered
        assert await terminate(workers[1]) == 0


@pytest.mark.long
async def test_a_broker_that_is_silent_at_the_moment_delays_it(spare, make_spare_job):
    async with make_spare_job() as (job, witness):
        moment_s = ceil(time.time() + _AHEAD_S)
        await witness.publish(pair(number) for number in range(100))
        worker = await job.start(**at_moment(moment_s))
        await asyncio.sleep(moment_s - 1 - time.time())
        spare.pause()
        try:
            await asyncio.sleep(5)
        finally:
            spare.resume()
        await witness.until_all_answered()

        assert witness.verdict().exactly_once, witness.verdict()
        assert min(entry.timestamp_ms for entry in witness.log) >= moment_s * 1000
        (told,) = events(worker, "window.ended")
        assert told["outcome"] == "late"
        assert told["delay_s"] >= 4


@pytest.mark.long
async def test_workers_that_are_replaced_one_by_one_in_a_window_serve_all_of_it(make_job, busy):
    async with make_job(models.loop(), answer=tripped) as (job, witness):
        moment_s = ceil(time.time() + _AHEAD_S)
        await witness.publish([busy(0.05)] * 300)
        settings = at_moment(moment_s) | {"lanes.l.max_rows": 4, "lanes.l.max_waiting": 16}
        workers = [job.worker(**settings) for _ in range(2)]
        for worker in workers:
            worker.start()
        for worker in workers:
            await witness.until_answered(len(witness.answered) + 20)
            assert await terminate(worker) == 0
            await start(worker)
        await witness.until_all_answered()

        assert min(entry.timestamp_ms for entry in witness.log) >= moment_s * 1000
        assert witness.verdict().exactly_once, witness.verdict()


async def test_a_supervised_fleet_is_up_only_for_its_moment(make_job, busy):
    async with make_job(models.loop(), answer=tripped, **SUPERVISED) as (job, witness):
        moment_s = ceil(time.time() + _AHEAD_S)
        early = {"lanes.l.early": "4s", "scaling.down_window": "10min", "scaling.idle": "10min"}
        await witness.publish([busy(0.02)] * 120)
        supervisor = await job.supervise(**at_moment(moment_s), **early)
        await until(lambda: spawned(supervisor))
        assert time.time() >= moment_s - 4
        await until_serving(supervisor, 2)
        await witness.until_all_answered()
        assert witness.verdict().exactly_once, witness.verdict()
        await until_shut(supervisor, 120)
        later = await witness.publish([busy(0.02)] * 20)
        await until_serving(supervisor, 0)

        assert min(entry.timestamp_ms for entry in witness.log) >= moment_s * 1000
        assert len(spawned(supervisor)) == 2
        assert not witness.answered & set(later)
        decided = events(supervisor, "scaling.decided")
        assert [event["workers"] for event in decided][-2:] == [2, 0]
        assert not events(supervisor, "partition.stalled")
        assert await terminate(supervisor) == 0


async def test_a_supervised_fleet_comes_as_late_as_all_can_be_ready_by_a_time(make_job, busy):
    """Some 6 s of two workers, reckoned with 20 a second, 6 s before the time; 7 s for a start."""
    async with make_job(models.loop(), answer=tripped, **SUPERVISED) as (job, witness):
        time_s = ceil(time.time() + 26)
        to_be_ready = ready_by(time_s, margin="6s", early="7s", catch_up="8s")
        await witness.publish([busy(0.02)] * 240)
        supervisor = await job.supervise(**to_be_ready)
        await until(lambda: spawned(supervisor))
        assert time.time() >= time_s - 6 - 8 - 7
        slack_s = await metric(supervisor, "ready_by_slack_seconds", lane="l")
        assert 0 < slack_s < 6 + 8 + 1
        await witness.until_all_answered()
        assert witness.verdict().exactly_once, witness.verdict()
        await until_shut(supervisor, 240)
        later = await witness.publish([busy(0.02)] * 20)
        await until_serving(supervisor, 0)
        await until(lambda: time.time() > time_s + 1)

        at_ms = [entry.timestamp_ms for entry in witness.log]
        assert min(at_ms) >= (time_s - 6 - 8) * 1000
        assert max(at_ms) <= time_s * 1000
        assert not witness.answered & set(later), "they came after its opening"
        decided = [event["workers"] for event in events(supervisor, "scaling.decided")]
        assert decided[-2:] == [2, 0]
        met = events(supervisor, "ready_by.met")
        assert [each["partitions"] for each in met if "partitions" in each] == [2, 2]
        (whole,) = [each for each in met if "partitions" not in each]
        assert whole["spare_s"] > 0
        assert not events(supervisor, "ready_by.missed")
        assert await terminate(supervisor) == 0


@pytest.mark.long
@pytest.mark.parametrize("whom", ["worker", "supervisor"])
async def test_who_is_killed_before_a_time_is_replaced_and_all_is_ready(make_job, busy, whom):
    """10 s of one worker; the margin is for the session of who died, and a start."""
    async with make_job(models.loop(), answer=tripped, **SUPERVISED) as (job, witness):
        time_s = ceil(time.time() + 60)
        to_be_ready = ready_by(time_s, margin="30s", early="5s", catch_up="12s")
        await witness.publish([busy(0.05)] * 200)
        supervisor = await job.supervise(**to_be_ready)
        await witness.until_answered(20)
        if whom == "worker":
            running(supervisor)[0].kill()
        else:
            await until_gone(await kill_supervisor(supervisor))
            await start(supervisor)
        await witness.until_all_answered()
        await until_serving(supervisor, 0)

        at_ms = [entry.timestamp_ms for entry in witness.log]
        assert min(at_ms) >= (time_s - 30 - 12) * 1000
        assert max(at_ms) <= time_s * 1000
        assert witness.verdict().at_least_once, witness.verdict()
        assert not events(supervisor, "ready_by.missed")
        assert await terminate(supervisor) == 0


@pytest.mark.long
@pytest.mark.parametrize("whom", ["worker", "supervisor"])
async def test_who_is_killed_in_a_window_is_replaced_for_the_rest_of_it(make_job, busy, whom):
    by_clock = {"lanes.l.open": ["*/20 * * * * *"], "lanes.l.zone": "UTC", "lanes.l.early": "4s"}
    async with make_job(models.loop(), answer=tripped, **SUPERVISED) as (job, witness):
        await witness.publish([busy(0.05)] * 200)
        supervisor = await job.supervise(**by_clock)
        await witness.until_answered(20)
        if whom == "worker":
            running(supervisor)[0].kill()
        else:
            await until_gone(await kill_supervisor(supervisor))
            await start(supervisor)
        await witness.until_all_answered()
        await until_serving(supervisor, 0)
        before, came_s = len(spawned(supervisor)), time.time()
        later = await witness.publish([busy(0.02)] * 40)
        await witness.until_all_answered()
        await until_serving(supervisor, 0)

        assert witness.verdict().at_least_once, witness.verdict()
        assert min(answered_ms(witness, later).values()) >= ceil(came_s / 20) * 20_000
        assert len(spawned(supervisor)) > before
        assert await terminate(supervisor) == 0
