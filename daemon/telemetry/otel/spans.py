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
    from daemon.inference.jobs import Served

Attributes: TypeAlias = Mapping[str, str | int | bool]

MOST_LINKS = 128
"""The SDK's own limit, OTEL_SPAN_LINK_COUNT_LIMIT."""
_SAMPLED = 1
"""W3C Trace Context, section 3.2.2.5.1."""


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
    _, trace_id, span_id, flags = traceparent.split(b"-")[:4]
    return Context(int(trace_id, 16), int(span_id, 16), bool(int(flags, 16) & _SAMPLED))


def batch_span(
    served: "Served", group: str, ids: Callable[[], Context], *, wall_ahead_s: float
) -> Span:
    """Return the span of a run; `ids` draws its context. `wall_ahead_s`: see reply_headers.Run."""
    batch = served.batch
    contexts = sorted(map(context_of, _traceparents(batch.requests)), key=_sampled_first)
    attributes: dict[str, str | int | bool] = {
        names.SYSTEM: names.KAFKA,
        names.GROUP: group,
        names.LANE: batch.bucket.lane,
        names.MODEL: batch.bucket.model,
        names.MESSAGES: len(batch.requests),
        names.ROWS: batch.rows,
        names.CAUSE: batch.cause,
    }
    if len(contexts) > MOST_LINKS:
        attributes[names.UNLINKED] = len(contexts) - MOST_LINKS
    failed = type(served.outcome).__name__ if isinstance(served.outcome, RunError) else None
    began_s = served.started_s + wall_ahead_s
    return Span(
        f"{names.RUN} {batch.bucket.model}",
        ids(),
        None,
        contexts[:MOST_LINKS],
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
        if isinstance(answer, ReplyRun):
            if _is_some_sampled(answer):
                yield from request_spans(answer.apart(), group, ids, wall_s=wall_s)
            continue
        asked = _trace_in(answer.record.headers)
        if asked is not None and asked.sampled:
            yield _request_span(answer, asked, group, ids, wall_s)


def _request_span(
    answer: Answer, asked: Context, group: str, ids: Callable[[], Context], wall_s: float
) -> Span:
    record = answer.record
    replied = None if answer.dead else _trace_in(answer.headers)
    own_id = (replied or ids()).span_id
    attributes: dict[str, str | int | bool] = {
        names.SYSTEM: names.KAFKA,
        names.OPERATION: names.PROCESS,
        names.OPERATION_TYPE: names.PROCESS,
        names.GROUP: group,
        names.TOPIC: record.topic,
        names.PARTITION: str(record.partition),
        names.OFFSET: record.offset,
        names.LANE: answer.lane,
    }
    if answer.code is not None:
        attributes[names.ERROR] = answer.code.value
    if answer.dead:
        attributes[names.DEAD] = True
    ended_ns = _ns(wall_s)
    began_ns = record.timestamp * 1_000_000 if record.timestamp >= 0 else ended_ns
    return Span(
        f"{names.PROCESS} {record.topic}",
        Context(asked.trace_id, own_id, sampled=True),
        asked,
        (),
        min(began_ns, ended_ns),
        ended_ns,
        attributes,
        None if answer.code is None else answer.code.value,
    )


def _is_some_sampled(run: ReplyRun) -> bool:
    return any(
        context_of(text).sampled
        for header in run.records.headers
        if isinstance(header, HeaderColumn) and header.name == TRACEPARENT
        for text in texts(header.values)
    )


def _trace_in(headers: Iterable[SentHeader]) -> Context | None:
    found = [value for name, value in headers if name == TRACEPARENT and value is not None]
    return context_of(found[0]) if len(found) == 1 and is_trace(found[0]) else None


def _traceparents(requests: Sequence[Request]) -> Iterator[bytes]:
    for waiting in in_runs(requests):
        if isinstance(waiting, Request):
            if waiting.traceparent is not None:
                yield waiting.traceparent
        elif waiting.columns.traceparents is not None:
            yield from waiting.columns.traceparents


def _sampled_first(context: Context) -> bool:
    return not context.sampled


def _ns(seconds: float) -> int:
    return round(seconds * 1e9)
