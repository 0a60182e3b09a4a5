"""What the line holds is bounded, given back in the end, and never lost count of."""

import asyncio

import numpy as np
import pytest

from daemon.preparing import time_slices
from daemon.preparing.steps import MOST_GROUPS
from daemon.preparing.time_slices import GROUP, LARGE_GROUP
from daemon.values.ports import SendFailed
from runtime import Done
from tests.pipeline.doubling import POISON, Ones, row
from tests.pipeline.line import DEAD, MODEL, REPLIES, Line, now_s
from tests.pipeline.test_preparing import after

LANES = {
    "standard": {
        "topics": ["standard"],
        "max_rows": 8,
        "linger": 1.0,
        "max_waiting": 20,
        "max_waiting_bytes": 400,
    },
}
UNCOMMITTED = 100
ONE = row(1)


async def feed(line, count, *, body=ONE, every_s=0.1):
    """Publish `count` requests, five at a time."""
    for _ in range(count // 5):
        line.push("standard", *[body] * 5)
        await asyncio.sleep(every_s)


@pytest.mark.parametrize(("body", "most"), [(row(1), 20), (row(1) * 12, 400 // 48 + 1)])
async def test_while_replies_cannot_leave_reading_stops_at_the_lanes_limits(body, most):
    async with Line(LANES) as line:
        line.sink.hold()
        held = []
        for _ in range(40):
            await feed(line, 5, body=body)
            held.append(line.line.in_flight_requests)

        # A fetch that starts below the limit may pass it.
        assert most <= max(held) < most + 5
        assert held[-1] == held[-10]
        assert line.line.in_flight_bytes < 400 + 5 * len(body)

        line.sink.release()
        await line.quiet()
        assert len(line.ends()) == 200


async def test_nothing_more_runs_of_a_lane_while_too_many_bytes_of_its_replies_wait():
    lanes = {"standard": {"topics": ["standard"], "max_rows": 4, "max_bytes": 4 * len(ONE)}}
    async with Line(lanes) as line:
        (lane,) = line.lanes
        line.sink.hold()
        line.push("standard", *[ONE] * 80)
        await asyncio.sleep(60)

        assert len(line.session.runs) <= 4  # three may be under way when the first is answered
        assert lane.budget.reply_bytes >= 4 * len(ONE)

        line.sink.release()
        await line.quiet()
        assert len(line.ends()) == 80
        assert lane.budget.reply_bytes == 0


class Wide:
    """A transform that makes a hundred times its body."""

    def preprocess(self, body, headers):
        return {"x": np.ones((100, 1), np.float32)}

    def postprocess(self, outputs):
        return "text/plain", b"done"


WIDE_LANE = {"topics": ["standard"], "max_rows": 800, "linger": 1.0, "max_waiting_bytes": 16_000}
"""Has room for 4,000 bodies of 4 bytes, and for 40 of what `Wide` makes of them, a batch of 8."""


@pytest.mark.parametrize("cheap", [False, True])
async def test_a_lane_passes_its_limit_by_a_few_groups_bytes_however_large_rows_are(
    cheap, monkeypatch
):
    monkeypatch.setattr(time_slices, "GROUP_BYTES", 500)
    transform = WideAtOnce() if cheap else Wide()
    async with Line({"standard": WIDE_LANE}, transform=transform) as line:
        (lane,) = line.lanes
        line.session.base_s = 25.0
        line.push("standard", *[ONE] * 400)
        await asyncio.sleep(20)
        line.session.base_s = 0.01

        assert 16_000 <= lane.budget.prepared_bytes <= 16_000 + MOST_GROUPS * (500 + 400)
        await line.quiet(within_s=200)
        assert len(line.ends()) == 400


async def test_no_more_is_made_of_requests_than_a_lane_may_hold():
    async with Line({"standard": WIDE_LANE}, transform=Wide()) as line:
        (lane,) = line.lanes
        line.session.base_s = 0.1
        line.push("standard", *[ONE] * 400)
        most = 0
        while not line.is_quiet:
            await asyncio.sleep(0.01)
            most = max(most, lane.budget.prepared_bytes)

        assert 16_000 <= most < 16_000 + MOST_GROUPS * GROUP * 400
        assert (lane.budget.prepared_bytes, lane.budget.bytes) == (0, 0)


async def test_a_lane_is_full_of_what_is_made_of_its_requests():
    async with Line({"standard": WIDE_LANE | {"linger": 60.0}}, transform=Wide()) as line:
        (lane,) = line.lanes
        line.session.base_s = 600.0
        line.push("standard", *[ONE] * 60)
        await asyncio.sleep(1)

        assert line.line.full_lanes == {"standard"}
        assert line.line.in_flight_bytes == lane.budget.bytes == 60 * (len(ONE) + 400)


class WideAtOnce(Wide):
    cheap = True


async def test_what_was_made_of_requests_is_let_go_once_they_have_run_and_more_is_made():
    async with Line({"standard": WIDE_LANE}, transform=WideAtOnce()) as line:
        (lane,) = line.lanes
        line.sink.hold()
        line.push("standard", *[ONE] * 400)
        await asyncio.sleep(30)

        assert sum(map(len, line.session.runs)) == 400 * 100
        assert lane.budget.prepared_bytes == 0
        assert lane.budget.bytes == 400 * len(ONE)


class PoisonousAtOnce(WideAtOnce):
    """Makes rows that no run survives."""

    def preprocess(self, body, headers):
        return {"x": np.full((100, 1), POISON, np.float32)}


async def test_what_was_made_of_requests_is_let_go_once_they_have_failed_and_more_is_made():
    async with Line({"standard": WIDE_LANE}, transform=PoisonousAtOnce()) as line:
        (lane,) = line.lanes
        line.sink.hold()
        line.push("standard", *[ONE] * 400)
        await asyncio.sleep(30)

        assert line.line._outbox.pending == 400
        assert lane.budget.prepared_bytes == 0


async def test_what_may_not_be_made_yet_is_due_when_something_leaves():
    """The four groups that begin lie in two batches, neither of them full, for their linger."""
    lane = WIDE_LANE | {"models": [MODEL, "other"], "max_rows": 4_000, "max_bytes": 16_000}
    lanes = {"standard": lane | {"linger": 600.0}}
    async with Line(lanes, transform=Wide(), others={"other": Wide()}) as line:
        for _ in range(50):
            line.push("standard", ONE)
            line.push("standard", ONE, headers=[("model", b"other")])
        await asyncio.sleep(10)

        (held,) = line.lanes
        assert held.budget.prepared_bytes == MOST_GROUPS * GROUP * 400
        assert line.line.due_s(now_s()) == pytest.approx(600, abs=1)
        await line.quiet(within_s=600)
        assert len(line.ends()) == 100


async def test_nothing_more_runs_of_a_lane_while_too_many_of_its_outputs_wait_for_their_transform():
    lanes = {"standard": {"topics": ["standard"], "max_rows": 4, "max_bytes": 8 * len(ONE)}}
    slow = after(lambda _: 1.0)
    async with Line(lanes, transform=Ones(), transform_s=slow) as line:
        (lane,) = line.lanes
        line.push("standard", *[ONE] * 80)
        await asyncio.sleep(2)

        assert len(line.session.runs) <= 5  # three may be under way when the limit is reached
        assert lane.budget.reply_bytes >= 8 * len(ONE)

        await line.quiet(within_s=200)
        assert len(line.ends()) == 80
        assert lane.budget.reply_bytes == 0


class Terse(Ones):
    """A transform whose replies have nothing in them."""

    def postprocess(self, outputs):
        return "text/plain", b""


async def test_a_lane_full_of_outputs_goes_on_once_they_are_replies_that_still_wait():
    """One request's outputs are all that it may hold."""
    lanes = {"standard": {"topics": ["standard"], "max_rows": 1, "max_bytes": len(ONE)}}
    async with Line(lanes, transform=Terse()) as line:
        line.sink.hold()
        line.push("standard", *[ONE] * 200)
        await asyncio.sleep(30)

        assert len(line.session.runs) == 200


class Given(Ones):
    """A transform that answers each request itself, with a body of a hundred bytes."""

    body = bytes(100)

    def preprocess(self, body, headers):
        return Done("text/plain", self.body)


class GivenAtOnce(Given):
    cheap = True


@pytest.mark.parametrize(("transform", "groups"), [(Given, MOST_GROUPS), (GivenAtOnce, 1)])
async def test_no_more_replies_are_given_by_a_transform_than_a_lane_may_hold(transform, groups):
    lanes = {"standard": {"topics": ["standard"], "max_bytes": 1_000}}
    async with Line(lanes, transform=transform()) as line:
        (lane,) = line.lanes
        line.sink.hold()
        line.push("standard", *[ONE] * 2_000)
        await asyncio.sleep(60)

        assert 1_000 <= lane.budget.reply_bytes < 1_000 + groups * LARGE_GROUP * 100
        assert line.line.in_flight_requests == 2_000

        line.sink.release()
        await line.quiet()
        assert len(line.ends()) == 2_000
        assert lane.budget.reply_bytes == 0


@pytest.mark.parametrize("away", ["gone", "denied"])
async def test_while_the_default_reply_topic_is_away_good_requests_wait(away):
    async with Line(LANES) as line:
        line.push("standard", *[ONE] * 8)
        await line.quiet()
        partitions = line.sink.topics[REPLIES]
        if away == "gone":
            del line.sink.topics[REPLIES]
        else:
            line.sink.denied.add(REPLIES)
        await feed(line, 200)
        await asyncio.sleep(120)
        assert line.line.in_flight_requests < 20 + 5
        assert REPLIES in line.line.outage

        line.sink.topics[REPLIES] = partitions
        line.sink.denied.clear()
        await line.quiet()
        assert len(line.sink.sent_to(REPLIES)) == 208
        assert not line.sink.sent_to(DEAD)


async def test_a_fetch_is_no_larger_than_the_room_there_is():
    async with Line(LANES) as line:
        line.sink.hold()
        line.push("standard", *[ONE] * 200)
        await asyncio.sleep(5)

        assert line.line.in_flight_requests == 20

        line.sink.release()
        await line.quiet()
        assert len(line.ends()) == 200


async def test_reading_goes_on_as_soon_as_there_is_room():
    async with Line(LANES) as line:
        line.session.base_s = 0.0
        line.sink.hold()
        for _ in range(8):
            await feed(line, 5)
        line.sink.release()
        told_s = now_s()
        await asyncio.sleep(0.05)

        assert line.source.ledgers["standard", 0].position == 40
        assert now_s() - told_s < 0.1


async def test_a_sink_that_fails_for_a_while_loses_nothing():
    async with Line(LANES) as line:
        line.sink.fail(*[SendFailed("no broker")] * 30)
        await feed(line, 200)
        await line.quiet()

        assert {len(ends) for ends in line.ends().values()} == {1}
        assert len(line.ends()) == 200
        assert not line.premature


async def test_an_answer_whose_acknowledgement_was_lost_is_repeated_under_the_same_name():
    async with Line(LANES) as line:
        line.sink.lose_acks(1)
        (request,) = line.push("standard", 1)
        await line.quiet()

        first, second = line.ends()[request]
        assert first.value == second.value
        assert line.source.committed["standard", 0] == 1


async def test_the_budget_is_given_back_by_every_way_out():
    async with Line(LANES, partitions=2) as line:
        line.push("standard", 1, -1.0, b"", b"odd", 2)
        line.push("standard", 3, headers=[("timeout-ms", b"100")])
        line.push("standard", 4, headers=[("reply-to", b"elsewhere")])
        line.push("standard", 5, headers=[("reply-to", b"replies.missing")])
        line.push("standard", 6, headers=[("kafka_replyPartition", b"\0\0\0\x63")])
        line.source.push_unreadable("standard", 0)
        line.push("standard", 7, 8, partition=1)
        await asyncio.sleep(0.5)
        await line.source.revoke(("standard", 1))
        await line.quiet()

        assert (line.line.in_flight_requests, line.line.in_flight_bytes) == (0, 0)


async def test_a_reply_too_large_is_answered_so_and_gives_its_budget_back():
    async with Line(LANES) as line:
        line.sink.largest_bytes[REPLIES] = 600
        (large,) = line.push("standard", row(1) * 90, headers=[("correlation-id", b"c" * 100)])
        (small,) = line.push("standard", 2)
        await line.quiet()

        assert line.end_of(large).header("error-code") == b"result_too_large"
        assert line.end_of(small).header("status") == b"ok"
        assert line.line.in_flight_bytes == 0


async def test_a_partition_is_read_no_further_than_allowed_past_its_oldest_unanswered():
    lanes = {"standard": {"topics": ["standard"], "max_rows": 1_000, "linger": 3600.0}}
    async with Line(lanes, kafka={"max_uncommitted": UNCOMMITTED}) as line:
        line.sink.hold()
        positions = []
        for _ in range(100):
            line.push("standard", *range(10))
            await asyncio.sleep(0.1)
            positions.append(line.source.ledgers["standard", 0].position)

        assert max(positions) == UNCOMMITTED

        line.sink.release()
        await line.quiet(within_s=4_000)
        assert len(line.ends()) == 1_000


async def test_what_holds_commits_back_leaves_before_its_linger_is_over():
    lanes = {"standard": {"topics": ["standard"], "max_rows": 1_000, "linger": 3600.0}}
    async with Line(lanes, kafka={"max_uncommitted": UNCOMMITTED}) as line:
        line.push("standard", *range(UNCOMMITTED))
        await line.quiet(within_s=5)

        assert set(line.scrape().by("cause", "flushes_total")) == {"uncommitted"}


async def test_a_laggard_leaves_when_half_of_what_may_be_uncommitted_is_read():
    lanes = {"standard": {"topics": ["standard"], "max_rows": 1_000, "linger": 3600.0}}
    async with Line(lanes, kafka={"max_uncommitted": UNCOMMITTED}) as line:
        line.push("standard", *range(UNCOMMITTED // 2 - 1))
        await asyncio.sleep(5)
        assert line.ends() == {}

        line.push("standard", 0)
        await line.quiet(within_s=5)

        assert len(line.ends()) == UNCOMMITTED // 2


async def test_a_partition_that_is_held_holds_no_other():
    lanes = {"standard": {"topics": ["standard"], "max_rows": 1, "linger": 0.0}}
    async with Line(lanes, partitions=2, kafka={"max_uncommitted": UNCOMMITTED}) as line:
        line.source.commits_held = True
        line.push("standard", *range(2 * UNCOMMITTED))
        await asyncio.sleep(5)
        (other,) = line.push("standard", 7, partition=1)
        await asyncio.sleep(5)

        assert line.source.ledgers["standard", 0].position == UNCOMMITTED
        assert line.end_of(other)

        line.source.commits_held = False
        await line.quiet()
        assert len(line.ends()) == 2 * UNCOMMITTED + 1
