"""When batches leave: linger, idleness and turns, seen on the whole line."""

import asyncio

import async_solipsism
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pipeline.doubling import Ones, value_of
from tests.pipeline.line import Line, learn, now_s

LINGER_S = 1.0
SLACK_S = 0.003
"""The dispatcher's timer has whole milliseconds, and a fetch lets the loop turn once."""
_PAUSES = st.lists(
    st.tuples(st.sampled_from(["standard", "urgent"]), st.floats(0, 3), st.integers(1, 5)),
    min_size=1,
    max_size=12,
)


def lanes(**standard):
    return {
        "standard": {"topics": ["standard"], "max_rows": 8, "linger": LINGER_S} | standard,
        "urgent": {"topics": ["urgent"], "max_rows": 4, "linger": 0.02, "weight": 8},
    }


@settings(max_examples=60)
@given(_PAUSES)
def test_nobody_waits_longer_than_its_linger_while_the_executor_is_free(arrivals):
    async def scenario():
        async with Line(lanes()) as line:
            line.session.base_s = 0.0
            requests = []
            for lane, pause_s, count in arrivals:
                requests += [(lane, each) for each in line.push(lane, *range(count))]
                await asyncio.sleep(pause_s)
            await line.quiet()
            for lane, request in requests:
                linger_s = line.settings.lanes[lane].linger
                assert line.waited_s(request) <= linger_s + SLACK_S

    with asyncio.Runner(loop_factory=async_solipsism.EventLoop) as runner:
        runner.run(scenario())


async def test_a_full_batch_does_not_linger():
    async with Line(lanes(linger=3600.0)) as line:
        requests = line.push("standard", *range(8))
        await line.quiet()

        assert max(line.waited_s(each) for each in requests) < SLACK_S
        assert line.scrape().by("cause", "flushes_total") == {"full": 1}


async def test_a_lone_request_lingers_for_company():
    async with Line(lanes()) as line:
        await asyncio.sleep(5)
        (first,) = line.push("standard", 1)
        await asyncio.sleep(LINGER_S / 2)
        (second,) = line.push("standard", 2)
        await line.quiet()

        assert line.waited_s(first) == pytest.approx(LINGER_S, abs=SLACK_S)
        assert line.waited_s(second) == pytest.approx(LINGER_S / 2, abs=SLACK_S)
        assert line.session.runs == [[1, 2]]


async def test_a_lone_request_in_an_eager_lane_does_not_wait():
    async with Line(lanes(eager=True)) as line:
        await asyncio.sleep(5)
        (request,) = line.push("standard", 1)
        await line.quiet()

        assert line.waited_s(request) < SLACK_S
        assert line.scrape().by("cause", "flushes_total") == {"idle": 1}


async def test_an_eager_lane_does_not_wait_for_replies_that_a_transform_still_makes():
    async with Line(lanes(eager=True, linger=30.0), transform=Ones()) as line:
        await asyncio.sleep(5)
        line.push("standard", b"a")
        await asyncio.sleep(0.0105)  # prepared in 10 ms, run in 1 ms, its reply made in 10 ms
        (second,) = line.push("standard", b"b")
        pushed_s = now_s()
        await line.quiet()

        assert line.end_of(second).at_s - pushed_s < 0.05


async def test_an_eager_lane_waits_for_what_is_being_prepared():
    async with Line(lanes(eager=True), transform=Ones()) as line:
        await asyncio.sleep(5)
        line.push("standard", b"a")
        await asyncio.sleep(0.005)
        line.push("standard", b"b")
        await line.quiet()

        assert [len(run) for run in line.session.runs] == [2]


async def test_what_comes_while_the_executor_is_busy_leaves_together():
    async with Line(lanes(eager=True)) as line:
        line.session.base_s = 1.0
        line.push("standard", 1)
        await asyncio.sleep(0.1)
        for value in (2, 3, 4):
            line.push("standard", value)
            await asyncio.sleep(0.1)
        await line.quiet()

        assert line.session.runs == [[1], [2, 3, 4]]


async def test_the_urgent_lane_leaves_while_the_standard_lane_is_full():
    async with Line(lanes(linger=3600.0, max_rows=1_000, max_waiting=10)) as line:
        line.push("standard", *range(10))
        await asyncio.sleep(1)
        line.push("standard", *range(10))
        await asyncio.sleep(1)
        assert line.line.in_flight_requests == 10  # the others are not even read
        pushed_s = now_s()
        (request,) = line.push("urgent", 7)
        await asyncio.sleep(1)

        end = line.end_of(request)
        assert value_of(end.value) == 14
        assert end.at_s - pushed_s < 0.02 + 0.05 + SLACK_S
        assert line.source.committed.get(("standard", 0), 0) == 0


async def test_the_urgent_lane_overtakes_the_batch_that_waits():
    async with Line(lanes()) as line:
        line.session.base_s = 1.0
        line.push("standard", *range(16))  # one runs, one is assembled ahead
        await asyncio.sleep(0.5)
        (request,) = line.push("urgent", 7)
        await line.quiet()

        assert [len(run) for run in line.session.runs] == [8, 1, 8]
        assert line.end_of(request).at_s == pytest.approx(2.0, abs=0.1)


def patient_lanes(**urgent):
    """Lanes of which one has batches that take long."""
    made = lanes(max_rows=64)
    return made | {"urgent": made["urgent"] | urgent}


async def test_an_urgent_request_waits_for_a_slice_of_the_batch_that_runs():
    async with Line(patient_lanes()) as line:
        line.session.base_s, line.session.row_s = 0.0, 0.009
        learn(line)
        line.push("standard", *range(128))
        await asyncio.sleep(0.1)
        pushed_s = now_s()
        (request,) = line.push("urgent", 7)
        await line.quiet()

        assert line.end_of(request).at_s - pushed_s < 0.02 + 0.02 + 0.009 + 2 * SLACK_S
        assert max(len(run) for run in line.session.runs) == 2
        assert now_s() < 129 * 0.009 * 1.03 + 1.0
        assert line.scrape().by("cause", "flushes_total") == {"slice": 62, "full": 2, "linger": 1}


async def test_what_runs_in_slices_is_answered_slice_by_slice():
    async with Line(patient_lanes()) as line:
        line.session.base_s, line.session.row_s = 0.0, 0.009
        learn(line)
        requests = line.push("standard", *range(64))
        await line.quiet()

        ends_s = sorted({line.end_of(each).at_s for each in requests})
        assert len(ends_s) == 32
        assert ends_s[0] < 0.02 + SLACK_S


async def test_what_is_left_of_a_batch_does_not_linger_again():
    async with Line(patient_lanes()) as line:
        line.session.base_s, line.session.row_s = 0.0, 0.009
        learn(line)
        requests = line.push("standard", *range(5))
        await asyncio.sleep(0.5)
        requests += line.push("standard", *range(5))
        await line.quiet()

        assert max(line.end_of(each).at_s for each in requests) < 1.0 + 10 * 0.009 + 10 * SLACK_S


async def test_a_lane_may_have_more_patience_than_it_lingers():
    async with Line(patient_lanes(patience=0.1)) as line:
        line.session.base_s, line.session.row_s = 0.0, 0.009
        learn(line)
        line.push("standard", *range(64))
        await line.quiet()

        assert max(len(run) for run in line.session.runs) == 11


async def test_a_batch_that_gains_from_its_rows_runs_whole():
    async with Line(patient_lanes()) as line:
        line.session.base_s, line.session.row_s = 0.5, 0.001
        learn(line)
        line.push("standard", *range(64))
        await line.quiet()

        assert [len(run) for run in line.session.runs] == [64]


async def test_a_batch_that_is_cut_keeps_the_deadlines_it_closed_for():
    async with Line(patient_lanes()) as line:
        line.session.base_s, line.session.row_s = 0.0, 0.009
        learn(line)
        line.push("standard", *range(30))
        (pressed,) = line.push("standard", 99, headers=[("timeout-ms", b"900")])
        await line.quiet()

        assert line.end_of(pressed).header("status") == b"ok"
        assert 99 in line.session.runs[0]


async def test_what_is_left_of_a_batch_goes_with_its_partition():
    async with Line(patient_lanes(), partitions=2) as line:
        line.session.base_s, line.session.row_s = 0.0, 0.009
        learn(line)
        kept = line.push("standard", *range(32))
        lost = line.push("standard", *range(32), partition=1)
        await asyncio.sleep(0.1)
        await line.source.revoke(("standard", 1))
        await line.quiet()

        assert all(line.end_of(each).header("status") == b"ok" for each in kept)
        assert not line.ends().keys() & set(lost)
        assert not line.premature


async def test_a_full_batch_is_ready_when_the_executor_is():
    async with Line(lanes()) as line:
        line.session.base_s = 1.0
        line.push("standard", *range(16))
        await asyncio.sleep(0.5)

        assert line.line.in_flight_requests == 16
        assert line.line._dispatch.running == 2
        assert line.line._dispatch._runner.ahead.rows == 8


async def test_an_idle_line_commits_nothing_and_runs_nothing():
    async with Line(lanes()) as line:
        await asyncio.sleep(3600)

        assert not line.commits
        assert not line.session.runs
        assert not line.sink.published


# When work has to move, for the worker's look at itself


async def test_what_waits_is_due_when_its_linger_is_over():
    async with Line(lanes()) as line:
        line.push("standard", 1)
        await asyncio.sleep(0.2)

        assert line.line.due_s(now_s()) == pytest.approx(LINGER_S, abs=SLACK_S)


@pytest.mark.parametrize("place", ["runner", "outbox", "transform"])
async def test_what_runs_or_leaves_is_due_now(place):
    async with Line(lanes(), transform=Ones() if place == "transform" else None) as line:
        line.session.base_s = 5.0 if place == "runner" else 0.0
        line.sink.hold()
        line.push("standard", *[b"a" * 4] * 8)
        await asyncio.sleep(0.005 if place == "transform" else 0.5)

        assert line.line.due_s(now_s()) == now_s()


async def test_what_is_held_and_is_nowhere_is_due_now():
    async with Line(lanes()) as line:
        await asyncio.sleep(1)
        line.lanes[0].budget.take(1, 4)  # as a fault would leave it

        assert line.line.due_s(now_s()) == now_s()
