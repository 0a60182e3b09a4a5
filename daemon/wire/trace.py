"""W3C Trace Context: what is passed on of a request's trace, and what its reply says of it."""

import re

import numpy as np

from daemon.values.texts import Texts

_VERSION = b"00"
_TRACE_ID = slice(3, 35)
_FLAGS = slice(53, 55)
_SPAN_ID_BITS = 64
_MOST_TRACESTATE = 512
"""Bytes that W3C Trace Context asks everyone to pass on (section 3.3.1.5)."""

# Section 3.2.2. Versions above 00 may add fields after the flags.
_TRACE = rb"-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
_TRACEPARENT = re.compile(
    rb"00" + _TRACE + rb"|(?!00|ff)[0-9a-f]{2}" + _TRACE + rb"(?:-[\x21-\x7e]{0,200})?"
)
_TRACESTATE_MEMBER = re.compile(
    rb"[ \t]*(?:[a-z0-9][-a-z0-9_*/@]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,256})?[ \t]*"
)

# A traceparent of version 00, by places of its 55 bytes: what is fixed, and digits, by which an id is not 0.
_TRACE_BYTES = 55
_FIXED_PLACES = [0, 1, 2, 35, 52]
_FIXED = np.frombuffer(b"00---", np.uint8)
_HEX_PLACES = [*range(3, 35), *range(36, 52), 53, 54]
_TRACE_DIGITS, _SPAN_DIGITS = slice(0, 32), slice(32, 48)
_NO_DIGIT = 16
_DIGITS = np.full(256, _NO_DIGIT, np.uint8)
_DIGITS[np.frombuffer(b"0123456789abcdef", np.uint8)] = range(16)


def is_trace(value: bytes) -> bool:
    """Whether `value` is a traceparent that is well formed; it is the caller's word and only passed on."""
    return _TRACEPARENT.fullmatch(value) is not None


def are_traces(values: Texts) -> bool:
    """Whether each of `values` is a traceparent that is well formed; 0.1 us for one of version 00."""
    if values.width != _TRACE_BYTES:
        return all(map(is_trace, values))
    rows = values.rows(_TRACE_BYTES)
    ids = _DIGITS[rows[:, _HEX_PLACES]]
    plain = (rows[:, _FIXED_PLACES] == _FIXED).all() and (ids < _NO_DIGIT).all()
    if plain and ids[:, _TRACE_DIGITS].any(axis=1).all() and ids[:, _SPAN_DIGITS].any(axis=1).all():
        return True
    return all(map(is_trace, values))


def is_tracestate(value: bytes) -> bool:
    """Whether `value` is a tracestate that is well formed and no longer than it has to be passed on."""
    if len(value) > _MOST_TRACESTATE:
        return False
    return all(map(_TRACESTATE_MEMBER.fullmatch, value.split(b",")))


def child(traceparent: bytes, span_id: int) -> bytes:
    """Return the traceparent of the daemon's span `span_id`, child of a valid `traceparent`.

    Trace and flags are the parent's; a newer version is answered in version 00, as section 3.2.2.1
    of the recommendation says.
    """
    span = (span_id % 2**_SPAN_ID_BITS) or 1
    return b"%b-%b-%016x-%b" % (_VERSION, traceparent[_TRACE_ID], span, traceparent[_FLAGS])
