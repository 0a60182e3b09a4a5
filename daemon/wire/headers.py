"""A request's headers, read in one pass: address, deadline, form, model, trace.

Names are exact and case-sensitive, as Kafka's are. A header whose value is null counts as missing,
and so does an empty name of a reply topic; unknown headers are ignored.
"""

from collections.abc import Mapping, Sequence

import msgspec

from config.settings import Limits
from daemon.values.errors import Code
from daemon.values.messages import Header, SentHeader
from daemon.wire.trace import is_trace, is_tracestate

CORRELATION = ("correlation-id", "correlation_id", "kafka_correlationId")
"""The first of these that is there wins, and the reply carries it by the same name."""
EVENT_ID = "ce_id"
"""Of a request that is a CloudEvent; without any of those the correlation, by the first name."""
REPLY_TO = ("reply-to", "reply_to", "kafka_replyTopic")
"""The first of these that is there wins."""
REPLY_PARTITION = "kafka_replyPartition"
MODEL = "model"
TIMEOUT = "timeout-ms"
DEADLINE = "deadline"
"""Milliseconds since 1970; a moment, so that nobody who passes the request on shifts it."""
CONTENT_TYPE = "content-type"
JSON_LENGTH = "inference-header-content-length"
TRACEPARENT = "traceparent"
TRACESTATE = "tracestate"
PROBLEM = b"application/problem+json"
"""The content type of error replies."""
STATUS = "status"
ERROR_CODE = "error-code"
REQUEST_ID = "request-id"
ORIGIN_ID = "origin-id"
"""The request-id of the request that began a row of models; see `RequestHeaders.passed`."""
JOB_ID = "job-id"
ITEM_ID = "item-id"
"""Whose a request is, in the requester's own names; nothing here asks what they say."""

REQUEST_HEADERS = frozenset(
    {
        *CORRELATION,
        EVENT_ID,
        *REPLY_TO,
        REPLY_PARTITION,
        MODEL,
        TIMEOUT,
        DEADLINE,
        CONTENT_TYPE,
        JSON_LENGTH,
        TRACEPARENT,
        TRACESTATE,
        STATUS,
        ERROR_CODE,
        REQUEST_ID,
        ORIGIN_ID,
        JOB_ID,
        ITEM_ID,
    }
)
"""Every header a request can say something with."""

_DROPPED_TWICE = frozenset(
    {TRACEPARENT, TRACESTATE, STATUS, ERROR_CODE, REQUEST_ID, ORIGIN_ID, JOB_ID, ITEM_ID, EVENT_ID}
)
"""What counts as missing when it is given twice; anything else is refused."""

OF_ONE = frozenset({DEADLINE, TRACESTATE, REQUEST_ID, ORIGIN_ID, JOB_ID, ITEM_ID, EVENT_ID})
"""What hardly two requests have in common, and few have at all."""

LONGEST_CORRELATION = 128
"""Bytes; enough for two UUIDs and a prefix, and it is echoed and kept for each request."""
_PARTITION_BYTES = 4
_MOST_DIGITS = 15
"""Digits read of a number; more is beyond any limit a setting can have."""
LONGEST_ID = 300
"""A topic's name takes 249 bytes, a partition 10 and an offset 19; the name of a file 255."""

_REPLIED = {
    code.encode(): code
    for code in Code
    if code not in {Code.REPLY_TOPIC_DENIED, Code.UNDECODABLE_RECORD}
}
"""The codes that an error reply can have, by their text."""

Refusal = tuple[Code, str]


class RequestHeaders(msgspec.Struct, frozen=True, eq=False, gc=False):
    """What the headers of one request say; `refusal` is the first thing that is wrong with them.

    `reply_to_twice`: nobody can tell where the reply would go. `timeout_ms` is not yet clamped.
    `passed` is for the reply too: a deadline, job and item, and, of what is itself the reply of a daemon,
    whose request came first. `error` is the code of what is the error reply of a daemon.
    """

    correlation: Header | None
    reply_to: bytes | None
    reply_to_twice: bool
    reply_partition: int | None
    model: bytes | None
    timeout_ms: int | None
    deadline_ms: int | None
    content_type: bytes | None
    json_bytes: int | None
    traceparent: bytes | None
    tracestate: bytes | None
    size_bytes: int
    refusal: Refusal | None
    passed: tuple[Header, ...]
    error: Code | None


def read_headers(headers: Sequence[SentHeader], limits: Limits) -> RequestHeaders:
    """Read the headers of one request; never raises. O(headers)."""
    found: dict[str, Header] = {}
    twice: set[str] = set()
    size_bytes = 0
    for name, value in headers:
        size_bytes += len(name)
        if value is None:
            continue
        size_bytes += len(value)
        if name in REQUEST_HEADERS and (value or name not in REPLY_TO):
            if name in found:
                twice.add(name)
            else:
                found[name] = name, value
    refusal = _size_refusal(len(headers), size_bytes, limits)
    return _weighed(found, twice, size_bytes, refusal)


def deadline_of(headers: Sequence[SentHeader]) -> int | None:
    """Return the deadline that a request gives; None without one that makes sense."""
    given = [(name, value) for name, value in headers if name == DEADLINE and value is not None]
    return _number(given[0])[0] if len(given) == 1 else None


def _weighed(
    found: dict[str, Header], twice: set[str], size_bytes: int, refusal: Refusal | None
) -> RequestHeaders:
    get = found.get
    correlation = get(CORRELATION[0]) or get(CORRELATION[1]) or get(CORRELATION[2])
    reply_to = get(REPLY_TO[0]) or get(REPLY_TO[1]) or get(REPLY_TO[2])
    reply_to_twice = False
    if twice:
        reply_to_twice = reply_to is not None and reply_to[0] in twice
        _ignore(twice, CORRELATION, correlation)
        _ignore(twice, REPLY_TO, reply_to)
        refusal = refusal or _twice_refusal(twice)
        for name in twice:
            if name not in REPLY_TO:
                del found[name]
        if correlation is not None and correlation[0] in twice:
            correlation = None
    if correlation is not None and len(correlation[1]) > LONGEST_CORRELATION:
        refusal = refusal or _invalid(correlation[0], f"longer than {LONGEST_CORRELATION} bytes")
        correlation = None
    elif correlation is None and EVENT_ID in found and not twice.intersection(CORRELATION):
        correlation = _of_event(found[EVENT_ID])
    reply_partition, partition_refusal = _partition(get(REPLY_PARTITION))
    timeout_ms, timeout_refusal = _number(get(TIMEOUT))
    deadline_ms, deadline_refusal = _number(get(DEADLINE))
    json_bytes, length_refusal = _number(get(JSON_LENGTH))
    traceparent = _traceparent(get(TRACEPARENT))
    return RequestHeaders(
        correlation,
        _value(reply_to),
        reply_to_twice,
        reply_partition,
        _value(get(MODEL)),
        timeout_ms,
        deadline_ms,
        _value(get(CONTENT_TYPE)),
        json_bytes,
        traceparent,
        None if traceparent is None else _tracestate(get(TRACESTATE)),
        size_bytes,
        refusal or partition_refusal or timeout_refusal or deadline_refusal or length_refusal,
        _passed(found, deadline_ms),
        _error(found) if STATUS in found else None,
    )


def _of_event(header: Header) -> Header | None:
    """Return the id of an event as correlation; who asks for none is not refused for a long one."""
    event_id = header[1]
    return (CORRELATION[0], event_id) if 0 < len(event_id) <= LONGEST_CORRELATION else None


def _passed(found: Mapping[str, Header], deadline_ms: int | None) -> tuple[Header, ...]:
    if OF_ONE.isdisjoint(found):
        return ()  # nearly always
    passed = [] if deadline_ms is None else [found[DEADLINE]]
    passed += [
        found[name]
        for name in (JOB_ID, ITEM_ID)
        if name in found and len(found[name][1]) <= LONGEST_ID
    ]
    origin = found.get(ORIGIN_ID) or found.get(REQUEST_ID)
    if origin is not None and len(origin[1]) <= LONGEST_ID:
        passed.append((ORIGIN_ID, origin[1]))
    return tuple(passed)


def _error(found: Mapping[str, Header]) -> Code | None:
    said = {name: found[name][1] for name in (STATUS, ERROR_CODE, CONTENT_TYPE) if name in found}
    if said[STATUS] != b"error" or said.get(CONTENT_TYPE) != PROBLEM:
        return None
    return _REPLIED.get(said.get(ERROR_CODE, b""))


def _invalid(name: str, fault: str) -> Refusal:
    return Code.INVALID_REQUEST, f"header {name}: {fault}"


def _size_refusal(count: int, size_bytes: int, limits: Limits) -> Refusal | None:
    if count > limits.headers:
        return Code.TOO_LARGE, f"more than {limits.headers} headers"
    if size_bytes > limits.header_bytes:
        return Code.TOO_LARGE, f"more than {limits.header_bytes} bytes of headers"
    return None


def _ignore(twice: set[str], aliases: Sequence[str], winner: Header | None) -> None:
    """Forget repetitions of aliases that did not win: they are not read at all."""
    twice.difference_update(name for name in aliases if winner is None or name != winner[0])


def _twice_refusal(twice: set[str]) -> Refusal | None:
    refused = sorted(twice - _DROPPED_TWICE)
    return _invalid(refused[0], "given twice") if refused else None


def _value(header: Header | None) -> bytes | None:
    return None if header is None else header[1]


def _number(header: Header | None) -> tuple[int | None, Refusal | None]:
    if header is None:
        return None, None
    name, text = header
    if not text.isdigit():
        return None, _invalid(name, "not a number in ASCII digits")
    digits = text.lstrip(b"0")
    return (int(digits or b"0") if len(digits) <= _MOST_DIGITS else 10**_MOST_DIGITS), None


def _partition(header: Header | None) -> tuple[int | None, Refusal | None]:
    if header is None:
        return None, None
    name, value = header
    number = partition_number(value)
    if number is None:
        return None, _invalid(name, "not a partition in 4 bytes, big-endian")
    return number, None


def partition_number(value: bytes) -> int | None:
    """Return the partition in `value`: Spring writes it as a Java int of 4 bytes, big-endian, signed."""
    if len(value) != _PARTITION_BYTES:
        return None
    number = int.from_bytes(value, "big", signed=True)
    return None if number < 0 else number


def partition_bytes(number: int) -> bytes:
    """Return partition `number` as `partition_number` reads it."""
    return number.to_bytes(_PARTITION_BYTES, "big", signed=True)


def _traceparent(header: Header | None) -> bytes | None:
    return None if header is None or not is_trace(header[1]) else header[1]


def _tracestate(header: Header | None) -> bytes | None:
    return None if header is None or not is_tracestate(header[1]) else header[1]
