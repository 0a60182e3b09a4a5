"""SIGTERM: nothing more is read, what is gathered is answered at once, and then the worker leaves."""

import asyncio

import numpy as np
import pytest

from daemon.values.errors import Exit
from daemon.values.ports import SendFailed
from tests.pipeline.line import Line, now_s

LANES = {"standard": {"topics": ["standard"], "max_rows": 8, "linger": 3600.0}}


class Lengths:
    """A request's length, doubled."""

    def preprocess(self, body, headers):
        return {"x": np.full((1, 1), len(body), np.float32)}

    def postprocess(self, outputs):
        return "text/plain", b"%d" % outputs["y"][0, 0]


async def test_what_is_gathered_leaves_at_once_and_the_end_is_clean():
    async with Line(LANES) as line:
        requests = line.push("standard", 1, 2, 3)
        await asyncio.sleep(60)
        told_s = now_s()

        assert await line.end() is Exit.CLEAN
        assert all(line.end_of(each).at_s - told_s < 0.01 for each in requests)
        assert line.source.committed["standard", 0] == 3
        assert line.source.left


async def test_a_running_batch_and_those_behind_it_are_answered():
    async with Line(LANES) as line:
        line.session.base_s = 5.0
        requests = line.push("standard", *range(20))
        await asyncio.sleep(1)

        assert await line.end() is Exit.CLEAN
        assert all(line.end_of(each) for each in requests)
        assert [len(run) for run in line.session.runs] == [8, 8, 4]
        assert line.source.committed["standard", 0] == 20


async def test_nothing_more_is_read():
    async with Line(LANES) as line:
        line.session.base_s = 5.0
        line.push("standard", *range(8))
        await asyncio.sleep(1)
        line.stop.set()
        await asyncio.sleep(1)
        late = line.push("standard", 99)

        assert await line.task is Exit.CLEAN
        assert late[0] not in line.ends()
        assert line.source.committed["standard", 0] == 8


async def test_requests_that_a_transform_prepares_are_answered():
    async with Line(LANES, transform=Lengths()) as line:
        requests = line.push("standard", b"a", b"bb")
        await asyncio.sleep(0.005)  # half-way through the preparation
        assert not line.ends()

        assert await line.end() is Exit.CLEAN
        assert [line.end_of(each).value for each in requests] == [b"2", b"4"]


async def test_a_sink_that_is_held_past_the_drain_budget_leaves_work():
    async with Line(LANES, limits={"drain": 20.0}) as line:
        line.push("standard", 1, 2, 3)
        await asyncio.sleep(1)
        line.sink.hold()
        told_s = now_s()

        assert await line.end() is Exit.WORK_LEFT
        assert now_s() - told_s == pytest.approx(20.0, abs=0.1)
        assert ("standard", 0) not in line.source.committed
        assert line.source.left


async def test_what_is_given_up_while_it_leaves_counts_as_work_left():
    async with Line(LANES, limits={"drain": 2.0}) as line:
        line.source.leave_s = 3.0
        line.sink.fail(*[SendFailed("no broker")] * 100)
        line.push("standard", 1, 2, 3)
        await asyncio.sleep(1)

        assert await line.end() is Exit.WORK_LEFT


async def test_a_run_longer_than_the_drain_budget_leaves_work():
    async with Line(LANES, limits={"drain": 20.0}) as line:
        line.session.base_s = 60.0
        line.push("standard", *range(8))
        await asyncio.sleep(1)

        assert await line.end() is Exit.WORK_LEFT
        assert not line.sink.published


async def test_answers_that_were_acknowledged_are_committed_though_others_are_not():
    lanes = LANES | {"urgent": {"topics": ["urgent"], "max_rows": 1, "linger": 0.0}}
    async with Line(lanes, limits={"drain": 5.0}, kafka={"commit_interval": 3600.0}) as line:
        line.push("urgent", 1)
        await asyncio.sleep(1)
        line.sink.hold()
        line.push("standard", *range(8))
        await asyncio.sleep(1)

        assert await line.end() is Exit.WORK_LEFT
        assert line.source.committed == {("urgent", 0): 1}


async def test_an_idle_line_ends_at_once():
    async with Line(LANES) as line:
        await asyncio.sleep(100)
        told_s = now_s()

        assert await line.end() is Exit.CLEAN
        assert now_s() - told_s < 0.01


# Handing back


async def test_what_gathers_may_be_handed_back_unanswered():
    async with Line(LANES) as line:
        line.push("standard", *range(8))
        await line.quiet()
        gathering = line.push("standard", 1, 2, 3)
        await asyncio.sleep(60)

        assert await line.end(hands_back=True) is Exit.CLEAN
        assert not line.ends().keys() & set(gathering)
        assert line.source.committed["standard", 0] == 8
        assert line.source.left

        await line.restart()
        began_s = now_s()
        await asyncio.sleep(3600)

        assert {line.end_of(each).at_s - began_s < 3600 - 59 for each in gathering} == {True}


async def test_only_what_may_gather_in_kafka_is_handed_back():
    urgent = {"topics": ["urgent"], "max_rows": 8, "linger": 30.0}
    async with Line({**LANES, "urgent": urgent}) as line:
        (patient,) = line.push("standard", 1)
        (impatient,) = line.push("urgent", 2)
        await asyncio.sleep(1)

        assert await line.end(hands_back=True) is Exit.CLEAN
        assert impatient in line.ends()
        assert patient not in line.ends()


async def test_what_has_a_deadline_before_its_batch_is_due_is_answered():
    async with Line(LANES) as line:
        (soon,) = line.push("standard", 1, headers=[("timeout-ms", b"600000")])
        await asyncio.sleep(1)

        assert await line.end(hands_back=True) is Exit.CLEAN
        assert soon in line.ends()
