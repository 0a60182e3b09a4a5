"""Partitions that are taken away: in good order, with the session, or with the lease."""

import asyncio

import pytest

from tests.pipeline.doubling import ENDLESS, Ones, value_of
from tests.pipeline.line import Line, now_s, slow_admission

LANES = {"standard": {"topics": ["standard"], "max_rows": 8, "linger": 30.0}}
PARTITION = ("standard", 0)


async def test_a_revocation_finishes_what_runs_and_commits_it():
    async with Line(LANES) as line:
        line.session.base_s = 5.0
        running = line.push("standard", *range(8))
        await asyncio.sleep(1)
        told_s = now_s()

        await line.source.revoke(PARTITION)

        assert now_s() - told_s == pytest.approx(4.0, abs=0.1)
        assert all(line.end_of(each) for each in running)
        assert line.source.committed[PARTITION] == 8


async def test_what_waits_is_not_run_while_a_revocation_waits_for_what_runs():
    async with Line(LANES) as line:
        line.session.base_s = 0.1
        line.push("standard", *range(40))  # 8 run, 8 are assembled ahead
        await asyncio.sleep(0.05)

        await line.source.revoke(PARTITION)
        await asyncio.sleep(10)

        assert [len(run) for run in line.session.runs] == [8, 8]


async def test_what_is_fetched_and_not_admitted_is_left_to_who_comes_next():
    with slow_admission(0.001):
        async with Line(LANES) as line:
            line.session.base_s = 5.0
            line.push("standard", *range(1_000))  # a second of the loop
            await asyncio.sleep(0.1)
            admitted = line.line.in_flight_requests

            await line.source.revoke(PARTITION)
            await asyncio.sleep(60)

            assert 8 < admitted < 200
            assert line.line.in_flight_requests == 0
            assert [len(run) for run in line.session.runs] == [8, 8]
            line.source.assign(PARTITION)
            await line.quiet(within_s=1_000)
            assert len(line.ends()) == 1_000


async def test_a_revocation_drops_what_waits_unrun():
    async with Line(LANES) as line:
        line.push("standard", 1, 2, 3)
        await asyncio.sleep(1)

        await line.source.revoke(PARTITION)
        await asyncio.sleep(60)

        assert not line.session.runs
        assert not line.sink.published
        assert line.line.in_flight_requests == 0
        assert line.scrape().total("handed_back_total") == 3


async def test_what_was_handed_back_is_answered_once_when_the_partition_returns():
    async with Line(LANES) as line:
        line.session.base_s = 5.0
        requests = line.push("standard", *range(11))  # 8 run, 3 wait
        await asyncio.sleep(1)
        await line.source.revoke(PARTITION)

        line.source.assign(PARTITION)
        await line.quiet(within_s=100)

        assert all(line.end_of(each) for each in requests)


async def test_a_revocation_does_not_wait_for_what_is_only_being_prepared():
    async with Line(LANES, transform=Ones()) as line:
        line.push("standard", *[b"a"] * 3)
        await asyncio.sleep(0.005)  # half-way through the preparation
        told_s = now_s()

        await line.source.revoke(PARTITION)

        assert now_s() == told_s
        await asyncio.sleep(2)
        assert line.line.in_flight_requests == 0


async def test_a_revocation_waits_for_what_a_transform_makes_of_outputs():
    async with Line(LANES, transform=Ones()) as line:
        line.session.base_s = 1.0
        requests = line.push("standard", *[b"a"] * 8)
        await asyncio.sleep(1.12)  # the run is over, the replies are being written
        assert line.session.runs
        assert not line.ends()

        await line.source.revoke(PARTITION)

        assert [line.end_of(each).value for each in requests] == [b"done"] * 8
        assert line.source.committed[PARTITION] == 8


async def test_a_revocation_does_not_touch_other_partitions():
    async with Line(LANES, partitions=2) as line:
        line.push("standard", 1, 2)
        (kept,) = line.push("standard", 3, partition=1)
        await asyncio.sleep(1)

        await line.source.revoke(PARTITION)
        await line.quiet(within_s=100)

        assert line.session.runs == [[3]]
        assert value_of(line.end_of(kept).value) == 6


async def test_a_sink_that_is_held_does_not_hold_a_revocation_beyond_its_budget():
    async with Line(LANES, limits={"revoke": 3.0}) as line:
        line.sink.hold()
        line.push("standard", *range(8))
        await asyncio.sleep(1)
        told_s = now_s()

        await line.source.revoke(PARTITION)

        assert now_s() - told_s == pytest.approx(3.0, abs=0.1)
        assert PARTITION not in line.source.committed


async def test_what_was_not_sent_when_a_partition_went_is_never_sent():
    async with Line(LANES) as line:
        line.session.base_s = 5.0
        line.push("standard", *range(8))
        await asyncio.sleep(1)

        line.source.lose(PARTITION)
        await asyncio.sleep(60)

        assert len(line.session.runs) == 1
        assert not line.sink.published
        assert not line.commits
        assert line.line.in_flight_requests == 0


async def test_what_waits_for_a_lost_partition_never_runs():
    async with Line(LANES) as line:
        line.push("standard", 1, 2)
        await asyncio.sleep(1)

        line.source.lose(PARTITION)
        await asyncio.sleep(60)

        assert not line.session.runs
        assert line.line.in_flight_requests == 0
        assert line.scrape().total("handed_back_total") == 2


async def test_suspects_of_a_lost_partition_run_no_more():
    async with Line(LANES) as line:
        line.push("standard", *[ENDLESS] * 8)
        await asyncio.sleep(31.5)  # their batch took too long, they are run one by one
        line.source.lose(PARTITION)
        await asyncio.sleep(2.0)

        runs = len(line.session.runs)
        await asyncio.sleep(100.0)

        assert len(line.session.runs) == runs
        assert line.line.in_flight_requests == 0
        assert line.scrape().total("handed_back_total") == 8


async def test_what_is_being_prepared_for_a_lost_partition_is_let_go():
    async with Line(LANES, transform=Ones()) as line:
        line.push("standard", *[b"a"] * 8)
        await asyncio.sleep(0.005)  # half-way through the preparation

        line.source.lose(PARTITION)
        await asyncio.sleep(60)

        assert not line.session.runs
        assert line.line.in_flight_requests == 0
        assert line.scrape().total("handed_back_total") == 8


async def test_a_late_answer_of_a_lost_assignment_settles_nothing_in_the_next():
    async with Line(LANES) as line:
        line.session.base_s = 5.0
        requests = line.push("standard", *range(8))
        await asyncio.sleep(1)
        line.source.lose(PARTITION)
        line.source.assign(PARTITION)
        await asyncio.sleep(4.5)  # the first run is over, the second is under way

        assert not line.sink.published
        assert PARTITION not in line.source.committed
        await line.quiet()
        assert all(line.end_of(each) for each in requests)


async def test_nothing_is_sent_without_a_lease():
    async with Line(LANES) as line:
        line.session.base_s = 5.0
        line.push("standard", *range(8))
        await asyncio.sleep(1)

        line.source.lease = False
        await asyncio.sleep(60)

        assert not line.sink.published
        assert not line.commits
        assert line.line.in_flight_requests == 0


async def test_a_send_that_is_repeated_is_not_repeated_without_a_lease():
    async with Line(LANES) as line:
        line.sink.lose_acks(1)
        line.push("standard", *range(8))
        await asyncio.sleep(0.1)  # taken, unacknowledged, and soon to be sent again
        assert len(line.sink.published) == 8

        line.source.lease = False
        await asyncio.sleep(60)

        assert len(line.sink.published) == 8
        assert not line.commits


async def test_what_was_read_before_the_log_was_cut_is_answered_and_waited_for():
    async with Line(LANES) as line:
        (read,) = line.push("standard", 1)
        await asyncio.sleep(1)  # it was read, and waits for company
        line.push("standard", *range(2, 41))

        line.source.cut(*PARTITION, before=30)
        await line.quiet(within_s=100)

        assert value_of(line.end_of(read).value) == 2
        assert line.scrape().total("handed_back_total") == 0
        assert line.source.committed[PARTITION] == 40
        assert not line.premature


async def test_what_is_on_no_log_any_more_does_not_wait_for_company():
    async with Line(LANES) as line:
        (read,) = line.push("standard", 1)
        await asyncio.sleep(0.2)
        line.push("standard", 2, 3)

        line.source.cut(*PARTITION, before=2)
        await asyncio.sleep(2)

        assert line.waited_s(read) < 2


async def test_what_was_read_before_the_log_was_cut_goes_with_its_partition():
    async with Line(LANES) as line:
        line.session.base_s = 5.0
        line.push("standard", *range(8))  # they run
        await asyncio.sleep(0.2)
        line.push("standard", *range(8))
        line.source.cut(*PARTITION, before=12)

        line.source.lose(PARTITION)
        await asyncio.sleep(60)

        assert not line.sink.published
        assert line.line.in_flight_requests == 0
