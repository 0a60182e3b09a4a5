"""W3C Trace Context: what a reply says of the trace that its request belongs to."""

_VERSION = b"00"
_TRACE_ID = slice(3, 35)
_FLAGS = slice(53, 55)
_SPAN_ID_BITS = 64


def child(traceparent: bytes, span_id: int) -> bytes:
    """Return the traceparent of the daemon's span `span_id`, child of a valid `traceparent`.

    Trace and flags are the parent's; a newer version is answered in version 00, as section 3.2.2.1
    of the recommendation says.
    """
    span = (span_id % 2**_SPAN_ID_BITS) or 1
    return b"%b-%b-%016x-%b" % (_VERSION, traceparent[_TRACE_ID], span, traceparent[_FLAGS])
