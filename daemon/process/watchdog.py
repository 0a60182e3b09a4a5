"""Ends a process whose event loop hangs: nothing that lives on the loop could.

Rule 1: it counts its own ticks, not the clock. A process that was stopped (SIGSTOP, a frozen
container) ticks as little as it beats, so it is not ended when it goes on.
"""

import sys
import threading
import traceback
from collections.abc import Callable

from daemon.process.standard_streams import end_process
from daemon.telemetry.events import Event
from daemon.telemetry.logs import log, summarise
from daemon.values.errors import Exit

_TICKS = 20
"""Ticks in the allowed time; a hang is found within a twentieth more."""


class Beats:
    """How many ticks have passed since the last beat. Pure."""

    __slots__ = ("_beaten", "_silent")

    def __init__(self) -> None:
        self._beaten = False
        self._silent = 0

    def beat(self) -> None:
        """The loop lives; may come from any thread, a plain store."""
        self._beaten = True

    def tick(self) -> int:
        """Return how many ticks in a row came without a beat, this one included."""
        self._silent = 0 if self._beaten else self._silent + 1
        self._beaten = False
        return self._silent


class Watchdog:
    """A thread that ends the process when `beat` was not called for `stall_s`."""

    def __init__(self, stall_s: float, *, end: Callable[[], None] | None = None) -> None:
        """`end` is what happens then, on the watchdog's thread; exit 70 if not given."""
        self._tick_s = stall_s / _TICKS
        self._end = end or end_hanging
        self._beats = Beats()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def beat(self) -> None:
        """Say that the loop lives; to be called much more often than each `stall_s`."""
        self._beats.beat()

    def stop(self) -> None:
        """Watch no more."""
        self._stopped.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stopped.wait(self._tick_s):
            if self._beats.tick() >= _TICKS:
                self._end()
                return


def end_hanging(what: str = "the event loop") -> None:
    """Say that `what` hangs and where every thread stands, then end; the loop cannot be asked to."""
    log(Event.WORKER_STALLED, reason=f"{what} hangs; where each thread stands follows")
    summarise(last=True)
    sys.stderr.write(_stacks())
    end_process(Exit.INTERNAL)


def _stacks() -> str:
    """Return where each thread stands. Not by faulthandler, which writes, and waits, by itself."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    return "".join(
        f"Thread {names.get(ident, ident)}:\n{''.join(traceback.format_stack(frame))}"
        for ident, frame in sys._current_frames().items()  # noqa: SLF001 -- documented, for this
    )
