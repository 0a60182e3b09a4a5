"""What a supervised worker leaves behind when it ends: its metrics, as they were last.

Between the last look at its metrics and its end a worker still answers, and says so in its log. A
file that both processes hold, and that has no name, keeps that: nobody waits for anybody, and
nothing is left in a folder whoever of the two is killed.
"""

import os
import stat
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from typing import Self

LAST_WORDS = "TIDEMILL_LAST_WORDS"
"""The variable that names the file's descriptor to a worker."""


class LastWords:
    """The worker's side; without a supervisor nothing is left behind."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor

    @classmethod
    def claim(cls, environ: MutableMapping[str, str]) -> Self:
        """Return what `environ` names, and take it out: it is of no child process."""
        named = environ.pop(LAST_WORDS, "")
        return cls(int(named) if named.isdecimal() and _is_file(int(named)) else None)

    def leave(self, words: Callable[[], bytes]) -> None:
        """Write what `words` returns, instead of what was written before; never raises OSError."""
        if self._descriptor is None:
            return
        with suppress(OSError):  # it is for the supervisor's figures only
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, words(), 0)


def _is_file(descriptor: int) -> bool:
    try:
        return stat.S_ISREG(os.fstat(descriptor).st_mode)
    except OSError:
        return False
