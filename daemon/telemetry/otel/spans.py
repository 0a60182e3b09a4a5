"""What a batch and a request were, as spans. Pure.

Rule 1. A batch is a span of its own trace, linked to the contexts of its requests: it has many causes, and
  a span has one parent.
Rule 2. A request is a span in its requester's trace where that is sampled, its id the one that the reply
  names in its `traceparent`.
Rule 3. A request's span is what `tidemill_request_seconds` counts: from its record's timestamp until the
  broker has the answer.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from daemon.telemetry.otel import names
from daemon.values.messages import Answer, Request, SentHeader
from daemon.values.outgoing import HeaderColumn, texts
from daemon.values.reply_run import Leaving, ReplyRun
from daemon.values.request_run import in_runs
from daemon.wire.headers import TRACEPARENT
from daemon.wire.trace import is_trace
from runtime.errors import RunError

if TYPE_CHECKING:  # a value of the runner, which needs nothing of this module
    from daemon.inference.batches import Served

Attributes: TypeAlias = Mapping[str, str | int | bool]

MOST_LINKS = 128
"""The SDK's own limit, OTEL_SPAN_LINK_COUNT_LIMIT."""
_LAST_FLAGS, _SAMPLED = 54, b"13579bdf"
"""Where a traceparent has the digit of which the last bit says so: W3C Trace Context, section 3.2.2.5.1."""


class Context(NamedTuple):
    """Where a span belongs: which trace, which span of it."""

    trace_id: int
    span_id: int
    sampled: bool


class Span(NamedTuple):
    """A span that has ended; times are nanoseconds since 1970. `failed`: the code of how, if it did."""

    name: str
    context: Context
    parent: Context | None
    links: Sequence[Context]
    began_ns: int
    ended_ns: int
    attributes: Attributes
    failed: str | None


def context_of(traceparent: bytes) -> Context:
    """Return what a well-formed `traceparent` names."""
    _, trace_id, span_id, _ = traceparent.split(b"-")[:4]
    return Context(int(trace_id, 16), int(span_id, 16), _is_sampled(traceparent))


def batch_span(
    served: "Served", group: str, ids: Callable[[], Context], *, wall_ahead_s: float
) -> Span:
    """Return the span of a run; `ids` draws its context. `wall_ahead_s`: see reply_headers.Run."""
    batch = served.batch
    traces = sorted(_traceparents(batch.requests), key=_is_sampled, reverse=True)
    attributes: dict[str, str | int | bool] = {
        names.SYSTEM: names.KAFKA,
        names.GROUP: group,
        names.LANE: batch.bucket.lane,
        names.MODEL: batch.bucket.model,
        names.MESSAGES: len(batch.requests),
        names.ROWS: batch.rows,
        names.CAUSE: batch.cause,
    }
    if len(traces) > MOST_LINKS:
        attributes[names.UNLINKED] = len(traces) - MOST_LINKS
    failed = type(served.outcome).__name__ if isinstance(served.outcome, RunError) else None
    began_s = served.started_s + wall_ahead_s
    return Span(
        f"{names.RUN} {batch.bucket.model}",
        ids(),
        None,
        [*map(context_of, traces[:MOST_LINKS])],
        _ns(began_s),
        _ns(began_s + served.run_s),
        attributes if failed is None else {**attributes, names.ERROR: failed},
        failed,
    )


def request_spans(
    answers: Iterable[Leaving], group: str, ids: Callable[[], Context], *, wall_s: float
) -> Iterator[Span]:
    """Yield the spans of those requests that are sampled; the broker has their `answers` since `wall_s`.

    `ids` draws those of dead letters, which name none.
    """
    for answer in answers:
        sampled = _in_run(answer) if isinstance(answer, ReplyRun) else _in_answer(answer)
        for request in sampled:
            yield _request_span(request, group, ids, wall_s)


class _Sampled(NamedTuple):
    """A request that is sampled, and how it ended; `replied` is the traceparent of its reply, if it has one."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    lane: str
    asked: bytes
    replied: bytes | None
    code: str | None
    dead: bool


def _in_answer(answer: Answer) -> Iterator[_Sampled]:
    record = answer.record
    asked = _trace_in(record.headers)
    if asked is not None and _is_sampled(asked):
        yield _Sampled(
            record.topic,
            record.partition,
            record.offset,
            record.timestamp,
            answer.lane,
            asked,
            None if answer.dead else _trace_in(answer.headers),
            None if answer.code is None else answer.code.value,
            answer.dead,
        )


def _in_run(run: ReplyRun) -> Iterator[_Sampled]:
    """Yield those that are sampled; nothing is made of the others, which may be thousands."""
    columns = [each for each in run.records.headers if isinstance(each, HeaderColumn)]
    replied = [text for each in columns if each.name == TRACEPARENT for text in texts(each.values)]
    places = [place for place, text in enumerate(replied) if _is_sampled(text)]
    if not places:
        return
    asked = [*_traceparents(run.requests)]  # each has one, since each reply does
    for place in places:
        yield _Sampled(
            run.ledger.topic,
            run.ledger.number,
            run.offsets[place],
            int(run.timestamps_ms[place]),
            run.lane,
            asked[place],
            replied[place],
            None,
            dead=False,
        )


def _request_span(request: _Sampled, group: str, ids: Callable[[], Context], wall_s: float) -> Span:
    asked = context_of(request.asked)
    own = ids() if request.replied is None else context_of(request.replied)
    attributes: dict[str, str | int | bool] = {
        names.SYSTEM: names.KAFKA,
        names.OPERATION: names.PROCESS,
        names.OPERATION_TYPE: names.PROCESS,
        names.GROUP: group,
        names.TOPIC: request.topic,
        names.PARTITION: str(request.partition),
        names.OFFSET: request.offset,
        names.LANE: request.lane,
    }
    if request.code is not None:
        attributes[names.ERROR] = request.code
    if request.dead:
        attributes[names.DEAD] = True
    ended_ns = _ns(wall_s)
    began_ns = request.timestamp_ms * 1_000_000 if request.timestamp_ms >= 0 else ended_ns
    return Span(
        f"{names.PROCESS} {request.topic}",
        Context(asked.trace_id, own.span_id, sampled=True),
        asked,
        (),
        min(began_ns, ended_ns),
        ended_ns,
        attributes,
        request.code,
    )


def _trace_in(headers: Iterable[SentHeader]) -> bytes | None:
    found = [value for name, value in headers if name == TRACEPARENT and value is not None]
    return found[0] if len(found) == 1 and is_trace(found[0]) else None


def _traceparents(requests: Sequence[Request]) -> Iterator[bytes]:
    for waiting in in_runs(requests):
        if isinstance(waiting, Request):
            if waiting.traceparent is not None:
                yield waiting.traceparent
        elif waiting.columns.traceparents is not None:
            yield from waiting.columns.traceparents


def _is_sampled(traceparent: bytes) -> bool:
    return traceparent[_LAST_FLAGS] in _SAMPLED


def _ns(seconds: float) -> int:
    return round(seconds * 1e9)
