"""The replies of requests that ran together: what they share is made once."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from daemon.messages import Answer, Header, Request
from daemon.wire.reply_headers import (
    BATCH_ROWS,
    OK,
    REQUEST_ID,
    SERVED_BY,
    stages,
    trace_headers,
)

if TYPE_CHECKING:
    from daemon.offsets import Ledger


class Run(NamedTuple):
    """What is told of the run behind a result.

    `started_s` is monotonic; `wall_ahead_s`: how far the wall clock is ahead of the monotonic one.
    """

    rows: int
    started_s: float
    run_s: float
    wall_ahead_s: float


class BatchReplies:
    """Makes the answers of one run's results; `run` is None for what needed no model."""

    def __init__(
        self, served_by: bytes, run: Run | None, *, diagnostics: bool, span_ids: Callable[[], int]
    ) -> None:
        self._shared: list[Header] = [OK, (SERVED_BY, served_by)]
        self._run = run if diagnostics else None
        if self._run is not None:
            self._shared.append((BATCH_ROWS, b"%d" % self._run.rows))
        self._span_ids = span_ids
        self._ledger: Ledger | None = None
        self._id_start = ""
        self._timestamp = 0
        self._arrived_s = 0.0
        self._stages: Header | None = None

    def result(self, request: Request, body: bytes, form: Sequence[Header]) -> Answer:
        """Return the answer with `body`; the headers `form` say what it is.

        Consecutive requests mostly share partition, timestamp and arrival, so the texts made of
        those are kept from one to the next.
        """
        record = request.record
        ledger = request.ledger
        if ledger is not self._ledger:
            self._ledger = ledger
            self._id_start = f"{record.topic}/{record.partition}/"
        request_id = f"{self._id_start}{record.offset}".encode()
        headers = [*form, *self._shared, (REQUEST_ID, request_id)]
        if request.correlation is not None:
            headers.append(request.correlation)
        if self._run is not None:
            timestamp, arrived_s = record.timestamp, request.arrived_s
            if timestamp != self._timestamp or arrived_s != self._arrived_s or not self._stages:
                self._timestamp, self._arrived_s = timestamp, arrived_s
                self._stages = _stages(timestamp, arrived_s, self._run)
            headers.append(self._stages)
        if request.traceparent is not None:
            headers += trace_headers(request.traceparent, request.tracestate, self._span_ids())
        return Answer(
            record,
            ledger,
            request.bucket.lane,
            None,
            False,  # noqa: FBT003 -- made by position, which costs half as much as by keyword
            request.reply_topic,
            request.reply_partition,
            record.key,
            body,
            headers,
            request.cost_bytes,
        )


def _stages(timestamp_ms: int, arrived_s: float, run: Run) -> Header:
    broker_s = None
    if timestamp_ms >= 0:
        broker_s = arrived_s + run.wall_ahead_s - timestamp_ms / 1000
    return stages(broker_s, run.started_s - arrived_s, run.run_s)
