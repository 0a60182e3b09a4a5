"""What the C library does with memory that is let go.

Left to itself glibc gives large pieces back to the system each time, and the next ones are filled with
zeros page by page: a tenth of the CPU time of a relayed request, since what is fetched and what is sent are
pieces of megabytes.
"""

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
"""mallopt(3)."""
_MOST_KEPT_PIECE_BYTES = 16 * 2**20
"""Twice the largest answer of a broker (daemon.kafka.reading.room): what is made of one is no larger."""
_MOST_KEPT_BYTES = 2 * _MOST_KEPT_PIECE_BYTES
"""As glibc has it: twice as much as a piece."""


def keep_freed_memory() -> None:
    """Let the C library keep what is let go, 32 MiB at most, for what comes next.

    To be called when what start-up used is given back. Only glibc can be told so; elsewhere nothing changes.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _MOST_KEPT_PIECE_BYTES)
        mallopt(_M_TRIM_THRESHOLD, _MOST_KEPT_BYTES)
