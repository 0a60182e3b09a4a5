"""The headers of replies: their names, their values, and the one place where they are put together.

What every reply has to carry is appended in `reply_headers`.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from daemon.values.errors import Code
from daemon.values.messages import Header, Record
from daemon.values.outgoing import Column, HeaderColumn, Numbered
from daemon.wire import cloud_events
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

MOST_BYTES = 3 * 2**10
"""More than all of them take: correlation 128, trace 600, four ids of 300, ten others of 40 bytes."""
_OF_RESULTS = frozenset(
    {CONTENT_TYPE, JSON_LENGTH, STATUS, BATCH_ROWS, STAGES, REPLY_TO[0], REPLY_PARTITION}
    | cloud_events.ATTRIBUTES
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


class Echoed(NamedTuple):
    """What replies repeat of the requests that they answer, by columns; these are of one partition.

    Each of the optional columns is there for all of the requests, or for none. `arrived_s`: when they
    arrived, in monotonic seconds, one for all of them or one each; asked for with a run only.
    """

    topic: str
    partition: int
    offsets: Sequence[int]
    timestamps_ms: Sequence[int] | npt.NDArray[np.int64]
    arrived_s: float | Sequence[float]
    correlations: HeaderColumn | None
    traceparents: Sequence[bytes] | None
    tracestates: Sequence[bytes] | None
    passed: Sequence[HeaderColumn] = ()


def echo(
    record: Record,
    correlation: Header | None,
    traceparent: bytes | None,
    tracestate: bytes | None,
    passed: Iterable[Header] = (),
) -> Echoed:
    """Return what the reply to one record repeats of it."""
    return Echoed(
        record.topic,
        record.partition,
        [record.offset],
        [record.timestamp],
        0.0,
        None if correlation is None else HeaderColumn(correlation[0], [correlation[1]]),
        None if traceparent is None else [traceparent],
        None if tracestate is None else [tracestate],
        [HeaderColumn(name, [value]) for name, value in passed],
    )


def result_headers(served_by: bytes, run: Run | None) -> list[Header]:
    """Return what the results of one run share."""
    shared = [OK, (SERVED_BY, served_by)]
    if run is not None:
        shared.append((BATCH_ROWS, b"%d" % run.rows))
    return shared


def error_headers(code: Code) -> list[Header]:
    """Return what error replies of one code share."""
    return [PROBLEM_TYPE, ERROR, (ERROR_CODE, code.encode())]


def error_headers_instead(
    headers: Iterable[Header], code: Code, event: Sequence[Header] = ()
) -> list[Header]:
    """Return the headers of the error reply that takes the place of a reply with `headers`.

    `event`: see `reply_headers`.
    """
    kept = [each for each in headers if each[0] not in _OF_RESULTS and each[0] != ERROR_CODE]
    if event:
        event = [*event, (cloud_events.ID, dict(kept)[REQUEST_ID])]
    return [*error_headers(code), *kept, *event]


def reply_headers(
    echoed: Echoed,
    shared: Sequence[Header],
    run: Run | None,
    span_ids: Callable[[], int],
    event: Sequence[Header] = (),
) -> list[Header | HeaderColumn]:
    """Return the headers of the replies to requests: those `shared`, and their own.

    `event`: what makes CloudEvents of them, but for their ids; empty: they are none.
    """
    ids = _ids(echoed)
    headers: list[Header | HeaderColumn] = [*shared, HeaderColumn(REQUEST_ID, ids)]
    if event:
        headers += [*event, HeaderColumn(cloud_events.ID, ids)]
    if echoed.correlations is not None:
        headers.append(echoed.correlations)
    if run is not None:
        headers.append(_stages(echoed, run))
    if echoed.traceparents is not None:
        traces = [child(each, span_ids()) for each in echoed.traceparents]
        headers.append(HeaderColumn(TRACEPARENT, traces))
        if echoed.tracestates is not None:
            headers.append(HeaderColumn(TRACESTATE, echoed.tracestates))
    return [*headers, *echoed.passed]


def _ids(echoed: Echoed) -> Column:
    start, offsets = b"%b/%d/" % (echoed.topic.encode(), echoed.partition), echoed.offsets
    if isinstance(offsets, range):
        return Numbered(start, offsets)
    return [b"%b%d" % (start, offset) for offset in offsets]


def _stages(echoed: Echoed, run: Run) -> Header | HeaderColumn:
    """Requests that ran together mostly arrived together, and neighbours mostly share timestamps."""
    stamps_ms, arrived_s = echoed.timestamps_ms, echoed.arrived_s
    if isinstance(arrived_s, float):
        stamps = np.asarray(stamps_ms)
        edges = [0, *(np.flatnonzero(stamps[1:] != stamps[:-1]) + 1).tolist(), len(stamps)]
        moments = [(stamp_ms, arrived_s) for stamp_ms in stamps[edges[:-1]].tolist()]
        counts = [end - first for first, end in pairwise(edges)]
    else:
        moments = [*zip(stamps_ms, arrived_s, strict=True)]
        counts = [1] * len(moments)
    told = {moment: _stages_since(*moment, run) for moment in {*moments}}
    if len(told) == 1:
        return told[moments[0]]
    texts: list[bytes] = []
    for moment, count in zip(moments, counts, strict=True):
        texts += [told[moment][1]] * count
    return HeaderColumn(STAGES, texts)


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
