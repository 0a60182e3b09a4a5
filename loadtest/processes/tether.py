"""Ends a process and removes a folder once their owner is gone.

Run as a script, `python -I -S tether.py FOLDER`: process ids come on standard input, one a line,
and when it ends, the last one named is killed. A pipe outlives no process, so this holds for
SIGKILL too, and it does not depend on which thread started the process, as PR_SET_PDEATHSIG would.

`python -I -S tether.py FOLDER PID` kills nothing: the folder goes when that process has ended.
"""

import contextlib
import os
import select
import shutil
import signal
import sys
import time

_POLL_S = 1.0
"""Nobody waits for the folder to go."""


def main() -> None:
    """Wait for the owner's end, then clean up."""
    folder, *owner = sys.argv[1:]
    with contextlib.suppress(ProcessLookupError):
        if owner:
            _wait_for_end(int(owner[0]))
        else:
            _kill_when_abandoned()
    shutil.rmtree(folder, ignore_errors=True)


def _kill_when_abandoned() -> None:
    """Read process ids until standard input ends; a pidfd never names a later process."""
    process = None
    for line in sys.stdin:
        with contextlib.suppress(ProcessLookupError):
            process = _open(int(line))
    if process is None:
        return
    if hasattr(signal, "pidfd_send_signal"):
        signal.pidfd_send_signal(process, signal.SIGKILL)
    else:
        os.kill(process, signal.SIGKILL)


def _wait_for_end(pid: int) -> None:
    process = _open(pid)
    if hasattr(os, "pidfd_open"):
        select.select([process], [], [])
        return
    while True:
        os.kill(process, 0)
        time.sleep(_POLL_S)


def _open(pid: int) -> int:
    return os.pidfd_open(pid) if hasattr(os, "pidfd_open") else pid


if __name__ == "__main__":
    main()
