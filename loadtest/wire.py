"""The wire contract as a client sees it, stated here anew so that it is checked and not assumed."""

from collections.abc import Iterable
from typing import NamedTuple

CORRELATION_ID = "correlation-id"
REPLY_TO = "reply-to"
CONTENT_TYPE = "content-type"
TIMEOUT_MS = "timeout-ms"
STATUS = "status"
ERROR_CODE = "error-code"
REQUEST_ID = "request-id"
BATCH_ROWS = "batch-rows"
STAGES = "stages"
SERVED_BY = "served-by"
DLQ_CODE = "dlq-code"
DLQ_TOPIC = "dlq-topic"
DLQ_PARTITION = "dlq-partition"
DLQ_OFFSET = "dlq-offset"

DEAD_LETTER_CODES = ("reply_topic_denied", "undecodable_record")
"""Codes that no reply has, but a dead letter."""
ERROR_CODES = (
    "invalid_request", "invalid_json", "invalid_shape", "invalid_value", "unsupported_media_type",
    "too_large", "unknown_model", "transform_failed", "deadline_exceeded", "inference_failed",
    "model_timeout", "invalid_output", "result_too_large", "crashed_worker", "overloaded",
    *DEAD_LETTER_CODES,
)  # fmt: skip
"""All codes of the contract."""

OK = "ok"
ERROR = "error"
DEAD = "dead"
"""A reply's status; `dead` is ours, for what was found among the dead letters."""

Header = tuple[str, bytes]


class Outgoing(NamedTuple):
    """A request to publish; `correlation` is unique in a run."""

    topic: str
    correlation: bytes
    body: bytes | None
    headers: tuple[Header, ...] = ()
    key: bytes | None = None
    partition: int | None = None


class Reply(NamedTuple):
    """What came back for a request, from a reply topic or the dead letters.

    `status` is ok, error or dead; `code` says why it is not ok; `request_id` is
    topic/partition/offset of the request, the same on every repeat.
    """

    correlation: bytes | None
    status: str
    code: str
    request_id: str
    body: bytes | None
    headers: dict[str, bytes]
    received_s: float


def read_reply(headers: Iterable[Header], body: bytes | None, received_s: float) -> Reply:
    """Return the reply that a record of a reply topic or dead-letter topic carries."""
    found = dict(headers)
    if DLQ_CODE in found:
        position = (found.get(name, b"?") for name in (DLQ_TOPIC, DLQ_PARTITION, DLQ_OFFSET))
        status, code = DEAD, found[DLQ_CODE].decode()
        request_id = b"/".join(position).decode()
    else:
        status, code = found.get(STATUS, b"").decode(), found.get(ERROR_CODE, b"").decode()
        request_id = found.get(REQUEST_ID, b"").decode()
    correlation = found.get(CORRELATION_ID)
    return Reply(correlation, status, code, request_id, body, found, received_s)
