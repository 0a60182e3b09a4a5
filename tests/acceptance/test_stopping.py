"""How a worker ends when it is told to: what it holds is answered, committed, and left to nobody."""

import asyncio
import signal
import time

import pytest

from tests import models
from tests.acceptance.jobs import END_S, events, held, pair, start, terminate, tripped, until

_STARTING_S = 60
"""How long a worker may go on starting, while nobody tells it to stop."""

_SLOW = f"""
import time

class Slow:
    def __init__(self, model):
        if (model.parent / "slow").exists():
            (model.parent / "began").touch()
            time.sleep({_STARTING_S})

    def preprocess(self, body, headers): ...

    def postprocess(self, outputs): ...
"""


async def _begun(worker):
    """Return when `worker` has begun to drain."""
    await until(lambda: events(worker, "drain.started"))


async def test_sigterm_in_mid_batch_leaves_nothing_unanswered_and_repeats_nothing(make_job, busy):
    batches = {"lanes.l.max_rows": 8}
    async with make_job(models.loop(), answer=tripped, **batches) as (job, witness):
        worker = await job.start()
        await witness.publish([busy(0.02)] * 200)
        await witness.until_answered(1)
        worker.send(signal.SIGTERM)
        await _begun(worker)
        left = await witness.publish([busy(0.02)] * 40)
        assert await asyncio.to_thread(worker.wait, END_S) == 0

        await witness.catch_up()
        committed = await job.committed()
        assert witness.unanswered >= set(left)
        assert len(witness.answered) >= 150, "what it held was not answered"
        assert witness.answered_offsets() == {
            number: list(range(end)) for number, end in committed.items() if end
        }

        await job.start()
        await witness.until_all_answered()
        assert witness.verdict().exactly_once, witness.verdict()


async def test_sigterm_flushes_what_still_gathers_as_one_batch(make_job):
    async with make_job(**{"lanes.l.max_rows": 100, "lanes.l.linger": "60s"}) as (job, witness):
        worker = await job.start()
        await witness.publish(pair(number) for number in range(50))
        await held(worker, 50)

        assert await terminate(worker) == 0

        await witness.until_all_answered()
        assert witness.verdict().exactly_once, witness.verdict()
        assert {entry.reply.headers["batch-rows"] for entry in witness.log} == {b"50"}


async def test_a_second_sigterm_ends_at_once_and_loses_nothing(make_job, busy):
    alone = {"lanes.l.max_rows": 1, "kafka.instance_id": "slot-0"}
    async with make_job(models.loop(), answer=tripped, **alone) as (job, witness):
        worker = await job.start()
        await witness.publish([busy(0.3)] * 5)
        await held(worker, 4)
        worker.send(signal.SIGTERM)
        await _begun(worker)

        worker.send(signal.SIGTERM)
        assert await asyncio.to_thread(worker.wait, END_S) == 75

        # Long before limits.drain is over.
        assert witness.unanswered
        await job.start()
        await witness.until_all_answered()
        assert witness.verdict().at_least_once, witness.verdict()


async def test_a_drain_that_takes_too_long_exits_75_and_loses_nothing(make_job, busy):
    short = {
        "limits.drain": "1s",
        "limits.publish": "1s",
        "models.m.run_limit": "1s",
        "lanes.l.max_rows": 1,
    }
    async with make_job(models.loop(), answer=tripped, **short) as (job, witness):
        worker = await job.start()
        await witness.publish([busy(0.2)] * 20)
        await held(worker, 15)

        assert await terminate(worker) == 75

        assert events(worker, "drain.expired")
        await witness.catch_up()
        assert witness.unanswered
        await job.start()
        await witness.until_all_answered()
        # What was answered in time was committed on the way out; but the one answer that the broker may
        # have had on its way when the time was over.
        verdict = witness.verdict()
        assert verdict.at_least_once, verdict
        assert verdict.repeated.total() <= 1, verdict


async def _ends_at_once(worker):
    began_s = time.monotonic()
    assert await terminate(worker) == 0
    assert time.monotonic() - began_s < _STARTING_S / 4
    assert not events(worker, "worker.failed")


async def test_sigterm_while_no_broker_answers_yet_ends_at_once(make_job):
    away = {"kafka.bootstrap_servers": "127.0.0.1:1", "kafka.start_timeout": f"{_STARTING_S}s"}
    async with make_job() as (job, _):
        worker = job.worker(**away)
        worker.start()
        await until(lambda: events(worker, "model.loaded"))

        await _ends_at_once(worker)


async def test_sigterm_while_the_group_cannot_be_joined_ends_at_once(spare, make_spare_job):
    patient = {"kafka.start_timeout": f"{_STARTING_S}s"}
    async with make_spare_job() as (job, _):
        spare.pause()
        try:
            worker = job.worker(**patient)
            worker.start()
            await until(lambda: events(worker, "model.loaded"))
            await _ends_at_once(worker)
        finally:
            spare.resume()


@pytest.mark.parametrize("again", [False, True], ids=["at the start", "by a reload"])
async def test_sigterm_while_a_model_is_loaded_ends_at_once(make_job, again):
    slow = {"models.m.transform": "slow.py:Slow", "lanes.l.content_type": "application/json"}
    async with make_job(**slow) as (job, _):
        (job.folder / "slow.py").write_text(_SLOW)
        worker = job.worker()
        if again:
            await start(worker)
        (job.folder / "slow").touch()
        if again:
            worker.send(signal.SIGHUP)
        else:
            worker.start()
        await until((job.folder / "began").exists)

        await _ends_at_once(worker)
