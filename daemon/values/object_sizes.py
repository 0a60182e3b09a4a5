"""What values take in memory besides the bytes that they were sent as. Pure."""

import sys

import numpy as np

from daemon.values.messages import Array

_HEADER_BYTES = 160
"""Python's objects for a header (tuple, text, bytes), measured; its own bytes come on top."""
_FEW_HEADERS = 4
"""Headers that what is set aside for each request has room for (daemon/process/memory.py)."""

_MOST_PARTS = 1_000
"""Parts of a value that are looked at: some 200 us."""


def headers_bytes(headers: int, *, of: int) -> int:
    """Return what `headers` of so many records take besides their own bytes: 4 in the log, 160."""
    return _HEADER_BYTES * max(0, headers - _FEW_HEADERS * of)


def array_bytes(array: Array) -> int:
    """Return what `array` takes; texts are objects of 50 bytes and more each. O(1) but for those."""
    if array.dtype.hasobject:
        return array.nbytes + sum(map(sys.getsizeof, array.ravel().tolist()))
    return array.nbytes


def value_bytes(value: object) -> int:
    """Return what `value` takes, whatever it is, as far as arrays, texts, containers and attributes show.

    What a library keeps for itself, such as a decoded image's pixels, cannot be seen.
    """
    taken_bytes = 0
    seen: set[int] = set()
    parts = [value]
    while parts and len(seen) < _MOST_PARTS:
        part = parts.pop()
        if part is None or id(part) in seen:
            continue
        seen.add(id(part))
        if isinstance(part, np.ndarray):
            taken_bytes += array_bytes(part)
        elif type(part) in _PLAIN:
            taken_bytes += sys.getsizeof(part)
        else:
            taken_bytes += object.__sizeof__(part)
            parts += _inside(part)
    return taken_bytes


_PLAIN = frozenset({bytes, bytearray, str, int, float, bool, complex})


def _inside(part: object) -> list[object]:
    if isinstance(part, dict):
        return [*dict.keys(part), *dict.values(part)]
    if isinstance(part, list | tuple | set | frozenset):
        return [*part]
    return [*getattr(part, "__dict__", {}).values()]
