"""A supervised worker's tie to its supervisor: who dies, however that is, takes its workers along.

Nobody else would drain them, and another supervisor would start their slots a second time.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Mapping

from daemon.values.errors import Exit, Fatal

SUPERVISOR = "TIDEMILL_SUPERVISOR"
"""The variable that names the supervisor's process to its workers."""
ORPHANED = signal.SIGUSR1
"""What the kernel sends a worker when its supervisor ends. Not TERM: the kernel sends it each time the
worker is passed on, from one thread of a process that is killed to the next, up to five times for a
supervisor of six threads, and a second TERM would end the worker at once."""
_PR_SET_PDEATHSIG = 1
"""prctl(2): the signal that this process gets when its parent ends."""


def follow_supervisor(environment: Mapping[str, str]) -> None:
    """Drain when the supervisor that started this process ends; does nothing without one.

    Raises Fatal when it has ended already. Only Linux can do this; elsewhere workers stay.
    """
    supervisor = environment.get(SUPERVISOR, "")
    if not supervisor.isdecimal() or sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, ORPHANED)
    if os.getppid() != int(supervisor):  # it ended before the kernel was told
        raise Fatal(Exit.WORK_LEFT, "the supervisor has ended")
