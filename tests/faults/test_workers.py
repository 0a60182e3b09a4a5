"""Workers stand still, come and go in a storm, are slow, or have a clock that jumps."""

import asyncio
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from tests.acceptance import jobs

pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]

_PAST_THE_SESSION_S = 15
_STORM_ROUNDS = 6
_EVERY_S = 5
_CLOCK = Path(__file__).with_name("jumping_clock.py")
_AWHILE_S = 6
_SLOW = """
import time
import numpy as np

class Slow:
    def preprocess(self, body, headers):
        time.sleep(0.3)  # for each of a batch: past the poll interval together
        return {"x": np.ones((1, 2), np.float32)}

    def postprocess(self, outputs):
        return "text/plain", b"done"
"""


@pytest.mark.fault_row("a worker stands still", "SIGSTOP past the session", promise=6)
async def test_a_worker_stands_still(spare_trial, fault_row):
    async with spare_trial() as running:
        first, _ = await running.start(2)
        async with running.load():
            async with running.fault():
                first.send(signal.SIGSTOP)
                await asyncio.sleep(_PAST_THE_SESSION_S)
                first.send(signal.SIGCONT)
            await running.more_answers(100)
        await running.judge(fault_row)


@pytest.mark.fault_row("a storm of rebalances", "restarts every 5 s, 6 times", promise=2)
async def test_a_storm_of_rebalances(spare_trial, fault_row):
    async with spare_trial() as running:
        workers = await running.start(3)
        async with running.load():
            for turn in range(_STORM_ROUNDS):
                worker = workers[turn % len(workers)]
                running.faults += 1
                # Half of them in good order; all are started again.
                with suppress(RuntimeError):  # it is just being started again
                    worker.send(signal.SIGKILL if turn % 2 else signal.SIGTERM)
                await asyncio.sleep(_EVERY_S)
            async with running.fault():
                pass
        await running.judge(fault_row)


@pytest.mark.fault_row("a slow transform", "past kafka.poll_interval for each batch", promise=6)
async def test_a_slow_transform(spare_trial, tmp_path, fault_row):
    (tmp_path / "slow.py").write_text(_SLOW)
    slow = {
        "models.m.transform": "slow.py:Slow",
        # All of a fetch takes 20 s, and what waits gathers in one batch.
        "kafka.poll_interval": "3s",
        "models.m.run_limit": "2s",
        "lanes.l.content_type": "application/json",  # the default: a transform takes any body
    }
    async with spare_trial(answer=lambda body: b"done", **slow) as running:
        await running.start(2)
        async with running.fault():
            await running.witness.publish(jobs.pair(number) for number in range(150))
        await running.judge(fault_row)


@pytest.mark.parametrize(
    "jump_s",
    [
        pytest.param(
            1_800,
            marks=pytest.mark.fault_row(
                "the worker's clock jumps", "30 min ahead and back", promise=1
            ),
        ),
        pytest.param(
            -1_800,
            marks=pytest.mark.fault_row(
                "the worker's clock jumps", "30 min back and ahead", promise=1
            ),
        ),
        pytest.param(
            7_200,
            marks=pytest.mark.fault_row(
                "the worker's clock jumps", "2 h ahead, which Kafka refuses, and back", promise=1
            ),
        ),
    ],
)
async def test_the_clock_jumps(spare_trial, tmp_path, fault_row, jump_s):
    ahead = tmp_path / "ahead"
    ahead.write_text("0")
    async with spare_trial() as running:
        await running.start(2, program=[str(_CLOCK), str(ahead)])
        async with running.load():
            async with running.fault():
                ahead.write_text(str(jump_s))
                await asyncio.sleep(_AWHILE_S)
                ahead.write_text("0")
            await running.more_answers(100)
        await running.judge(fault_row)
