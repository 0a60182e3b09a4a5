"""The form application/octet-stream alone: raw little-endian rows, one or several end to end."""

from collections.abc import Sequence

import numpy as np

from daemon.values.messages import Array, Request
from daemon.values.request_run import in_runs
from daemon.values.texts import Rows
from daemon.wire.binary import OCTETS_TYPE
from daemon.wire.tensor_bytes import bytes_of
from runtime.signature import TensorSpec

RAW_TYPE = OCTETS_TYPE


def bodies(spec: TensorSpec, array: Array, requests: Sequence[Request]) -> list[bytes] | Rows:
    """Return the rows of each request; `array` has the rows of all `requests` in order.

    As one array where all of them have as many.
    """
    every = bytes_of(spec, array)
    rows = [each.rows // each.count for each in in_runs(requests)]
    if every and rows.count(rows[0]) == len(rows):
        return np.frombuffer(every, np.uint8).reshape(len(requests), -1)
    row_bytes = len(every) // len(array)
    cuts: list[bytes] = []
    first = 0
    for request in requests:
        last = first + request.rows * row_bytes
        cuts.append(every[first:last])
        first = last
    return cuts
