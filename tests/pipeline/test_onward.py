"""A lane that goes on to another: its results are requests there, its errors are the requester's."""

import asyncio

from tests.pipeline.doubling import POISON, value_of
from tests.pipeline.line import REPLIES, Line

BOXES = "boxes"
LANES = {
    "pages": {"topics": ["pages"], "max_rows": 8, "linger": 0.1, "then": "boxes"},
    "boxes": {"topics": [BOXES], "max_rows": 8, "linger": 0.1},
}


def make_topic(line):
    line.sink.topics[BOXES] = 4


async def go_on(line):
    """Bring what was published to the next lane's topic there, as Kafka would."""
    for record in line.sink.sent_to(BOXES):
        line.source.push(BOXES, 0, record.value, key=record.key, headers=record.headers)
    await line.quiet()


def replies(line):
    return {dict(each.headers)["correlation-id"]: each for each in line.sink.sent_to(REPLIES)}


def named(number):
    return [("correlation-id", b"%d" % number)]


async def test_results_go_on_and_errors_do_not():
    async with Line(LANES) as line:
        make_topic(line)
        line.push("pages", 1, headers=named(1))
        line.push("pages", POISON, headers=named(2))
        line.push("pages", b"odd", headers=named(3))
        line.push("pages", 4, headers=named(4))
        await line.quiet()

        codes = {name: each.header("error-code") for name, each in replies(line).items()}
        assert codes == {b"2": b"inference_failed", b"3": b"invalid_shape"}
        assert [value_of(each.value) for each in line.sink.sent_to(BOXES)] == [2, 8]

        await go_on(line)

        found = replies(line)
        assert [value_of(found[name].value) for name in (b"1", b"4")] == [4, 16]
        assert [found[name].header("origin-id") for name in (b"1", b"4")] == [
            b"pages/0/0",
            b"pages/0/3",
        ]


async def test_nothing_of_them_is_held_once_they_are_on_their_way():
    async with Line(LANES) as line:
        make_topic(line)
        line.push("pages", *range(1, 20), headers=named(1))
        await line.quiet()

        (pages, _) = line.lanes
        assert len(line.sink.sent_to(BOXES)) == 19
        assert (pages.budget.requests, pages.budget.bytes, pages.budget.reply_bytes) == (0, 0, 0)
        assert line.source.committed["pages", 0] == 19
        assert line.premature == []


async def test_the_topic_of_the_next_lane_is_waited_for():
    async with Line(LANES) as line:
        line.push("pages", 1, headers=named(1))
        await asyncio.sleep(10)
        assert not line.sink.published
        assert line.source.committed.get(("pages", 0), 0) == 0

        make_topic(line)
        await line.quiet()

        assert [value_of(each.value) for each in line.sink.sent_to(BOXES)] == [2]


async def test_what_the_next_topic_does_not_take_is_an_error_for_the_requester():
    async with Line(LANES) as line:
        make_topic(line)
        line.sink.largest_bytes[BOXES] = 10
        line.push("pages", 1, headers=named(1))
        await line.quiet()

        assert replies(line)[b"1"].header("error-code") == b"result_too_large"


async def test_a_request_has_no_more_time_for_both_than_it_asked_for():
    lanes = LANES | {"boxes": LANES["boxes"] | {"linger": 3600.0, "max_rows": 1_000}}
    async with Line(lanes) as line:
        make_topic(line)
        line.session.base_s = 0.7
        line.push("pages", 1, headers=[*named(1), ("timeout-ms", b"1000")])
        line.push("pages", 2, headers=[*named(2), ("timeout-ms", b"500")])
        await line.quiet()  # both have run once: 2 is late by then, 1 is not
        await asyncio.sleep(1.0)
        await go_on(line)

        codes = {name: each.header("error-code") for name, each in replies(line).items()}
        assert codes == {b"1": b"deadline_exceeded", b"2": b"deadline_exceeded"}
        assert len(line.session.runs) == 1
