"""Dead letters: a record that nobody can be answered for, kept whole with the reason. Pure.

A record that `tidemill dead-letters replay` sent again carries `dlq-attempts`, how often it was tried
before; its next dead letter counts on from there. Headers by the names of this file that a record
brings along are not passed on: readers of dead letters must be able to trust them.
"""

from collections.abc import Iterable
from typing import NamedTuple, cast

from daemon.values.errors import Code
from daemon.values.messages import Header, Record, SentHeader
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
OURS = frozenset(
    {CODE, DETAIL, TOPIC, PARTITION, OFFSET, TIMESTAMP, ATTEMPTS, TRUNCATED, TOMBSTONE, DROPPED}
)
"""What a dead letter says of itself; everything else in its headers is the requester's."""

_MOST_ATTEMPTS_DIGITS = 6
"""Anybody may write the header: a longer number is no count of replays made by hand."""
_RECORD_BYTES = 128
"""What Kafka adds to a lone record: batch header 61, lengths and deltas of the record, headers'."""
_HEADER_BYTES = 8
"""Lengths of one header's name and value, at most."""


class DeadLetter(NamedTuple):
    """Key, value and headers; never a null key and a null value, which the Kafka client refuses."""

    key: bytes | None
    value: bytes
    headers: list[Header]


def dead_letter(record: Record, code: Code, detail: str, *, most_bytes: int) -> DeadLetter:
    """Return the dead letter of `record`, at most `most_bytes` with all that Kafka adds.

    A value that does not fit is cut; when that is not enough the original headers go, then the key.
    """
    # Null header values are passed on as they came, which the client's builder allows.
    original = cast("list[Header]", [header for header in record.headers if header[0] not in OURS])
    key, value = record.key, record.value or b""
    reasons = _reasons(record, code, detail)
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
    return DeadLetter(key, value, original + reasons)


def headers_bytes(headers: Iterable[Header]) -> int:
    """Return what `headers` take in a record, a little more at most."""
    return sum(len(name.encode()) + len(value or b"") + _HEADER_BYTES for name, value in headers)


def attempts_of(headers: Iterable[SentHeader]) -> int:
    """Return how often `headers` say that their record was tried; 0 when they make no sense."""
    said = [value for name, value in headers if name == ATTEMPTS]
    text = said[-1] if said else None
    if text is None or not text.isdigit() or len(text) > _MOST_ATTEMPTS_DIGITS:
        return 0
    return int(text)


def _reasons(record: Record, code: Code, detail: str) -> list[Header]:
    reasons = [
        (CODE, code.encode()),
        (DETAIL, brief(detail).encode()),
        (TOPIC, record.topic.encode()),
        (PARTITION, b"%d" % record.partition),
        (OFFSET, b"%d" % record.offset),
        (TIMESTAMP, b"%d" % record.timestamp),
        (ATTEMPTS, b"%d" % (attempts_of(record.headers) + 1)),
    ]
    if record.value is None:
        reasons.append((TOMBSTONE, b"true"))
    return reasons
