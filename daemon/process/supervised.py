"""A supervised worker's tie to its supervisor: who dies, however that is, takes its workers along.

Nobody else would drain them, and another supervisor would start their slots a second time.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Mapping

from daemon.errors import Exit, Fatal

SUPERVISOR = "TIDEMILL_SUPERVISOR"
"""The variable that names the supervisor's process to its workers."""
_PR_SET_PDEATHSIG = 1
"""prctl(2): the signal that this process gets when its parent ends."""


def follow_supervisor(environment: Mapping[str, str]) -> None:
    """Drain when the supervisor that started this process ends; does nothing without one.

    Raises Fatal when it has ended already. Only Linux can do this; elsewhere workers stay.
    """
    supervisor = environment.get(SUPERVISOR, "")
    if not supervisor.isdecimal() or sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(supervisor):  # it ended before the kernel was told
        raise Fatal(Exit.WORK_LEFT, "the supervisor has ended")
