"""Lanes take turns at the loop as they do at threads, and it does other things in between."""

import asyncio
import time
from unittest import mock

import pytest

from daemon.loop.tasks import Tasks
from daemon.preparing.loop_slices import LoopSlices
from daemon.preparing.time_slices import GROUP_BYTES
from daemon.values.lane import PIECE_S
from tests.pipeline.line import busy, now_s

WEIGHTS = {"standard": 1, "urgent": 8}
CALL_S = PIECE_S / 5


@pytest.fixture
async def loop_slices():
    with mock.patch.object(time, "monotonic", now_s):
        yield LoopSlices(WEIGHTS, Tasks())


def run(loop_slices, lane, work, values, size=lambda _: 0):
    return loop_slices.run(lane, work, values, size=size)


def takes_long(value):
    busy(CALL_S)
    return -value


async def test_results_come_back_together_in_the_order_of_their_values(loop_slices):
    assert await run(loop_slices, "standard", takes_long, range(40)) == [
        -each for each in range(40)
    ]


async def test_results_come_back_with_the_one_by_which_they_are_large(loop_slices):
    results = await run(
        loop_slices, "standard", takes_long, range(40), size=lambda _: GROUP_BYTES // 2
    )

    assert results == [0, -1]


async def test_another_lane_waits_for_a_slice(loop_slices):
    long = asyncio.ensure_future(run(loop_slices, "standard", takes_long, range(1_000)))
    await asyncio.sleep(PIECE_S)
    came_s = now_s()
    assert await run(loop_slices, "urgent", takes_long, [1]) == [-1]

    assert now_s() - came_s <= PIECE_S + 2 * CALL_S
    assert not long.done()
    assert len(await long) == 1_000


async def test_the_loop_does_other_things_in_between(loop_slices):
    long = asyncio.ensure_future(run(loop_slices, "standard", takes_long, range(100)))
    turns = 0
    while not long.done():
        await asyncio.sleep(0)
        turns += 1

    assert turns >= 100 * CALL_S / PIECE_S


async def test_what_is_raised_comes_back_and_others_go_on(loop_slices):
    failing = asyncio.ensure_future(run(loop_slices, "standard", lambda value: 1 / value, [1, 0]))
    other = asyncio.ensure_future(run(loop_slices, "standard", takes_long, [1]))

    with pytest.raises(ZeroDivisionError):
        await failing
    assert await other == [-1]


async def test_what_comes_after_a_pause_is_done_too(loop_slices):
    await run(loop_slices, "standard", takes_long, [1])
    await asyncio.sleep(1)

    assert await run(loop_slices, "standard", takes_long, [2]) == [-2]


async def test_nothing_goes_on_after_the_end(loop_slices):
    left = asyncio.ensure_future(run(loop_slices, "standard", takes_long, range(10_000)))
    await asyncio.sleep(PIECE_S)
    loop_slices.close()
    await asyncio.sleep(1)

    assert now_s() < 1 + 5 * PIECE_S
    left.cancel()
