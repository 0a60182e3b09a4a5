"""The wire contract as a client sees it, stated here anew so that it is checked and not assumed. Pure."""

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
"""A reply's status."""

Header = tuple[str, bytes]
