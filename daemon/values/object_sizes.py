"""What values take in memory besides the bytes that they were sent as. Pure."""

import sys

from daemon.values.messages import Array

_HEADER_BYTES = 160
"""Python's objects for a header (tuple, text, bytes), measured; its own bytes come on top."""
_FEW_HEADERS = 4
"""Headers that what is set aside for each request has room for (daemon/process/memory.py)."""


def headers_bytes(headers: int, *, of: int) -> int:
    """Return what `headers` of so many records take besides their own bytes: 4 in the log, 160."""
    return _HEADER_BYTES * max(0, headers - _FEW_HEADERS * of)


def array_bytes(array: Array) -> int:
    """Return what `array` takes; texts are objects of 50 bytes and more each. O(1) but for those."""
    if array.dtype.hasobject:
        return array.nbytes + sum(map(sys.getsizeof, array.ravel().tolist()))
    return array.nbytes
