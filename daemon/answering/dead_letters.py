"""Dead letters: a record that nobody can be answered for, kept whole with the reason. Pure."""

from collections.abc import Iterable
from typing import NamedTuple, cast

from daemon.errors import Code
from daemon.messages import Header, Record
from daemon.wire.problem import brief

CODE = "dlq-code"
DETAIL = "dlq-detail"
TOPIC = "dlq-topic"
PARTITION = "dlq-partition"
OFFSET = "dlq-offset"
TIMESTAMP = "dlq-timestamp"
ATTEMPTS = "dlq-attempts"
TRUNCATED = "dlq-truncated"
TOMBSTONE = "dlq-tombstone"
DROPPED = "dlq-dropped"

_RECORD_BYTES = 128
"""What Kafka adds to a lone record: batch header 61, lengths and deltas of the record, headers'."""
_HEADER_BYTES = 8
"""Lengths of one header's name and value, at most."""


class Letter(NamedTuple):
    """Key, value and headers; never a null key and a null value, which the Kafka client refuses."""

    key: bytes | None
    value: bytes
    headers: list[Header]


def dead_letter(
    record: Record, code: Code, detail: str, *, attempts: int, most_bytes: int
) -> Letter:
    """Return the dead letter of `record`, at most `most_bytes` with all that Kafka adds.

    A value that does not fit is cut; when that is not enough the original headers go, then the key.
    """
    # Null header values are passed on as they came, which the client's builder allows.
    original = cast("list[Header]", list(record.headers))
    key, value = record.key, record.value or b""
    reasons = _reasons(record, code, detail, attempts)
    size = (TRUNCATED, b"%d" % len(value))
    room = most_bytes - _RECORD_BYTES - headers_bytes([*reasons, size, (DROPPED, b"headers,key")])
    dropped = []
    if original and len(key or b"") + headers_bytes(original) > room:
        original = []
        dropped.append("headers")
    if len(key or b"") > room:
        key = None
        dropped.append("key")
    if dropped:
        reasons.append((DROPPED, ",".join(dropped).encode()))
    room = max(room - len(key or b"") - headers_bytes(original), 0)
    if len(value) > room:
        value = value[:room]
        reasons.append(size)
    return Letter(key, value, original + reasons)


def headers_bytes(headers: Iterable[Header]) -> int:
    """Return what `headers` take in a record, a little more at most."""
    return sum(len(name.encode()) + len(value or b"") + _HEADER_BYTES for name, value in headers)


def _reasons(record: Record, code: Code, detail: str, attempts: int) -> list[Header]:
    reasons = [
        (CODE, code.encode()),
        (DETAIL, brief(detail).encode()),
        (TOPIC, record.topic.encode()),
        (PARTITION, b"%d" % record.partition),
        (OFFSET, b"%d" % record.offset),
        (TIMESTAMP, b"%d" % record.timestamp),
        (ATTEMPTS, b"%d" % attempts),
    ]
    if record.value is None:
        reasons.append((TOMBSTONE, b"true"))
    return reasons
