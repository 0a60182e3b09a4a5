"""A fleet that sleeps while requests gather: it wakes at N or T, and is gone again in between."""

import asyncio
import time

import pytest

from tests.acceptance.jobs import events, pair, terminate, until
from tests.acceptance.supervised import kill, running, spawned, until_gone, until_serving

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

T_S, N = 20.0, 32
_LOAD_S = 100.0
LATE_S = 15.0
"""A start, a look and a run, on a machine that others use as well."""
_PATIENT = {"lanes.l.linger": f"{T_S:g}s", "lanes.l.max_rows": N, "scaling.start_time": "2s"}
_HURRIED = {"kafka.poll_interval": "3s"}
_ASLEEP = {"scaling.start_time": "2s", "scaling.idle": "50s"}
"""That they end at once is not for want of anything that comes."""


async def _asleep(supervisor):
    await until_serving(supervisor, 0)
    await until(lambda: running(supervisor) == {})


def _waits_s(witness, began_s):
    """How long after `began_s` each reply came."""
    return sorted(entry.reply.received_s - began_s for entry in witness.log)


async def test_it_sleeps_until_what_gathers_is_due(make_job, record_figure):
    async with make_job(**_PATIENT) as (job, witness):
        supervisor = await job.supervise(**_ASLEEP)
        began_s = time.monotonic()
        await witness.publish(map(pair, range(5)))
        await asyncio.sleep(T_S / 2)
        assert spawned(supervisor) == []
        await witness.publish(map(pair, range(5)))
        await witness.until_all_answered()

        waits_s = _waits_s(witness, began_s)
        record_figure(
            f"T = {T_S:g} s, from none: replies after {waits_s[0]:.1f} to {waits_s[-1]:.1f} s"
        )
        assert waits_s[0] >= T_S - 0.5
        assert waits_s[-1] <= T_S + LATE_S
        await _asleep(supervisor)
        assert len(spawned(supervisor)) == 1
        assert witness.verdict().exactly_once, witness.verdict()
        assert await terminate(supervisor) == 0


async def test_a_full_batch_wakes_it_at_once(make_job):
    async with make_job(**_PATIENT) as (job, witness):
        supervisor = await job.supervise(**_ASLEEP)
        began_s = time.monotonic()
        await witness.publish(map(pair, range(N)))
        await witness.until_all_answered()

        assert _waits_s(witness, began_s)[-1] <= LATE_S
        await _asleep(supervisor)
        assert witness.verdict().exactly_once, witness.verdict()
        assert await terminate(supervisor) == 0


async def test_what_was_read_and_is_not_due_goes_back_to_kafka_and_keeps_its_time(
    make_job, record_figure
):
    """One record a second; a start that is slow on a busy machine is worth a sleep of 40 s still."""
    longer = {"lanes.l.linger": "40s", "lanes.l.max_rows": 64}
    async with make_job(**_PATIENT | longer) as (job, witness):
        supervisor = await job.supervise(**_ASLEEP)
        up_s, began_s = 0.0, time.monotonic()
        async with witness.load(1, pair):
            while time.monotonic() - began_s < _LOAD_S:
                up_s += 0.2 * bool(running(supervisor))
                await asyncio.sleep(0.2)
        await witness.until_all_answered(patience_s=60.0)
        await _asleep(supervisor)

        record_figure(f"1 record/s, T = 40 s: a worker is there for {up_s / _LOAD_S:.0%}")
        assert up_s <= 0.6 * _LOAD_S
        assert sum(event["requests"] for event in events(supervisor, "gathering.left")) > 0
        assert witness.verdict().exactly_once, witness.verdict()
        assert await terminate(supervisor) == 0


async def test_a_worker_gathers_for_longer_than_the_poll_interval_though_its_lane_is_full(make_job):
    """Half of what the lane may hold is of another model, so that no batch is full."""
    full = {"lanes.l.max_waiting": 40, "lanes.l.max_rows": 40, "lanes.l.models": ["m", "n"]}
    other = {"models.n.path": "model.onnx", "models.n.device": "cpu"}
    async with make_job(**_PATIENT | _HURRIED | full | other) as (job, witness):
        worker = await job.start()
        began_s = time.monotonic()
        await witness.publish(map(pair, range(20)))
        await witness.publish(map(pair, range(20)), headers=[("model", b"n")])
        await witness.until_all_answered()

        assert _waits_s(witness, began_s)[0] >= T_S - 0.5
        assert witness.verdict().exactly_once, witness.verdict()
        assert len(events(worker, "partitions.assigned")) == 1
        assert await terminate(worker) == 0


async def test_a_supervisor_that_starts_while_it_gathers_keeps_to_the_time(make_job):
    async with make_job(**_PATIENT) as (job, witness):
        supervisor = await job.supervise(**_ASLEEP)
        began_s = time.monotonic()
        await witness.publish(map(pair, range(5)))
        await asyncio.sleep(0.8 * T_S)
        await until_gone(await kill(supervisor))
        second = await job.supervise(**_ASLEEP)
        await witness.until_all_answered()

        waits_s = _waits_s(witness, began_s)
        assert T_S - 0.5 <= waits_s[0] <= waits_s[-1] <= T_S + LATE_S
        await _asleep(second)
        assert await terminate(second) == 0
