"""The form application/octet-stream alone: raw little-endian rows, one or several end to end."""

from collections.abc import Sequence

from daemon.values.messages import Array, Request
from daemon.wire.binary import OCTETS_TYPE
from daemon.wire.tensor_bytes import bytes_of
from runtime.signature import TensorSpec

RAW_TYPE = OCTETS_TYPE


def bodies(spec: TensorSpec, array: Array, requests: Sequence[Request]) -> list[bytes]:
    """Return the rows of each request; `array` has the rows of all `requests` in order."""
    every = bytes_of(spec, array)
    row_bytes = len(every) // len(array)
    cuts: list[bytes] = []
    first = 0
    for request in requests:
        last = first + request.rows * row_bytes
        cuts.append(every[first:last])
        first = last
    return cuts
