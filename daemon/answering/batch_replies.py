"""The replies of requests that ran together: what they share is made once."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from daemon.values.messages import Answer, Header, Request
from daemon.wire.reply_headers import (
    BATCH_ROWS,
    OK,
    REQUEST_ID,
    SERVED_BY,
    stages,
    trace_headers,
)

if TYPE_CHECKING:
    from daemon.values.ledger import Ledger


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

    def result(self, request: Request, body: bytes, form: Sequence[Header]) -> Answer:
        """Return the answer with `body`; the headers `form` say what it is."""
        (answer,) = self.results([request], [body], form)
        return answer

    def results(
        self, requests: Sequence[Request], bodies: Sequence[bytes], form: Sequence[Header]
    ) -> list[Answer]:
        """Return the answer to each of `requests`, whose body is at its place in `bodies`.

        One loop over all of them, 0.35 us each instead of 0.5 with a call for each. Consecutive
        requests mostly share partition, timestamp and arrival, so the texts made of those are kept
        from one to the next.
        """
        run = self._run
        shared = [*form, *self._shared]
        ledger: Ledger | None = None
        id_start = ""
        timestamp, arrived_s = 0, 0.0
        stage: Header | None = None
        answers = []
        for request, body in zip(requests, bodies, strict=True):
            record = request.record
            if request.ledger is not ledger:
                ledger = request.ledger
                id_start = f"{record.topic}/{record.partition}/"
            headers = [*shared, (REQUEST_ID, f"{id_start}{record.offset}".encode())]
            if request.correlation is not None:
                headers.append(request.correlation)
            if run is not None:
                if stage is None or record.timestamp != timestamp or request.arrived_s != arrived_s:
                    timestamp, arrived_s = record.timestamp, request.arrived_s
                    stage = _stages(timestamp, arrived_s, run)
                headers.append(stage)
            if request.traceparent is not None:
                headers += trace_headers(request.traceparent, request.tracestate, self._span_ids())
            answers.append(
                Answer(
                    record,
                    request.ledger,
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
            )
        return answers


def _stages(timestamp_ms: int, arrived_s: float, run: Run) -> Header:
    broker_s = None
    if timestamp_ms >= 0:
        broker_s = arrived_s + run.wall_ahead_s - timestamp_ms / 1000
    return stages(broker_s, run.started_s - arrived_s, run.run_s)
