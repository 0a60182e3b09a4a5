"""Windows under `tidemill supervise`: without their broker, on two hosts, beside others, exactly once."""

import asyncio
import time
from contextlib import asynccontextmanager
from math import ceil

import pytest

from tests import models
from tests.acceptance.jobs import events, metric, terminate, tripped, until
from tests.acceptance.moments import SUPERVISED, answered_ms, at_moment, beside
from tests.acceptance.supervised import running, spawned, until_serving

pytestmark = [pytest.mark.faults, pytest.mark.kafka, pytest.mark.timeout(300)]

_AHEAD_S = 25.0
_EVERY_S = 20
_EARLY = {"lanes.l.early": "6s"}
_BY_THE_CLOCK = _EARLY | {"lanes.l.open": [f"*/{_EVERY_S} * * * * *"], "lanes.l.zone": "UTC"}
_CALM = {"kafka.session_timeout": "10s"}
"""Nobody is taken for dead because the machine is busy."""


@pytest.fixture
def make(make_job):
    return lambda **settings: make_job(models.loop(), answer=tripped, **SUPERVISED, **settings)


def next_moment_s(wall_s):
    return ceil(wall_s / _EVERY_S) * _EVERY_S


async def until_all(witness, correlations):
    """Return when all of them are answered."""
    await until(lambda: witness.answered >= set(correlations), patience_s=120)


async def test_a_broker_that_is_away_at_the_moment_delays_it_and_costs_nothing(
    spare, make_spare_job, busy
):
    slow = {"scaling.min_workers": 1, **SUPERVISED}
    async with make_spare_job(models.loop(), answer=tripped, **slow) as (job, witness):
        moment_s = ceil(time.time() + _AHEAD_S)
        await witness.publish([busy(0.02)] * 120)
        supervisor = await job.supervise(**at_moment(moment_s), **_EARLY)
        await until_serving(supervisor, 1)
        await asyncio.sleep(moment_s - 8 - time.time())
        await asyncio.to_thread(spare.stop)
        was_away = time.time() < moment_s
        try:
            await asyncio.sleep(moment_s + 2 - time.time())
        finally:
            await asyncio.to_thread(spare.start)
        await witness.until_all_answered(60)
        await until_serving(supervisor, 1)

        assert witness.verdict().at_least_once, witness.verdict()
        assert min(entry.timestamp_ms for entry in witness.log) >= moment_s * 1000
        assert events(supervisor, "scaling.resumed")
        assert not events(supervisor, "partition.stalled")
        assert await metric(supervisor, "window_openings_total", outcome="missed") == 0
        if was_away:
            # The worker counts it when all is served, and tells its supervisor a moment later.
            await until(lambda: metric(supervisor, "window_openings_total", outcome="late"))
            assert await metric(supervisor, "window_openings_total", outcome="on_time") == 0
        assert await terminate(supervisor) == 0


async def test_two_hosts_serve_each_window_together_and_both_end_with_it(make, busy):
    async with make(**_CALM, **_BY_THE_CLOCK) as (job, witness):
        hosts = [await job.supervise(**{"kafka.instance_id": name}) for name in ("east", "west")]
        for _ in range(2):
            came_s = time.time()
            requests = await witness.publish([busy(0.05)] * 120)
            await until_all(witness, requests)
            for host in hosts:
                await until_serving(host, 0)

            assert min(answered_ms(witness, requests).values()) >= next_moment_s(came_s) * 1000

        assert witness.verdict().exactly_once, witness.verdict()
        assert all(spawned(host) for host in hosts)
        assert not any(events(host, "worker.lost") for host in hosts)
        assert [await terminate(host) for host in hosts] == [0, 0]


@asynccontextmanager
async def asked_all_the_time(job, witness, body):
    """Urgent requests, each after the answer to the one before; yields their correlation ids."""
    asked, stop = [], asyncio.Event()

    async def ask():
        while not stop.is_set():
            asked.extend(await witness.publish([body], topic=job.names.urgent))
            await witness.until(asked[-1])
            await asyncio.sleep(0.2)

    task = asyncio.create_task(ask())
    try:
        yield asked
    finally:
        stop.set()
        await task


async def test_an_urgent_lane_is_served_before_in_and_after_the_window_beside_it(make, busy):
    partitions = {"requests": 4, "urgent": 2}
    async with make(partitions=partitions, **_CALM) as (job, witness):
        moment_s = ceil(time.time() + _AHEAD_S)
        documents = await witness.publish([busy(0.05)] * 120)
        settings = at_moment(moment_s) | beside(job) | _EARLY
        supervisor = await job.supervise(**settings)
        async with asked_all_the_time(job, witness, busy(0.05)) as asked:
            await until(lambda: len(asked) > 3)
            await until_all(witness, documents)
            assert len(spawned(supervisor)) > 1  # how many is a matter of how busy the machine is
            await until_serving(supervisor, 1)
            later = await witness.publish([busy(0.02)] * 20)
            count = len(asked)
            await until(lambda: len(asked) > count + 5)
            assert not witness.answered & set(later), "it is shut again"
        await until_serving(supervisor, 0)

        written_ms = sorted(answered_ms(witness, documents).values())
        urgent_ms = sorted(answered_ms(witness, asked).values())
        assert written_ms[0] >= moment_s * 1000
        assert urgent_ms[0] < written_ms[0] < written_ms[-1] < urgent_ms[-1]
        assert any(written_ms[0] < each < written_ms[-1] for each in urgent_ms)
        assert witness.unanswered == set(later)
        assert not witness.verdict().repeated, witness.verdict()
        assert await terminate(supervisor) == 0


async def test_exactly_once_holds_where_workers_are_killed_in_the_window(make, busy):
    delivery = {"kafka.delivery": "exactly-once", "kafka.transaction_interval": "300ms"}
    async with make(**delivery, **_BY_THE_CLOCK) as (job, witness):
        requests = await witness.publish([busy(0.05)] * 200)
        supervisor = await job.supervise()
        for kills in range(1, 4):
            await until(lambda: running(supervisor), patience_s=60)
            await witness.until_answered(len(witness.answered) + 20)
            next(iter(running(supervisor).values())).kill()
            await until(lambda kills=kills: len(events(supervisor, "worker.lost")) == kills)
        await until_all(witness, requests)
        await until_serving(supervisor, 0)
        came_s = time.time()
        later = await witness.publish([busy(0.02)] * 40)
        await until_all(witness, later)
        await until_serving(supervisor, 0)

        assert witness.verdict().exactly_once, witness.verdict()
        assert min(answered_ms(witness, later).values()) >= next_moment_s(came_s) * 1000
        assert await terminate(supervisor) == 0
