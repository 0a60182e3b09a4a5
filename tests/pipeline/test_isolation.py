"""Requests that kill their worker, again and again: who is blamed, and what the others notice."""

import asyncio

import pytest

from daemon.isolation.quarantine import MOST_BLAMED
from daemon.isolation.suspect_range import most_deaths
from daemon.values.errors import Exit, Fatal
from runtime import Done
from tests.pipeline.doubling import Ones, row
from tests.pipeline.line import Line

LANES = {
    "standard": {"topics": ["standard"], "max_rows": 8, "linger": 1.0},
    "urgent": {"topics": ["urgent"], "max_rows": 4, "linger": 0.02, "weight": 8},
}
POISON = b"poison"
AWAY = "replies.away"
"""A client's topic that takes nothing for now."""
PATIENT = {"publish": "1h"}


class Dies(BaseException):
    """Stands for the end of the process: nothing after it is done, and nothing is told."""


class Deadly(Ones):
    """Dies of poison; `company` are the bodies that it met since it was last asked."""

    harmless = False

    def __init__(self):
        self.company = []

    def preprocess(self, body, headers):
        self.company.append(body)
        if body == POISON and not self.harmless:
            raise Dies
        return super().preprocess(body, headers)


async def _live(line, meanwhile=lambda: None):
    """Let workers live until everything is answered; return how many died.

    `meanwhile` is called whenever one has died.
    """
    deaths = 0
    while True:
        quiet = asyncio.create_task(line.quiet())
        await asyncio.wait({quiet, line.task}, return_when=asyncio.FIRST_COMPLETED)
        if not line.task.done():
            await quiet
            return deaths
        quiet.cancel()
        await asyncio.wait({quiet})
        with pytest.raises(Dies):
            line.task.result()
        deaths += 1
        meanwhile()
        await line.restart()


def _blamed(line):
    """The requests that were answered with an error, and those that became dead letters."""
    refused, kept = set(), set()
    for request, ends in line.ends().items():
        for end in ends:
            if end.header("dlq-code") is not None:
                assert end.header("dlq-code") == b"crashed_worker"
                kept.add(request)
            elif end.header("status") == b"error":
                assert end.header("error-code") == b"crashed_worker"
                refused.add(request)
    return refused, kept


@pytest.mark.parametrize("executors", [1, 2])
@pytest.mark.parametrize("places", [[0], [37], [3, 4, 60], [99]], ids=str)
async def test_exactly_the_poison_is_blamed_and_kept(places, executors):
    bodies = [POISON if place in places else b"good" for place in range(100)]
    limits = {"executors": executors}
    async with Line(LANES, partitions=2, transform=Deadly(), limits=limits) as line:
        others = line.push("standard", *[b"good"] * 50, partition=1)
        requests = line.push("standard", *bodies)
        deaths = await _live(line)

        poison = {requests[place] for place in places}
        assert _blamed(line) == (poison, poison)
        assert line.ends().keys() == {*requests, *others}
        assert deaths <= most_deaths(len(places), 100)
        assert not line.premature


async def test_who_dies_alone_had_no_company():
    transform = Deadly()
    async with Line(LANES, partitions=2, transform=transform) as line:
        line.push("standard", *[b"good"] * 20, POISON)
        line.push("standard", *[b"other"] * 50, partition=1)
        line.push("urgent", *[b"urgent"] * 50)
        await _live(line)

        last = len(transform.company) - 1 - transform.company[::-1].index(POISON)
        before = last - 1 - transform.company[:last][::-1].index(POISON)
        assert transform.company[before + 1 : last] == [], "it was not alone in its last life"


async def test_what_a_worker_had_in_flight_that_was_killed_from_outside_is_answered():
    async with Line(LANES, transform=Ones()) as line:
        requests = line.push("standard", *[b"good"] * 500)
        await asyncio.sleep(0.5)
        line.tasks.fail(Dies())
        await asyncio.wait({line.task})
        await line.restart()
        await line.quiet()

        assert line.ends().keys() == set(requests)
        assert _blamed(line) == (set(), set())


async def test_a_worker_that_was_told_to_stop_leaves_no_suspects():
    async with Line(LANES, transform=Ones()) as line:
        line.push("standard", *[b"good"] * 500)
        await asyncio.sleep(0.1)
        await line.end()
        await line.restart()

        assert not line.source.suspected()


async def test_other_partitions_go_on_between_probes():
    """What comes while suspects run alone is answered before the last of them."""
    async with Line(LANES, partitions=2, transform=Ones()) as line:
        suspects = line.push("standard", *[b"good"] * 400)
        await asyncio.sleep(0.2)
        line.tasks.fail(Dies())
        await asyncio.wait({line.task})
        await line.restart()
        await asyncio.sleep(0.1)
        (clean,) = line.push("standard", b"clean", partition=1)
        await line.quiet()

        assert line.end_of(clean).at_s < line.end_of(suspects[-1]).at_s


async def test_where_every_request_kills_the_worker_ends_and_blames_few_of_them():
    transform = Deadly()
    async with Line(LANES, partitions=2, transform=transform) as line:
        requests = line.push("standard", *[POISON] * 60)
        requests += line.push("standard", *[POISON] * 60, partition=1)
        with pytest.raises(Fatal) as ended:
            await _live(line)

        assert ended.value.exit_code is Exit.MODEL_REFUSED
        assert "not the requests" in str(ended.value)
        refused, kept = _blamed(line)
        assert refused == kept
        assert len(refused) == MOST_BLAMED
        assert not line.premature

        transform.harmless = True
        await line.restart()
        await line.quiet()
        assert _blamed(line) == (refused, kept)
        assert line.ends().keys() == set(requests)


async def test_a_lane_that_is_well_keeps_no_other_from_ending_the_worker():
    async with Line(LANES, transform=Deadly()) as line:
        line.push("standard", *[POISON] * 60)
        with pytest.raises(Fatal):
            await _live(line, meanwhile=lambda: line.push("urgent", b"good"))


async def test_poison_that_comes_again_and_again_beside_others_ends_nobody():
    async with Line(LANES, partitions=2, transform=Deadly()) as line:
        poison = line.push("standard", *[POISON] * (2 * MOST_BLAMED))
        others = []
        await _live(
            line, meanwhile=lambda: others.extend(line.push("standard", b"good", partition=1))
        )

        assert _blamed(line) == (set(poison), set(poison))
        assert line.ends().keys() == {*poison, *others}


async def _crashed(line):
    """Somebody kills the worker from outside, and the next one takes over."""
    await asyncio.sleep(0.5)
    line.tasks.fail(Dies())
    await asyncio.wait({line.task})
    await line.restart()


def _away(line, *bodies, partition=0):
    """Publish requests whose answers are to go where nothing is taken."""
    line.sink.topics[AWAY] = 1
    line.sink.blocked.add(AWAY)
    headers = [("reply-to", AWAY.encode())]
    return line.push("standard", *bodies, partition=partition, headers=headers)


async def _answered(line, *requests, within_s=10.0):
    """Wait until all of `requests` have their ends."""
    async with asyncio.timeout(within_s):
        while not line.ends().keys() >= set(requests):  # noqa: ASYNC110 -- only looking tells
            await asyncio.sleep(0.01)


async def _left_in_peace(line):
    """Check that nothing is probed any more: the line would be emptied for it again and again."""
    tried = len(line.isolating)
    await asyncio.sleep(5.0)
    assert len(line.isolating) == tried


async def _back(line):
    """The client's topic takes records again; wait until everything is answered."""
    line.sink.blocked.clear()
    await line.quiet()


async def test_all_else_goes_on_while_the_answers_of_suspects_find_nobody_who_takes_them():
    async with Line(LANES, partitions=2, transform=Ones(), limits=PATIENT) as line:
        suspects = _away(line, *[b"good"] * 20)
        await _crashed(line)
        others = line.push("standard", *[b"good"] * 20, partition=1)
        others += line.push("urgent", *[b"good"] * 20)

        await _answered(line, *others, within_s=3.0)
        assert line.ends().keys() == set(others)
        assert line.source.notes["standard", 0].alone is None
        await _left_in_peace(line)

        await _back(line)
        assert line.ends().keys() == {*others, *suspects}
        assert not line.source.suspected()
        assert _blamed(line) == (set(), set())


async def test_poison_is_found_while_answers_of_other_suspects_find_nobody_who_takes_them():
    async with Line(LANES, partitions=3, transform=Deadly(), limits=PATIENT) as line:
        waiting = _away(line, *[b"good"] * 40)
        waiting += _away(line, b"good", partition=2)
        poisoned = line.push("standard", *[b"good"] * 30, POISON, *[b"good"] * 9, partition=1)
        deaths = 0
        while deaths <= most_deaths(1, 40):
            await asyncio.sleep(10.0)
            if not line.task.done():
                break
            with pytest.raises(Dies):
                line.task.result()
            deaths += 1
            await line.restart()

        assert deaths <= most_deaths(1, 40)
        assert _blamed(line) == ({poisoned[30]}, {poisoned[30]})
        assert line.ends().keys() == set(poisoned)

        await _back(line)
        assert line.ends().keys() == {*poisoned, *waiting}
        assert _blamed(line) == ({poisoned[30]}, {poisoned[30]})


async def test_poison_whose_own_answer_finds_nobody_who_takes_it_is_blamed_once_it_does():
    async with Line(LANES, partitions=2, transform=Deadly(), limits=PATIENT) as line:
        requests = _away(line, *[b"good"] * 5, POISON, *[b"good"] * 5, POISON)
        for _ in range(most_deaths(2, 12)):
            await asyncio.sleep(10.0)
            if line.task.done():
                await line.restart()
        (other,) = line.push("standard", b"good", partition=1)
        await _answered(line, other)
        assert not line.task.done()

        line.sink.blocked.clear()
        await _live(line)
        assert _blamed(line) == ({requests[5], requests[11]},) * 2


@pytest.mark.parametrize(
    "limit",
    [{"max_waiting": 10}, {"max_bytes": 10 * len(b"done")}],
    ids=["requests", "bytes of replies"],
)
async def test_a_lane_that_is_full_of_answers_of_suspects_holds_up_no_other(limit):
    lanes = LANES | {"standard": LANES["standard"] | limit}
    async with Line(lanes, partitions=2, transform=Ones(), limits=PATIENT) as line:
        suspects = _away(line, *[b"good"] * 200)
        suspects += line.push("standard", *[b"good"] * 200, partition=1)
        await _crashed(line)
        await asyncio.sleep(0.5)
        others = line.push("urgent", *[b"good"] * 20)

        await _answered(line, *others)
        await _left_in_peace(line)
        assert line.source.suspected().keys() == {("standard", 0), ("standard", 1)}
        assert line.lanes[0].budget.reply_bytes < (10 + 8) * len(b"done")

        await _back(line)
        assert line.ends().keys() == {*others, *suspects}


class Given(Ones):
    """Answers by itself, without the model."""

    def preprocess(self, body, headers):
        return Done("text/plain", b"given") if body == row(2) else super().preprocess(body, headers)


@pytest.mark.parametrize("transform", [None, Given])
async def test_no_probe_begins_while_others_may_not_run_for_their_replies(transform):
    lanes = LANES | {"standard": LANES["standard"] | {"max_bytes": 1}}
    async with Line(
        lanes, partitions=2, transform=transform and transform(), limits=PATIENT
    ) as line:
        line.session.row_s = 0.05  # a full batch of others runs longer than their turn
        suspects = line.push("urgent", 1, 1)
        line.tasks.fail(Dies())
        await asyncio.wait({line.task})
        await line.restart()
        held = _away(line, *[2] * 500, partition=1)
        await asyncio.sleep(3.0)
        await _left_in_peace(line)
        assert line.source.suspected().keys() == {("urgent", 0)}
        others = line.push("urgent", *[1] * 20, partition=1)
        await _answered(line, *others)

        await _back(line)
        assert line.ends().keys() == {*held, *suspects, *others}
        assert not line.source.suspected()
