"""Ends a process in which a call on the event loop never returns: nothing on the loop could.

A call there cannot be given up, as one in a thread can. What was in flight is suspect for whoever
comes next (daemon.isolation), who finds the request that hangs.
"""

import threading
from collections.abc import Callable
from typing import TypeVar

_TICKS = 20
"""Ticks in the allowed time, as daemon.process.watchdog has it: a process that was stopped counts none."""

_In = TypeVar("_In")
_Out = TypeVar("_Out")


class LoopCalls:
    """Watches calls that are made one after the other, and tells when one has taken too long."""

    def __init__(self, limit_s: float, *, late: Callable[[], None]) -> None:
        """`late` is called from another thread when a call goes on after `limit_s`."""
        self._tick_s = limit_s / _TICKS
        self._late = late
        self._begun = 0
        self._is_under_way = False
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def watched(self, work: Callable[[_In], _Out]) -> Callable[[_In], _Out]:
        """Return `work`, each call of which is watched."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._watch, name="loop-calls", daemon=True)
            self._thread.start()

        def call(value: _In) -> _Out:
            self._begun += 1
            self._is_under_way = True
            try:
                return work(value)
            finally:
                self._is_under_way = False

        return call

    def close(self) -> None:
        """Watch no more."""
        self._closed.set()

    def _watch(self) -> None:
        seen, ticks = 0, 0
        while not self._closed.wait(self._tick_s):
            begun = self._begun
            ticks = ticks + 1 if self._is_under_way and begun == seen else 0
            seen = begun
            if ticks >= _TICKS:
                self._late()
                return
