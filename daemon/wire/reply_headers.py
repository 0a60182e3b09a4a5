"""The headers of replies: their names, their values, and the one place where they are put together.

What every reply has to carry is appended in `reply_headers`.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Protocol

from daemon.values.errors import Code
from daemon.values.messages import Header, Record
from daemon.values.outgoing import Column, HeaderColumn, Numbered
from daemon.wire.headers import (
    CONTENT_TYPE,
    ERROR_CODE,
    JSON_LENGTH,
    REPLY_PARTITION,
    REPLY_TO,
    REQUEST_ID,
    STATUS,
    TRACEPARENT,
    TRACESTATE,
)
from daemon.wire.problem import PROBLEM_TYPE
from daemon.wire.trace import child

SERVED_BY = "served-by"
BATCH_ROWS = "batch-rows"
STAGES = "stages"

OK: Header = (STATUS, b"ok")
ERROR: Header = (STATUS, b"error")

MOST_BYTES = 2 * 2**10
"""More than all of them take: correlation 128, trace 600, ten others of 40 to 300 bytes."""
_OF_RESULTS = frozenset(
    {CONTENT_TYPE, JSON_LENGTH, STATUS, BATCH_ROWS, STAGES, REPLY_TO[0], REPLY_PARTITION}
)
"""What says something of a result, or where it goes on to; the error reply in its place has no such
headers, or others."""
_MICROSECONDS = 1_000_000


class Run(NamedTuple):
    """What is told of the run behind a result.

    `started_s` is monotonic; `wall_ahead_s`: how far the wall clock is ahead of the monotonic one.
    """

    rows: int
    started_s: float
    run_s: float
    wall_ahead_s: float


class Answered(Protocol):
    """What a reply repeats of the request that it answers; meets daemon.values.messages.Request."""

    @property
    def record(self) -> Record:
        """The request's record."""

    @property
    def arrived_s(self) -> float:
        """When it arrived, in monotonic seconds; asked for with a run only."""

    @property
    def correlation(self) -> Header | None:
        """Echoed by the name that the requester gave it."""

    @property
    def traceparent(self) -> bytes | None:
        """The span that the reply's is a child of."""

    @property
    def tracestate(self) -> bytes | None:
        """Passed on with it."""

    @property
    def passed(self) -> tuple[Header, ...]:
        """Passed on as they are."""


class Echo(NamedTuple):
    """What a reply repeats of a record that came to no request."""

    record: Record
    correlation: Header | None
    traceparent: bytes | None
    tracestate: bytes | None
    passed: tuple[Header, ...] = ()
    arrived_s: float = 0.0


def result_headers(served_by: bytes, run: Run | None) -> list[Header]:
    """Return what the results of one run share."""
    shared = [OK, (SERVED_BY, served_by)]
    if run is not None:
        shared.append((BATCH_ROWS, b"%d" % run.rows))
    return shared


def error_headers(code: Code) -> list[Header]:
    """Return what error replies of one code share."""
    return [PROBLEM_TYPE, ERROR, (ERROR_CODE, code.encode())]


def error_headers_instead(headers: Iterable[Header], code: Code) -> list[Header]:
    """Return the headers of the error reply that takes the place of a reply with `headers`."""
    return [
        *error_headers(code),
        *[each for each in headers if each[0] not in _OF_RESULTS and each[0] != ERROR_CODE],
    ]


def reply_headers(
    requests: Sequence[Answered],
    offsets: Sequence[int],
    shared: Sequence[Header],
    run: Run | None,
    span_ids: Callable[[], int],
) -> list[Header | HeaderColumn]:
    """Return the headers of the replies to `requests`, at `offsets`: those `shared`, and their own.

    `requests` are of one partition, and `echoed` says the same of all.
    """
    first = requests[0]
    ids = _ids(first.record, offsets)
    headers: list[Header | HeaderColumn] = [*shared, HeaderColumn(REQUEST_ID, ids)]
    if first.correlation is not None:
        echoes = [request.correlation or first.correlation for request in requests]
        headers.append(HeaderColumn(first.correlation[0], [value for _, value in echoes]))
    if run is not None:
        headers.append(_stages(requests, run))
    if first.traceparent is not None:
        traces = [child(request.traceparent or b"", span_ids()) for request in requests]
        headers.append(HeaderColumn(TRACEPARENT, traces))
        if first.tracestate is not None:
            states = [request.tracestate or b"" for request in requests]
            headers.append(HeaderColumn(TRACESTATE, states))
    for place, (name, _) in enumerate(first.passed):
        headers.append(HeaderColumn(name, [request.passed[place][1] for request in requests]))
    return headers


def echoed(requests: Sequence[Answered]) -> list[tuple[str | None, bool, bool, tuple[str, ...]]]:
    """Return of each which headers its reply has because it has them."""
    return [
        (
            None if request.correlation is None else request.correlation[0],
            request.traceparent is not None,
            request.tracestate is not None,
            tuple([name for name, _ in request.passed]) if request.passed else (),
        )
        for request in requests
    ]


def _ids(first: Record, offsets: Sequence[int]) -> Column:
    start = b"%b/%d/" % (first.topic.encode(), first.partition)
    if isinstance(offsets, range):
        return Numbered(start, offsets)
    return [b"%b%d" % (start, offset) for offset in offsets]


def _stages(requests: Sequence[Answered], run: Run) -> Header | HeaderColumn:
    """Requests that ran together mostly arrived together, and share timestamps."""
    stamps_ms = [request.record.timestamp for request in requests]
    arrivals_s = [request.arrived_s for request in requests]
    first = stamps_ms[0], arrivals_s[0]
    if stamps_ms.count(first[0]) == arrivals_s.count(first[1]) == len(requests):
        return _stages_since(*first, run)
    moments = [*zip(stamps_ms, arrivals_s, strict=True)]
    told = {moment: _stages_since(*moment, run)[1] for moment in {*moments}}
    return HeaderColumn(STAGES, [told[moment] for moment in moments])


def _stages_since(timestamp_ms: int, arrived_s: float, run: Run) -> Header:
    broker_s = None
    if timestamp_ms >= 0:
        broker_s = arrived_s + run.wall_ahead_s - timestamp_ms / 1000
    return stages(broker_s, run.started_s - arrived_s, run.run_s)


def stages(broker_s: float | None, wait_s: float, run_s: float) -> Header:
    """Return where a request's time went, in whole microseconds.

    `broker` is from the record's timestamp to its arrival (left out without a timestamp), `wait`
    from there to the run's start, `run` the run of its batch. Clocks that disagree give 0.
    """
    wait_us, run_us = _whole_us(wait_s), _whole_us(run_s)
    if broker_s is None:
        return STAGES, b"wait=%d;run=%d" % (wait_us, run_us)
    return STAGES, b"broker=%d;wait=%d;run=%d" % (_whole_us(broker_s), wait_us, run_us)


def _whole_us(seconds: float) -> int:
    return max(round(seconds * _MICROSECONDS), 0)
