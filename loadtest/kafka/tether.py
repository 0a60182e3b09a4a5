"""Ends a process and removes a folder once whoever holds the other end of standard input is gone.

Run as a script: `python -I -S tether.py FOLDER`, then process ids on standard input, one a line;
only the last one named is ended. A pipe outlives no process, so this holds for SIGKILL too, and it
does not depend on which thread started the process, as PR_SET_PDEATHSIG would.
"""

import contextlib
import os
import shutil
import signal
import sys


def main() -> None:
    """Wait for the end of standard input, then kill and clean up."""
    folder = sys.argv[1]
    process = None
    for line in sys.stdin:
        with contextlib.suppress(ProcessLookupError):
            process = os.pidfd_open(int(line)) if hasattr(os, "pidfd_open") else int(line)
    with contextlib.suppress(ProcessLookupError):
        if process is None:
            pass
        elif hasattr(signal, "pidfd_send_signal"):
            signal.pidfd_send_signal(process, signal.SIGKILL)
        else:
            os.kill(process, signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
