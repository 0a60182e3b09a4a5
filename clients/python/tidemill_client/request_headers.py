"""The headers of a request, as docs/wire.md has them. Pure."""

import math
import struct
from collections.abc import Mapping
from typing import TypeAlias

Headers: TypeAlias = list[tuple[str, bytes]]
Given: TypeAlias = Mapping[str, "str | bytes"]
"""What a caller wants to go along, such as what OpenTelemetry's `inject` writes."""

CORRELATION = "correlation-id"
_OWN = frozenset(
    {
        CORRELATION,
        "correlation_id",
        "kafka_correlationId",
        "reply-to",
        "reply_to",
        "kafka_replyTopic",
        "kafka_replyPartition",
        "content-type",
        "model",
        "timeout-ms",
        "deadline",
        "status",
        "error-code",
        "request-id",
        "origin-id",
    }
)
"""Those that the client sets itself, and would be refused if they came twice, and those that would make
a request the error of another daemon."""


def checked_timeout(timeout_s: float) -> float:
    """Return `timeout_s`; raises ValueError when it is none: nobody waits for ever."""
    try:
        is_one = 0 < timeout_s < math.inf
    except TypeError:
        is_one = False
    if not is_one:
        raise ValueError(f"a timeout is a number of seconds above 0, not {timeout_s!r}")
    return float(timeout_s)


def address(reply_topic: str, partition: int) -> Headers:
    """Return where replies are to go."""
    return [
        ("reply-to", reply_topic.encode()),
        ("kafka_replyPartition", struct.pack(">i", partition)),
    ]


def lifetime(timeout_s: float, *, wall_ms: int) -> Headers:
    """Return how long a request may take that is sent now: as a time, and as a moment."""
    timeout_ms = max(1, round(timeout_s * 1000))
    return [("timeout-ms", b"%d" % timeout_ms), *until(wall_ms + timeout_ms)]


def until(deadline_ms: int) -> Headers:
    """Return at which moment a request expires, in milliseconds since 1970."""
    return [("deadline", b"%d" % deadline_ms)]


def described(content_type: str | None, model: str | None, given: Given | None) -> Headers:
    """Return what says how to read a request.

    Raises ValueError for what is not a caller's to set or is no UTF-8, TypeError for what is no header:
    in a batch it would fail its neighbours.
    """
    headers: Headers = []
    if content_type is None and model is None and given is None:
        return headers
    for name, text in (("content-type", content_type), ("model", model)):
        if isinstance(text, str):
            headers.append((name, text.encode()))
        elif text is not None:
            raise TypeError(f"{name} is a string, not {text!r}")
    if given is not None and not isinstance(given, Mapping):
        raise TypeError(f"headers are a mapping of names to values, not {given!r:.40}")
    for name, value in (given or {}).items():
        if name in _OWN:
            raise ValueError(f"the header {name} is the client's to set")
        if not isinstance(name, str) or not isinstance(value, (str, bytes)):  # type: ignore[redundant-expr] # callers may be untyped
            raise TypeError(f"a header is a string and a string or bytes, not {name!r}: {value!r}")
        name.encode()
        headers.append((name, value.encode() if isinstance(value, str) else value))
    return headers
