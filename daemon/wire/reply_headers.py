"""The headers of replies: their names, and how their values are written."""

from daemon.values.messages import Header, Record
from daemon.wire.headers import TRACEPARENT, TRACESTATE
from daemon.wire.trace import child

STATUS = "status"
ERROR_CODE = "error-code"
REQUEST_ID = "request-id"
SERVED_BY = "served-by"
BATCH_ROWS = "batch-rows"
STAGES = "stages"

OK: Header = (STATUS, b"ok")
ERROR: Header = (STATUS, b"error")

_MICROSECONDS = 1_000_000


def request_id(record: Record) -> Header:
    """Return the name of a request, the same on every repeat of its reply."""
    return REQUEST_ID, f"{record.topic}/{record.partition}/{record.offset}".encode()


def stages(broker_s: float | None, wait_s: float, run_s: float) -> Header:
    """Return where a request's time went, in whole microseconds.

    `broker` is from the record's timestamp to its arrival (left out without a timestamp), `wait`
    from there to the run's start, `run` the run of its batch. Clocks that disagree give 0.
    """
    wait_us, run_us = _whole_us(wait_s), _whole_us(run_s)
    if broker_s is None:
        return STAGES, b"wait=%d;run=%d" % (wait_us, run_us)
    return STAGES, b"broker=%d;wait=%d;run=%d" % (_whole_us(broker_s), wait_us, run_us)


def trace_headers(
    traceparent: bytes | None, tracestate: bytes | None, span_id: int
) -> list[Header]:
    """Return the trace headers of the reply to a request that came with these."""
    if traceparent is None:
        return []
    headers = [(TRACEPARENT, child(traceparent, span_id))]
    if tracestate is not None:
        headers.append((TRACESTATE, tracestate))
    return headers


def _whole_us(seconds: float) -> int:
    return max(round(seconds * _MICROSECONDS), 0)
