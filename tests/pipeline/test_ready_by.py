"""A lane that is to be ready by a time, on the whole line: opened as late as what waits allows."""

import asyncio
import re

import pytest

from daemon.scaling.remembered import Remembered, Subject
from daemon.windows.ready_by import Opening
from tests.pipeline.line import EPOCH_S, Line, now_s

PERIOD_S = 600.0
TIME_S = -EPOCH_S % PERIOD_S + PERIOD_S
"""When the second time is, in the loop's time."""
MARGIN_S = 30.0
TIMES = {"ready_by": ["*/10 * * * *"], "zone": "UTC", "ready_margin": MARGIN_S}
LAST_S = TIME_S - MARGIN_S
RATE = {"service_rate": 1.0, "utilisation": 0.5}
"""Two seconds a record are reckoned with; the model takes one."""
TOPIC, URGENT = "documents", "urgent"


def lanes(**documents):
    return {"documents": {"topics": [TOPIC], "max_rows": 1, "linger": 30.0} | TIMES | documents}


def line(scaling=RATE, partitions=1, beside=None, **documents):
    all_of_them = lanes(**documents) | ({"urgent": {"max_rows": 1} | beside} if beside else {})
    made = Line(all_of_them, partitions=partitions, scaling=scaling)
    made.session.base_s = 1.0
    return made


async def until(time_s):
    await asyncio.sleep(time_s - now_s())


def answers_s(line, requests):
    return [line.end_of(each).at_s for each in requests]


def told(capsys):
    """The events of windows and times, each with its fields."""
    lines = [
        each
        for each in capsys.readouterr().out.splitlines()
        if re.search(r"window\.|ready_by\.", each)
    ]
    return [
        (
            re.search(r"(window|ready_by)\.\w+", each)[0],
            dict(re.findall(r"(\w+)=('[^']*'|\S+)", each)),
        )
        for each in lines
    ]


async def past_the_first(line):
    """Let the time before pass, for which nothing waits."""
    await until(TIME_S - PERIOD_S + 60)


async def test_it_opens_as_late_as_it_can_and_is_ready(capsys):
    async with line() as daemon:
        await past_the_first(daemon)
        requests = daemon.push(TOPIC, *range(100))
        await until(LAST_S - 201)
        assert not daemon.ends()
        await until(TIME_S)

        answered_s = answers_s(daemon, requests)
        assert min(answered_s) == pytest.approx(LAST_S - 200, abs=3)
        assert max(answered_s) <= TIME_S
        events = dict(told(capsys))
        assert events["window.ended"]["outcome"] == "on_time"
        assert float(events["ready_by.met"]["spare_s"]) > MARGIN_S


async def test_what_arrives_in_a_lane_that_is_always_open_is_left_time_for():
    """A record of 2 s every 10 s leaves four fifths of the worker."""
    async with line(beside={"topics": [URGENT]}) as daemon:
        await past_the_first(daemon)
        requests = daemon.push(TOPIC, *range(100))
        while now_s() < TIME_S - 10:
            daemon.push(URGENT, 1)
            await asyncio.sleep(10)

        answered_s = answers_s(daemon, requests)
        assert min(answered_s) == pytest.approx(LAST_S - 200 / 0.8, abs=8)
        assert max(answered_s) <= TIME_S


async def test_what_waits_for_a_moment_before_its_time_is_left_time_for():
    """30 records are served at the seventh minute."""
    by_clock = {"topics": [URGENT], "open": ["7-59/10 * * * *"], "zone": "UTC"}
    async with line(beside=by_clock) as daemon:
        await past_the_first(daemon)
        requests = daemon.push(TOPIC, *range(100))
        daemon.push(URGENT, *range(30))
        await until(TIME_S)

        answered_s = answers_s(daemon, requests)
        assert min(answered_s) == pytest.approx(LAST_S - 260, abs=8)
        assert max(answered_s) <= LAST_S


async def test_what_comes_after_its_opening_is_for_the_next_time():
    async with line() as daemon:
        await past_the_first(daemon)
        daemon.push(TOPIC, *range(100))
        await until(LAST_S - 50)
        (later,) = daemon.push(TOPIC, 1)
        await until(TIME_S + 300)
        assert later not in daemon.ends()

        await until(TIME_S + PERIOD_S)
        assert later in daemon.ends()


async def test_where_nothing_waits_it_opens_a_margin_before_and_what_comes_later_waits():
    async with line() as daemon:
        await past_the_first(daemon)
        await until(LAST_S + 5)
        (later,) = daemon.push(TOPIC, 1)
        await until(TIME_S + 300)

        assert later not in daemon.ends()
        assert not daemon.source.opened


async def test_who_comes_in_its_window_goes_on_for_the_same_moment(capsys):
    """As after kill -9: what is left would have it open later, and leave the machine idle."""
    async with line() as daemon:
        await past_the_first(daemon)
        requests = daemon.push(TOPIC, *range(100))
        await until(LAST_S - 200 + 50)
        daemon.task.cancel()
        await asyncio.wait([daemon.task])
        served = len(daemon.ends())
        opened = dict(daemon.source.opened)
        await daemon.restart()
        await asyncio.sleep(20)

        assert 40 < served < 60
        assert len(daemon.ends()) > served + 15
        await until(TIME_S)
        assert set(requests) <= set(daemon.ends())
        assert daemon.source.opened == opened
        assert dict(told(capsys))["window.ended"]["outcome"] == "late"


async def test_who_gets_a_partition_whose_lane_was_opened_for_the_time_goes_on_with_it():
    async with line(partitions=2) as daemon:
        await past_the_first(daemon)
        moved = (TOPIC, 1)
        await daemon.source.revoke(moved)
        (mine,), (theirs,) = daemon.push(TOPIC, 1), daemon.push(TOPIC, 2, partition=1)
        await asyncio.sleep(60)
        opened = Opening(EPOCH_S + TIME_S, EPOCH_S + now_s())
        daemon.source.opened[moved] = opened
        daemon.source.assign(moved)
        await asyncio.sleep(10)

        assert {mine, theirs} <= set(daemon.ends())
        assert daemon.source.opened == dict.fromkeys(daemon.partitions, opened)


async def test_who_comes_after_the_time_serves_what_waited_and_says_that_it_was_missed(capsys):
    async with line() as daemon:
        await past_the_first(daemon)
        requests = daemon.push(TOPIC, *range(100))
        daemon.clock_step_s += PERIOD_S  # as when the machine was suspended
        await asyncio.sleep(2)
        missed = [fields for event, fields in told(capsys) if event == "ready_by.missed"]
        await asyncio.sleep(110)

        assert [int(each["records"]) for each in missed] == [100]
        assert set(requests) <= set(daemon.ends())


async def test_a_window_that_is_not_over_by_its_time_is_told_at_the_time(capsys):
    async with line() as daemon:
        daemon.session.base_s = 4.0
        await past_the_first(daemon)
        daemon.push(TOPIC, *range(100))
        await until(TIME_S - 1)
        assert "ready_by.missed" not in [event for event, _ in told(capsys)]
        await until(TIME_S + 1)

        (missed,) = [fields for event, fields in told(capsys) if event == "ready_by.missed"]
        assert 35 <= int(missed["records"]) <= 50
        await until(TIME_S + 300)
        assert "ready_by.met" not in [event for event, _ in told(capsys)]


async def test_where_it_is_not_known_what_a_worker_serves_it_opens_at_once_and_again():
    async with line(scaling={}) as daemon:
        await past_the_first(daemon)
        for _ in range(3):
            requests = daemon.push(TOPIC, *range(5))
            await asyncio.sleep(20)
            assert set(requests) <= set(daemon.ends())
        assert not daemon.source.opened


async def test_what_workers_served_before_is_known_from_commits():
    async with line(scaling={"utilisation": 0.5}) as daemon:
        subject = Subject.of(daemon.settings)
        daemon.source.remembered = [Remembered(1.0, 5.0, EPOCH_S, subject).text]
        await past_the_first(daemon)
        requests = daemon.push(TOPIC, *range(100))
        await until(TIME_S)

        assert min(answers_s(daemon, requests)) == pytest.approx(LAST_S - 200, abs=3)


async def test_scheduled_moments_open_it_too():
    async with line(open=["23 * * * *"]) as daemon:
        await past_the_first(daemon)
        (first,) = daemon.push(TOPIC, 1)
        await until(TIME_S - PERIOD_S + 185)
        assert first in daemon.ends()
        (second,) = daemon.push(TOPIC, 1)
        await until(LAST_S - 10)
        assert second not in daemon.ends()
        await until(TIME_S)
        assert second in daemon.ends()


@pytest.mark.parametrize("step_s", [-1_200.0, 200.0])
async def test_a_clock_that_was_set_wrong_for_a_while_makes_nothing_late(step_s):
    async with line() as daemon:
        await past_the_first(daemon)
        requests = daemon.push(TOPIC, *range(100))
        daemon.clock_step_s = step_s
        await asyncio.sleep(100)
        daemon.clock_step_s = 0.0
        await until(TIME_S)

        assert set(requests) <= set(daemon.ends())
