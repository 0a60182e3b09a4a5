"""The codes a request can end with, and the reasons the process can end for."""

from enum import IntEnum, StrEnum


class Code(StrEnum):
    """How a request ended that got no result; the `error-code` header and a metric label."""

    INVALID_REQUEST = "invalid_request"
    INVALID_JSON = "invalid_json"
    INVALID_SHAPE = "invalid_shape"
    INVALID_VALUE = "invalid_value"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    TOO_LARGE = "too_large"
    UNKNOWN_MODEL = "unknown_model"
    TRANSFORM_FAILED = "transform_failed"
    DEADLINE_EXCEEDED = "deadline_exceeded"
    INFERENCE_FAILED = "inference_failed"
    MODEL_TIMEOUT = "model_timeout"
    INVALID_OUTPUT = "invalid_output"
    RESULT_TOO_LARGE = "result_too_large"
    CRASHED_WORKER = "crashed_worker"
    OVERLOADED = "overloaded"
    REPLY_TOPIC_DENIED = "reply_topic_denied"
    UNDECODABLE_RECORD = "undecodable_record"

    @property
    def retriable(self) -> bool:
        """Whether the same request may fare better when it is sent again."""
        return self in _RETRIABLE


_RETRIABLE = frozenset(
    {
        Code.DEADLINE_EXCEEDED,
        Code.MODEL_TIMEOUT,
        Code.OVERLOADED,
    }
)


class Exit(IntEnum):
    """Exit codes of the process, after sysexits.h."""

    CLEAN = 0
    USAGE = 64
    MODEL_REFUSED = 65
    BROKER_UNAVAILABLE = 69
    INTERNAL = 70
    UNWRITTEN = 74
    WORK_LEFT = 75
    DENIED = 77
    SETTINGS = 78


MOST_DEATHS_AT_START = 3
"""A process that dies so often before it serves, with nothing to be seen for it but its end, has a
model that kills it, or no memory for it. Once or twice may be somebody's kill, or a host that is short
of memory for a moment."""


class RequestRefused(Exception):
    """One request cannot be served; it is answered with this code and detail."""

    def __init__(self, code: Code, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class Fatal(Exception):
    """The process must end with this exit code; the message says what to do."""

    def __init__(self, exit_code: Exit, message: str) -> None:
        super().__init__(message)
        self.exit_code = exit_code
