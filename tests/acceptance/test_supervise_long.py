"""`tidemill supervise` for minutes: a load curve, kills, outages, hangs; what each costs, printed."""

import asyncio
import random
import signal
import time
from contextlib import asynccontextmanager

import pytest

from tests import models
from tests.acceptance import kills
from tests.acceptance.jobs import events, pair, status, terminate, tripped, until
from tests.acceptance.supervised import (
    kill,
    running,
    serving,
    spawned,
    until_gone,
    until_serving,
)

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

_TWO = {"scaling.min_workers": 2, "scaling.max_workers": 2}
_SIX = {"requests": 6}
_UNCOMMITTED = 2_000
_BOUNDED = {"kafka.max_uncommitted": _UNCOMMITTED, "kafka.commit_interval": "100ms"}


def _judge(witness, moments):
    """Nothing lost, and no more repeated than what each kill exposed, within promise 2's bound."""
    verdict = witness.verdict()
    assert verdict.at_least_once, verdict
    assert [kills.lost(witness.log, moment) for moment in moments] == [set()] * len(moments)
    assert kills.unexplained(witness.log, moments) == set()
    assert max((kills.span(witness.log, moment) for moment in moments), default=0) <= _UNCOMMITTED


@asynccontextmanager
async def _counted(supervisor):
    """Yields a set to which the numbers of serving workers are added."""
    seen = set()

    async def watch():
        while True:
            seen.add(int(await serving(supervisor)))
            await asyncio.sleep(0.2)

    task = asyncio.create_task(watch())
    try:
        yield seen
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _curve(witness, body, *rates, each_s=15.0):
    """Publish at one rate after the other."""
    for rate in rates:
        async with witness.load(rate, lambda _: body):
            await asyncio.sleep(each_s)


async def test_a_load_curve_with_a_burst_is_followed_up_and_down(make_job, busy, record_figure):
    slow = {"lanes.l.max_rows": 1, "scaling.service_rate": 20.0, **_BOUNDED}
    async with make_job(models.loop(), answer=tripped, partitions=_SIX, **slow) as (job, witness):
        supervisor = await job.supervise()
        async with _counted(supervisor) as seen:
            await _curve(witness, busy(0.02), 5, 20)
            await witness.publish([busy(0.05)] * 1000)
            await _curve(witness, busy(0.02), 20, 5)
            await witness.until_all_answered()
            await until_serving(supervisor, 0)

        record_figure(f"numbers of workers that served in the curve: {sorted(seen)}")
        record_figure(f"starts in the curve: {len(spawned(supervisor))}")
        assert seen >= {0, 3}
        _judge(witness, [])
        assert await terminate(supervisor) == 0


async def test_a_kill_every_ten_seconds_loses_nothing_and_repeats_only_what_was_uncommitted(
    make_job, record_figure
):
    three = {"scaling.min_workers": 3, "scaling.max_workers": 3}
    async with make_job(partitions=_SIX, **_BOUNDED) as (job, witness):
        supervisor = await job.supervise(**three)
        await until_serving(supervisor, 3)
        victims = random.Random(6)
        moments, restarts_s = [], []
        async with witness.load(500, pair):
            for _ in range(9):
                began_s = time.monotonic()
                victim = victims.choice(sorted(running(supervisor).items()))[1]
                moments.append(await kills.kill(job, witness, victim))
                await until_serving(supervisor, 3)
                restarts_s.append(time.monotonic() - began_s)
                await asyncio.sleep(max(0.0, began_s + 10.0 - time.monotonic()))
        await witness.until_all_answered()

        record_figure(
            f"from a worker's kill until its successor serves, 9 kills:"
            f" {min(restarts_s):.1f} to {max(restarts_s):.1f} s"
        )
        _judge(witness, moments)
        assert len(events(supervisor, "worker.lost")) == 9
        assert await terminate(supervisor) == 0


async def test_kills_during_rolls_lose_nothing(make_job):
    async with make_job(partitions=_SIX, **_BOUNDED) as (job, witness):
        supervisor = await job.supervise(**_TWO)
        await until_serving(supervisor, 2)
        moments = []
        async with witness.load(500, pair):
            for _ in range(3):
                replaced = len(events(supervisor, "worker.replaced"))
                supervisor.send(signal.SIGHUP)
                await until(lambda: len(events(supervisor, "worker.replaced")) > replaced)  # noqa: B023 -- awaited here
                victim = running(supervisor).get(0)
                if victim is not None:
                    moments.append(await kills.kill(job, witness, victim))
                await until_serving(supervisor, 2)
                await witness.until_answered(len(witness.answered) + 500)
        await witness.until_all_answered()

        _judge(witness, moments)
        assert await terminate(supervisor) == 0


async def test_supervisors_that_are_killed_and_started_again_lose_nothing(make_job):
    async with make_job(partitions=_SIX, **_BOUNDED) as (job, witness):
        supervisor = await job.supervise(**_TWO)
        await until_serving(supervisor, 2)
        async with witness.load(500, pair):
            for _ in range(5):
                await witness.until_answered(len(witness.answered) + 500)
                workers = await kill(supervisor)
                # At once: the next one's workers may meet the last one's, on their way out.
                supervisor.start()
                await asyncio.to_thread(supervisor.wait_until_ready, 60.0)
                await until_gone(workers)
                await until_serving(supervisor, 2)
        await witness.until_all_answered()

        assert witness.verdict().at_least_once, witness.verdict()
        assert await terminate(supervisor) == 0


async def test_a_worker_that_hangs_is_replaced(make_job, record_figure):
    async with make_job(partitions=_SIX, **_BOUNDED) as (job, witness):
        supervisor = await job.supervise(**_TWO)
        await until_serving(supervisor, 2)
        async with witness.load(300, pair):
            await witness.until_answered(300)
            began_s = time.monotonic()
            running(supervisor)[0].send(signal.SIGSTOP)
            await until(lambda: events(supervisor, "worker.lost"), 60.0)
            await until_serving(supervisor, 2)
            record_figure(
                f"from a hang until the successor serves: {time.monotonic() - began_s:.1f} s"
            )
            await witness.until_answered(len(witness.answered) + 300)
        await witness.until_all_answered()

        assert [event["cause"] for event in events(supervisor, "worker.lost")] == ["hung"]
        assert witness.verdict().at_least_once, witness.verdict()
        assert await terminate(supervisor) == 0


async def test_a_broker_that_is_away_for_thirty_seconds_changes_no_number(
    spare, make_spare_job, record_figure
):
    async with make_spare_job(partitions=_SIX) as (job, witness):
        supervisor = await job.supervise(**{"scaling.min_workers": 2})
        await until_serving(supervisor, 2)
        await witness.publish(pair(number) for number in range(500))
        await witness.until_all_answered()
        before = running(supervisor)

        await asyncio.to_thread(spare.stop)
        try:
            await until(lambda: events(supervisor, "scaling.paused"))
            await asyncio.sleep(30.0)
            assert await status(supervisor, "/livez") == 200
            assert await status(supervisor, "/readyz") == 503
            assert running(supervisor) == before
        finally:
            await asyncio.to_thread(spare.start)
        began_s = time.monotonic()
        await until(lambda: events(supervisor, "scaling.resumed"), 60.0)
        await witness.publish(pair(number) for number in range(500))
        await witness.until_all_answered()

        record_figure(
            f"from a broker's return to the last reply: {time.monotonic() - began_s:.1f} s"
        )
        assert before.items() <= running(supervisor).items(), "somebody was ended for it"
        assert witness.verdict().at_least_once, witness.verdict()
        assert await terminate(supervisor) == 0


async def test_workers_wake_after_the_broker_was_away_while_there_were_none(spare, make_spare_job):
    async with make_spare_job() as (job, witness):
        supervisor = await job.supervise()
        await witness.publish([pair(0)])
        await witness.until_all_answered()
        await until(lambda: running(supervisor) == {})

        await asyncio.to_thread(spare.stop)
        try:
            await until(lambda: events(supervisor, "scaling.paused"))
            await asyncio.sleep(5.0)
            assert running(supervisor) == {}
        finally:
            await asyncio.to_thread(spare.start)
        await witness.publish([pair(1)])
        await witness.until_all_answered()

        assert witness.verdict().exactly_once, witness.verdict()
        assert await terminate(supervisor) == 0
