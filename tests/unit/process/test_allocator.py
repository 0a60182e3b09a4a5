"""Memory that is let go is used again, without being asked for anew."""

import subprocess
import sys

import pytest

from daemon.process import allocator

_PROGRAM = """
import resource, sys
from daemon.process.allocator import keep_freed_memory

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

if sys.argv[1] == "keep":
    keep_freed_memory()
for turn in range(20):
    if turn == 10:
        before = faults()
    piece = bytes([1]) * (8 * 2**20)
    other = bytes([2]) * (8 * 2**20)
    del piece, other
print(faults() - before)
"""


def _faults(what: str) -> int:
    command = [sys.executable, "-c", _PROGRAM, what]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return int(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="glibc is Linux's")
def test_what_was_let_go_is_used_again_without_a_page_from_the_system():
    if not hasattr(allocator.ctypes.CDLL(None), "mallopt"):
        pytest.skip("another C library")
    given_back, kept = _faults("let go"), _faults("keep")
    assert kept < 100 < given_back
