"""Spans of what went through the whole line."""

from collections import Counter

import pytest

from daemon.telemetry.otel import names
from daemon.telemetry.otel.spans import MOST_LINKS, context_of
from daemon.telemetry.otel.tracing import Tracing
from tests.pipeline.doubling import POISON
from tests.pipeline.line import EPOCH_S, MODEL, Line


def traced(number, *, sampled=True):
    return [("traceparent", b"00-%032x-%016x-0%d" % (number, number, sampled))]


class Seen:
    """A line that tells `spans` of all."""

    def __init__(self, **options):
        self.spans = []
        self.line = Line(tracing=Tracing("g", self.spans.append), **options)

    @property
    def batches(self):
        return [span for span in self.spans if span.parent is None]

    @property
    def requests(self):
        return [span for span in self.spans if span.parent is not None]


async def test_a_batch_is_a_span_that_is_linked_to_its_requests():
    seen = Seen()
    async with seen.line as line:
        for number in range(1, 9):
            line.push("standard", number, headers=traced(number, sampled=number % 2))
        await line.quiet()

    (span,) = seen.batches
    assert sorted(link.trace_id for link in span.links) == [*range(1, 9)]
    assert [link.sampled for link in span.links] == [True] * 4 + [False] * 4
    assert span.name == f"run {MODEL}"
    assert span.attributes[names.MESSAGES] == span.attributes[names.ROWS] == 8
    assert span.attributes[names.CAUSE] == "full"
    assert EPOCH_S * 1e9 <= span.began_ns < span.ended_ns


async def test_requests_without_a_trace_are_in_a_batch_without_links():
    seen = Seen()
    async with seen.line as line:
        line.push("standard", 1, 2)
        await line.quiet()

    assert [[*span.links] for span in seen.batches] == [[]]
    assert seen.requests == []


@pytest.mark.parametrize("count", [1, 8], ids=["alone", "in a run"])
async def test_a_sampled_request_is_the_span_that_its_reply_names(count):
    seen = Seen()
    async with seen.line as line:
        for number in range(1, count + 1):
            line.push("standard", number, headers=traced(number))
        await line.quiet()
        named = {
            context_of(reply.header("traceparent"))[:2] for reply in line.sink.sent_to("replies")
        }

    assert {span.context[:2] for span in seen.requests} == named
    assert len(seen.requests) == count
    for span in seen.requests:
        assert span.parent.trace_id == span.parent.span_id == span.context.trace_id
        assert span.name == "process standard"
        assert span.attributes[names.OFFSET] == span.context.trace_id - 1
        assert span.began_ns < span.ended_ns
        assert span.failed is None


async def test_of_a_run_those_that_are_sampled_are_spans():
    seen = Seen()
    async with seen.line as line:
        for number in range(1, 9):
            line.push("standard", number, headers=traced(number, sampled=number in {3, 6}))
        await line.quiet()
        replied = [
            context_of(reply.header("traceparent")) for reply in line.sink.sent_to("replies")
        ]

    assert [span.context for span in seen.requests] == [each for each in replied if each.sampled]
    told = [(span.parent[:2], span.attributes[names.OFFSET]) for span in seen.requests]
    assert told == [((3, 3), 2), ((6, 6), 5)]


async def test_a_request_that_is_not_sampled_is_no_span():
    seen = Seen()
    async with seen.line as line:
        line.push("standard", 1, headers=traced(1, sampled=False))
        line.push("standard", 2)
        await line.quiet()

    assert seen.requests == []


async def test_what_gets_no_result_says_why():
    seen = Seen()
    async with seen.line as line:
        line.push("standard", POISON, headers=traced(1))
        line.push("standard", b"odd", headers=traced(2))
        line.push("standard", 3, headers=[*traced(3), ("reply-to", b"denied")])
        await line.quiet()

    ends = {span.context.trace_id: span.attributes[names.ERROR] for span in seen.requests}
    assert ends == {1: "inference_failed", 2: "invalid_shape", 3: "reply_topic_denied"}
    assert [span.context.trace_id for span in seen.requests if names.DEAD in span.attributes] == [3]
    assert Counter(span.failed is not None for span in seen.batches)[True] >= 1


async def test_a_span_has_few_links_and_says_how_many_it_lacks():
    most = MOST_LINKS + 10
    seen = Seen(lanes={"standard": {"topics": ["standard"], "max_rows": most, "linger": 1.0}})
    async with seen.line as line:
        for number in range(1, most + 1):
            line.push("standard", 1, headers=traced(number, sampled=number > 10))
        await line.quiet()

    (span,) = seen.batches
    assert len(span.links) == MOST_LINKS
    assert all(link.sampled for link in span.links)
    assert span.attributes[names.UNLINKED] == 10


async def test_a_timestamp_that_is_missing_or_ahead_makes_no_negative_span():
    seen = Seen()
    async with seen.line as line:
        line.push("standard", 1, headers=traced(1), timestamp=-1)
        line.push("standard", 2, headers=traced(2), timestamp=int(EPOCH_S * 1000) + 10**9)
        await line.quiet()

    assert [span.began_ns == span.ended_ns for span in seen.requests] == [True, True]
