"""A lane that opens by the clock, beside one that is always open, on the whole line."""

import asyncio
import re

import pytest

from daemon.line.lanes import make_lanes
from daemon.values.errors import Exit
from tests.pipeline.doubling import Ones
from tests.pipeline.line import EPOCH_S, Line, now_s
from tests.pipeline.test_isolation import POISON, Deadly, Dies
from tests.pipeline.test_preparing import before

FIRST_S = -EPOCH_S % 60
"""When the first full minute is, in the loop's time."""
PROMPTLY_S = 0.2


def lanes(*, every=None, **documents):
    clock = {"open": [every or "* * * * *"], "zone": "UTC"}
    return {
        "documents": {"topics": ["documents"], "max_rows": 8, "linger": 30.0} | clock | documents,
        "urgent": {"topics": ["urgent"], "max_rows": 4, "linger": 0.02, "weight": 8},
    }


def alone(**documents):
    """Without a lane beside it, which has room for a large fetch."""
    return {"documents": lanes(**documents)["documents"]}


async def until(time_s):
    await asyncio.sleep(time_s - now_s())


def ended(line):
    """The documents that have been answered by now."""
    return {request for request in line.ends() if request.startswith("documents")}


def answered_s(line, request):
    return line.end_of(request).at_s


async def test_nothing_of_a_shut_lane_is_fetched_and_at_its_moment_all_is_answered():
    async with Line(lanes()) as line:
        requests = line.push("documents", *range(20))
        for _ in range(30):
            (urgent,) = line.push("urgent", 1)
            await asyncio.sleep(1)
            assert line.end_of(urgent)
        await until(FIRST_S - 0.01)
        (documents, _) = line.lanes
        assert (ended(line), documents.budget.requests) == (set(), 0)

        await until(FIRST_S + PROMPTLY_S)
        assert ended(line) == set(requests)
        assert all(answered_s(line, each) >= FIRST_S for each in requests)


async def test_only_the_last_batch_is_short():
    async with Line(lanes()) as line:
        line.push("documents", *range(20))
        await until(FIRST_S + PROMPTLY_S)

        assert [len(run) for run in line.session.runs] == [8, 8, 4]
        assert line.scrape().by("cause", "flushes_total") == {"full": 2, "drain": 1}


async def test_it_does_not_shut_on_what_is_still_being_prepared():
    slowly = before(lambda body: 0.53 if body == b"slow" else 0.1)
    async with Line(lanes(), partitions=2, transform=Ones(), transform_s=slowly) as line:
        line.push("documents", *[b"slow"] * 10)
        line.push("documents", *[b"quick"] * 10, partition=1)
        await until(FIRST_S + 10 * 0.53 + PROMPTLY_S)
        assert [len(run) for run in line.session.runs] == [8, 8, 4]


async def test_a_lane_that_is_alone_opens_as_promptly():
    async with Line(alone()) as line:
        await until(FIRST_S + 30.5)
        (request,) = line.push("documents", 1)
        await until(FIRST_S + 60 + PROMPTLY_S)

        assert request in line.ends()


async def test_it_is_told_how_a_window_went_when_it_is_over(capsys):
    async with Line(lanes()) as line:
        line.session.base_s = 0.3
        line.push("documents", 1)
        await until(FIRST_S + 0.4)

        (told,) = [each for each in capsys.readouterr().out.splitlines() if "window." in each]
        assert "window.ended" in told
        assert "lane=documents moment='2023-11-14 22:14:00+00:00'" in told
        assert "next='2023-11-14 22:15:00+00:00'" in told
        assert "outcome=on_time" in told
        assert 0.3 <= float(told.partition("open_s=")[2].split()[0]) < 0.31


def told(capsys):
    """The windows that the log tells of, each with its fields."""
    lines = [each for each in capsys.readouterr().out.splitlines() if "window." in each]
    return [dict(re.findall(r"(\w+)=('[^']*'|\S+)", line)) for line in lines]


async def test_each_window_is_told_with_what_was_done_for_it(capsys):
    async with Line(lanes()) as line:
        line.session.base_s = 0.25
        line.push("documents", *range(12), b"neither a row nor anything else")
        line.push("urgent", 1)
        await until(FIRST_S + 10)
        line.push("documents", 1)
        await until(FIRST_S + 70)

        first, second = told(capsys)
        assert first.items() >= {"records": "13", "results": "12", "errors": "1"}.items()
        assert first.items() >= {"batches": "2", "fill": "0.75", "run_s": "0.5"}.items()
        assert second.items() >= {"records": "1", "results": "1", "errors": "0"}.items()
        assert second.items() >= {"batches": "1", "fill": "0.125", "run_s": "0.25"}.items()
        page = line.scrape()
        windows = dict(page.by("outcome", "window_openings_total", lane="documents"))
        assert windows == {"on_time": 2, "late": 0, "overran": 0, "missed": 0}
        assert page.total("window_seconds_sum", lane="documents") == pytest.approx(0.75, abs=0.1)
        assert page.total("window_fill_ratio_sum", lane="documents") == 0.875


async def test_a_window_that_goes_on_past_the_next_moment_is_counted_as_such(capsys):
    async with Line(lanes()) as line:
        line.session.base_s = 10.0
        line.push("documents", *range(64))
        await until(FIRST_S + 100)

        first, second = told(capsys)
        assert (first["outcome"], second["outcome"]) == ("overran", "on_time")
        assert int(first["records"]) + int(second["records"]) == 64
        windows = dict(line.scrape().by("outcome", "window_openings_total"))
        assert windows == {"on_time": 1, "late": 0, "overran": 1, "missed": 0}


async def test_a_moment_that_nobody_opened_at_is_counted(capsys):
    async with Line(lanes(missed="skip")) as line:
        line.push("documents", 1)
        await until(FIRST_S - 5)
        line.clock_step_s += 10  # five seconds past the moment
        await asyncio.sleep(5)

        (missed,) = told(capsys)
        assert missed["moment"] == "'2023-11-14 22:14:00+00:00'"
        assert line.scrape().by("outcome", "window_openings_total")["missed"] == 1
        assert line.scrape().total("records_total") == 0


async def test_the_next_opening_is_known_of_the_lanes_that_have_one():
    async with Line(lanes()) as line:
        await asyncio.sleep(1)
        assert line.line.next_openings == {("documents", "documents"): EPOCH_S + FIRST_S}
        await until(FIRST_S + 1)
        assert line.line.next_openings == {("documents", "documents"): EPOCH_S + FIRST_S + 60}


async def test_what_comes_after_the_moment_waits_for_the_next():
    async with Line(lanes()) as line:
        line.push("documents", 1)
        await until(FIRST_S + PROMPTLY_S)
        (later,) = line.push("documents", 2)

        await until(FIRST_S + 59.9)
        assert later not in line.ends()
        await until(FIRST_S + 60 + PROMPTLY_S)
        assert later in line.ends()


async def test_a_lane_that_was_shut_when_nothing_waited_opens_for_what_comes():
    async with Line(lanes()) as line:
        await until(FIRST_S + 61)
        (request,) = line.push("documents", 1)

        await until(FIRST_S + 120 + PROMPTLY_S)
        assert answered_s(line, request) >= FIRST_S + 120


async def test_nobody_asks_again_and_again_whether_it_is_open():
    async with Line(lanes(every="0 0 * * *")) as line:
        fetches, fetch = [], line.source.fetch

        async def counted(*args, **options):
            fetches.append(now_s())
            return await fetch(*args, **options)

        line.source.fetch = counted
        await asyncio.sleep(60)

    assert len(fetches) <= 61


async def test_a_lane_that_is_shut_costs_the_others_nothing():
    async with Line(lanes(every="0 0 * * *")) as line:
        (documents, _) = line.lanes
        looks, look = [], documents.window.look

        def counted(*args, **options):
            looks.append(now_s())
            return look(*args, **options)

        documents.window.look = counted
        for number in range(300):
            line.push("urgent", number)
            await asyncio.sleep(0.1)

    assert len(line.ends()) == 300
    assert len(looks) < 40  # about one a second


@pytest.mark.parametrize("back_s", [7_200.0, -7_200.0])
async def test_a_window_goes_on_when_the_clock_is_set(back_s):
    async with Line(lanes()) as line:
        line.session.base_s = 1.0
        requests = line.push("documents", *range(40))
        await until(FIRST_S + 2)
        line.clock_step_s -= back_s

        await until(FIRST_S + 8)
        assert ended(line) == set(requests)


async def test_a_window_that_takes_longer_goes_on_with_the_next_target():
    async with Line(lanes()) as line:
        line.session.base_s = 10.0
        requests = line.push("documents", *range(64))
        await until(FIRST_S + 59)
        requests += line.push("documents", 64)

        await until(FIRST_S + 100)
        assert ended(line) == set(requests)


async def test_what_is_not_done_at_most_waits_for_the_next_moment():
    async with Line(alone(at_most=10.0, max_waiting=16)) as line:
        line.session.base_s = 4.0
        requests = line.push("documents", *range(128))

        await until(FIRST_S + 40)
        served = len(ended(line))
        assert 16 <= served < 64, "what was held by then is still answered"
        await until(FIRST_S + 59.9)
        assert len(ended(line)) == served
        await until(FIRST_S + 400)
        assert ended(line) == set(requests)


async def test_logs_whose_ends_nobody_tells_are_served_when_somebody_does():
    async with Line(lanes()) as line:
        early = line.push("documents", 1, 2)
        await until(FIRST_S - 1)
        line.source.reachable = False
        await until(FIRST_S + 10)
        late = line.push("documents", 3)
        assert ended(line) == set()

        line.source.reachable = True
        await until(FIRST_S + 10 + 1 + PROMPTLY_S)
        assert set(early) <= ended(line) <= {*early, *late}


async def test_who_is_told_to_stop_in_a_window_drains_and_the_rest_is_left_to_the_next():
    async with Line(alone(max_waiting=16)) as line:
        line.session.base_s = 1.0
        requests = line.push("documents", *range(64))
        await until(FIRST_S + 2.5)

        assert await line.end() is Exit.CLEAN
        served = len(ended(line))
        assert 16 <= served < 64
        later = line.push("documents", 64)
        await line.restart()
        await until(FIRST_S + 30)
        assert set(requests) <= ended(line) <= {*requests, *later}


async def test_a_worker_that_comes_when_all_was_served_waits_for_the_next_moment():
    async with Line(lanes()) as line:
        line.push("documents", 1)
        await until(FIRST_S + PROMPTLY_S)
        await line.end()
        (later,) = line.push("documents", 2)
        await asyncio.sleep(5)
        await line.restart()

        await until(FIRST_S + 59.9)
        assert later not in line.ends()
        await until(FIRST_S + 60 + PROMPTLY_S)
        assert later in line.ends()


async def test_a_partition_that_comes_in_the_middle_is_served_up_to_the_moment():
    async with Line(lanes(), partitions=2) as line:
        await line.source.revoke(("documents", 1))
        early = line.push("documents", 1, 2, partition=1)
        await until(FIRST_S + 5)
        late = line.push("documents", *range(200), partition=1)
        await asyncio.sleep(1)
        line.source.assign(("documents", 1))

        await until(FIRST_S + 10)
        assert set(early) <= ended(line)
        assert not set(late[-1:]) & ended(line) or len(ended(line)) == 202
        await until(FIRST_S + 60 + PROMPTLY_S)
        assert set(late) <= ended(line)


async def test_a_shut_lane_is_open_while_what_may_have_killed_a_worker_is_found():
    """Else nobody would be served before its next moment: a search for it has the line alone."""
    async with Line(lanes(every="20 * * * * *"), transform=Deadly()) as line:
        requests = line.push("documents", *[b"good"] * 4, POISON)
        urgent = line.push("urgent", b"urgent")
        deaths = 0
        while not set(requests) <= line.ends().keys():
            await asyncio.wait({line.task}, timeout=1)
            if line.task.done():
                with pytest.raises(Dies):
                    line.task.result()
                deaths += 1
                await line.restart()
                if deaths == 1:
                    line.clock_step_s += 30
        assert set(urgent) <= line.ends().keys()
        assert now_s() < 20


async def test_a_line_that_is_not_told_of_the_clock_has_all_lanes_open():
    async with Line(lanes()) as line:
        made = make_lanes(line.settings, line.models, by_clock=False)

        assert [lane.is_open for lane in made] == [True, True]
        assert [lane.is_open for lane in line.lanes] == [False, True]


async def test_what_waits_for_a_moment_is_no_lag():
    async with Line(lanes()) as line:
        line.session.base_s = 1.0
        line.push("documents", *range(20))
        line.push("urgent", 1)
        seen = line.source.lag_records

        assert (seen()["documents"], line.line.due(seen())["documents"]) == (20, 0)
        assert line.line.due(seen())["urgent"] == 1
        await until(FIRST_S + 1.5)
        assert line.line.due(seen())["documents"] == 12
        ages_s = {"documents": 700.0, "urgent": 700.0}
        assert line.line.due_for_s(ages_s) == {"documents": pytest.approx(1.5), "urgent": 700.0}
        await until(FIRST_S + 4)
        line.push("documents", 20)
        assert (seen()["documents"], line.line.due(seen())["documents"]) == (1, 0)


async def test_what_waits_for_a_moment_is_counted_though_nothing_of_it_is_fetched():
    async with Line(lanes()) as line:
        line.session.base_s = 1.0
        line.push("documents", *range(20))
        line.push("urgent", 1)
        await asyncio.sleep(6)

        waiting = line.line.waiting
        assert (waiting.records, waiting.seconds) == ({"documents": 20}, {"documents": 1.0})
        await until(FIRST_S + 0.5)
        assert (waiting.records, waiting.seconds) == ({}, {}), "it is lag now"
        await until(FIRST_S + 4)
        assert (waiting.records, waiting.seconds) == ({"documents": 0}, {})
        line.push("documents", 21)
        await asyncio.sleep(6)
        assert waiting.records == {"documents": 1}


async def test_a_broker_that_does_not_answer_what_waits_delays_no_moment():
    async with Line(lanes()) as line:
        answer = line.source.log_ends

        async def slow(partitions, *, as_of_s=None):
            if now_s() < FIRST_S:
                await asyncio.sleep(40)
            return await answer(partitions, as_of_s=as_of_s)

        line.source.log_ends = slow
        requests = line.push("documents", 1)
        await until(FIRST_S + PROMPTLY_S)
        assert ended(line) == set(requests)
