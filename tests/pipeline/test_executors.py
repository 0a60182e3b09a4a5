"""The line where two batches run at once, as on a GPU."""

import asyncio

import pytest

from daemon.values.errors import Code, Exit
from runtime import Model
from tests.pipeline.doubling import ENDLESS, POISON, Doubling, value_of
from tests.pipeline.line import MODEL, Line, now_s

LANES = {
    "standard": {"topics": ["standard"], "max_rows": 8, "linger": 1.0},
    "urgent": {"topics": ["urgent"], "max_rows": 4, "linger": 0.02, "weight": 8},
}


def line_of_two():
    return Line(LANES, on_cpu=False, limits={"executors": 2})


def answered_s(line, requests):
    return sorted({round(line.end_of(each).at_s, 1) for each in requests})


async def test_two_batches_take_as_long_as_one():
    async with line_of_two() as line:
        line.session.base_s = 1.0
        requests = line.push("standard", *range(32))  # four batches
        await line.quiet()

        assert answered_s(line, requests) == [1.0, 2.0]
        busy_s = line.scrape().total("executor_busy_seconds_total")
        assert busy_s == pytest.approx(2.0, abs=0.01), "a share of the time for each that runs"


async def test_an_urgent_request_runs_beside_a_batch():
    async with line_of_two() as line:
        line.session.base_s = 1.0
        line.push("standard", *range(8))
        await asyncio.sleep(0.5)
        (urgent,) = line.push("urgent", 1)
        await line.quiet()

        assert line.waited_s(urgent) < 0.03


async def test_an_urgent_request_overtakes_the_batch_that_waits_for_two():
    async with line_of_two() as line:
        line.session.base_s = 1.0
        line.push("standard", *range(8))
        await asyncio.sleep(0.4)
        line.push("standard", *range(16))  # one runs, one is assembled ahead
        await asyncio.sleep(0.2)
        (urgent,) = line.push("urgent", 1)
        await line.quiet()

        assert line.end_of(urgent).at_s == pytest.approx(2.0, abs=0.05)
        assert answered_s(line, line.ends()) == [1.0, 1.4, 2.0, 2.4]


async def test_the_search_for_one_that_loops_leaves_an_executor_to_others():
    async with line_of_two() as line:
        suspects = line.push("standard", 1, ENDLESS, 2, 3)
        others = []
        for value in range(160):
            await asyncio.sleep(0.5)
            others += line.push("urgent", value)
        await line.quiet(within_s=200.0)

        assert line.end_of(suspects[1]).header("error-code") == Code.MODEL_TIMEOUT.encode()
        assert [line.end_of(each).header("status") for each in suspects].count(b"ok") == 3
        assert max(line.waited_s(each) for each in others) < 0.1


async def test_two_batches_that_fail_at_once_are_both_searched():
    async with line_of_two() as line:
        line.session.base_s = 0.1
        bad = [line.push("standard", *range(7), POISON) for _ in range(2)]
        (urgent,) = line.push("urgent", POISON)
        await line.quiet()

        errors = [
            request
            for request in (*bad[0], *bad[1], urgent)
            if line.end_of(request).header("status") == b"error"
        ]
        assert errors == [bad[0][-1], bad[1][-1], urgent]


async def test_a_model_is_replaced_between_batches_and_closed_after_both():
    async with line_of_two() as line:
        line.session.base_s = 1.0
        before = line.push("standard", *range(24))  # two batches run, one is assembled
        await asyncio.sleep(0.5)

        old, new = line.models.serving[MODEL], Model(Doubling(), None)
        new.session.digest = "1" * 64
        for replaced in line.models.swap({MODEL: new}):
            line.line.retire(replaced)
        behind = line.push("standard", *range(8))
        await asyncio.sleep(0.7)
        closed_between = old.session.closed
        await line.quiet()

        served = [line.end_of(each).header("served-by") for each in (*before, *behind)]
        assert served == [b"double@" + b"0" * 12] * 24 + [b"double@" + b"1" * 12] * 8
        assert (closed_between, old.session.closed) == (False, True)


async def test_what_runs_and_what_waits_is_answered_before_the_end():
    async with line_of_two() as line:
        line.session.base_s = 1.0
        requests = line.push("standard", *range(30))
        await asyncio.sleep(0.5)

        assert await line.end() is Exit.CLEAN
        assert now_s() == pytest.approx(2.0, abs=0.1)
        assert [value_of(line.end_of(each).value) for each in requests] == [
            2 * value for value in range(30)
        ]


async def test_while_a_partition_is_taken_away_both_batches_are_waited_for():
    async with line_of_two() as line:
        line.session.base_s = 1.0
        requests = line.push("standard", *range(16))
        await asyncio.sleep(0.5)

        await line.source.revoke(("standard", 0))

        assert line.source.committed["standard", 0] == 16
        assert answered_s(line, requests) == [1.0]
