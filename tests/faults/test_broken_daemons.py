"""Daemons that are broken on purpose are caught by what judges the suite, the real one is not."""

import asyncio
import signal
import time
from pathlib import Path

import pytest

from tests import models
from tests.acceptance import jobs
from tests.fault_table import AT_LEAST_ONCE, EXACTLY_ONCE

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

_VARIANTS = Path(__file__).parents[1] / "acceptance" / "variants"
_REAL = ("-m", "daemon")
_COMMITTED_S = 1.5
_PAST_THE_SESSION_S = 12
_FEW = 50
_SLOW = jobs.trips(20_000)
"""A tenth of a second or more."""
_LONG_S = 20.0
_REFUSED = {"result_too_large", "reply_topic_denied"}


def _program(variant):
    return [str(_VARIANTS / variant)] if variant else _REAL


async def _lost(running):
    """How many requests the judge finds unanswered; it refuses a daemon that has any."""
    found = {}
    running.patience_s = _LONG_S
    try:
        await running.judge(lambda **what: found.update(what), codes=_REFUSED)
    except AssertionError:
        assert found["lost"]
    return found["lost"]


@pytest.mark.parametrize(("variant", "lost"), [("", 0), ("commits_highest.py", 1)])
async def test_one_that_commits_the_highest_offset_loses_what_waits(spare_trial, variant, lost):
    lanes = {
        "models.slow.path": "model.onnx",
        "lanes.l.models": ["m", "slow"],
        "lanes.l.linger": "10s",
        "lanes.l.max_rows": 10,
        "kafka.instance_id": "slot-0",
    }
    async with spare_trial(**lanes) as running:
        worker = running.worker(program=_program(variant))
        await jobs.start(worker)
        slow = [("model", b"slow")]
        await running.witness.publish([jobs.pair(0)], partition=0, headers=slow)
        others = [jobs.pair(number) for number in range(1, _FEW + 1)]
        await running.witness.publish(others, partition=0)
        await running.more_answers(_FEW)
        await asyncio.sleep(_COMMITTED_S)
        worker.kill()

        await running.start(1)
        running.faults += 1
        assert await _lost(running) == lost


@pytest.mark.parametrize(("variant", "lost"), [("", 0), ("swallows_errors.py", _FEW)])
async def test_one_that_swallows_errors_loses_what_is_refused(spare_trial, variant, lost):
    async with spare_trial() as running:
        tiny = await running.job.topics.create("tiny", 1, {"max.message.bytes": "100"})
        allow = {"replies.allow": [tiny], "program": _program(variant)}
        worker = running.worker(**allow)
        await jobs.start(worker)
        bodies = [jobs.pair(number) for number in range(_FEW)]
        await running.witness.publish(bodies, headers=[("reply-to", tiny.encode())])
        assert await _lost(running) == lost


@pytest.mark.parametrize(
    ("variant", "delivery"),
    [
        ("", AT_LEAST_ONCE),
        ("no_fence.py", AT_LEAST_ONCE),
        ("", EXACTLY_ONCE),
        ("old_offsets.py", EXACTLY_ONCE),
    ],
    indirect=["delivery"],
)
async def test_one_without_a_fence_answers_for_what_another_has(
    spare_trial,
    variant,
    delivery,
):
    """The first stands still with a batch under way; the second has its partitions meanwhile."""
    async with spare_trial(
        models.loop(), answer=jobs.tripped, **{"lanes.l.max_rows": 4}
    ) as running:
        save = running.job.save(models.loop(), "first.onnx")
        first = running.worker(program=_program(variant), **{"models.m.path": save})
        served_by = running.job.served_by("first.onnx")
        await jobs.start(first)
        await running.start(1)
        await running.witness.publish([_SLOW] * 80)
        await running.more_answers(20)

        first.send(signal.SIGSTOP)
        stopped_ms = time.time() * 1000
        await running.recovered()  # by the other
        await running.all_committed()  # else some of it rightly comes again when both share
        running.faults += 1
        first.send(signal.SIGCONT)
        await asyncio.sleep(_PAST_THE_SESSION_S)
        await running.witness.catch_up()
        repeated = running.witness.verdict().repeated

    late = [
        entry
        for entry in running.witness.log
        if entry.reply.correlation in repeated
        and entry.reply.headers["served-by"] == served_by
        and entry.timestamp_ms > stopped_ms
    ]
    assert bool(late) == bool(variant)
