"""Results that go on as requests of another lane (`lanes.NAME.then`). Pure.

Rule 1. What a requester said of the last reply goes along: its topic and partition, the correlation, the
  trace, and when it expires.
Rule 2. So does the request-id, by which who comes next tells whose request began the row.
Rule 3. Whatever is no result goes to the requester at once, also where only the broker knows.
"""

from collections.abc import Callable, Sequence

from daemon.answering.batch_replies import Bodies
from daemon.values.messages import Answer, Header, ReplyAddress, Request
from daemon.values.outgoing import header_lists, texts
from daemon.wire.headers import REPLY_PARTITION, REPLY_TO, partition_bytes, partition_number
from daemon.wire.reply_headers import echo, reply_headers

_TOPIC = REPLY_TO[0]


def onward(
    topic: str,
    requests: Sequence[Request],
    bodies: Bodies,
    form: Sequence[Header],
    span_ids: Callable[[], int],
) -> list[Answer]:
    """Return what the results `bodies` of `requests` are as requests of `topic`; `form` says their form."""
    return [
        _request(topic, request, body, form, span_ids)
        for request, body in zip(requests, texts(bodies), strict=True)
    ]


def reply_address_of(headers: Sequence[Header]) -> ReplyAddress | None:
    """Return where what comes of a record with `headers` goes, if it goes on; None for a reply."""
    said = dict(headers)
    if _TOPIC not in said:
        return None
    partition = said.get(REPLY_PARTITION)
    number = None if partition is None else partition_number(partition)
    return ReplyAddress(said[_TOPIC].decode(), number)


def _request(
    topic: str,
    request: Request,
    body: bytes,
    form: Sequence[Header],
    span_ids: Callable[[], int],
) -> Answer:
    record = request.record
    shared = [*form, (_TOPIC, request.reply_topic.encode())]
    if request.reply_partition is not None:
        shared.append((REPLY_PARTITION, partition_bytes(request.reply_partition)))
    echoed = echo(
        record, request.correlation, request.traceparent, request.tracestate, request.passed
    )
    columns = reply_headers(echoed, shared, None, span_ids)
    (headers,) = header_lists(columns, 1)
    return Answer(
        record=record,
        ledger=request.ledger,
        lane=request.bucket.lane,
        code=None,
        dead=False,
        topic=topic,
        partition=None,
        key=record.key,
        value=body,
        headers=headers,
        cost_bytes=request.cost_bytes - request.prepared_bytes,
        reply_bytes=len(body),
        prepared_bytes=request.prepared_bytes,
    )
