"""Requests that kill their worker, again and again: who is blamed, and what the others notice."""

import asyncio

import pytest

from daemon.isolation.quarantine import MOST_BLAMED
from daemon.isolation.suspect_range import most_deaths
from daemon.values.errors import Exit, Fatal
from tests.pipeline.doubling import Ones
from tests.pipeline.line import Line

LANES = {
    "standard": {"topics": ["standard"], "max_rows": 8, "linger": 1.0},
    "urgent": {"topics": ["urgent"], "max_rows": 4, "linger": 0.02, "weight": 8},
}
POISON = b"poison"


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


@pytest.mark.parametrize("places", [[0], [37], [3, 4, 60], [99]], ids=str)
async def test_exactly_the_poison_is_blamed_and_kept(places):
    bodies = [POISON if place in places else b"good" for place in range(100)]
    async with Line(LANES, partitions=2, transform=Deadly()) as line:
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

        assert line.source.next_probe() is None


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
