"""What the process is told from outside: TERM and INT stop it, HUP reloads its models.

USR2 stops it too, and lets it leave what only gathers. So does the end of a supervisor stop it, but
that never counts as a second time.
"""

import asyncio
import signal
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Self

from daemon.process.parent_death import ORPHANED
from daemon.process.standard_streams import end_process
from daemon.telemetry.events import Event
from daemon.telemetry.logs import log, summarise
from daemon.values.errors import Exit

_STOPS = (signal.SIGTERM, signal.SIGINT)
HAND_BACK = signal.SIGUSR2
"""The kernel's word for the end of a supervisor is USR1."""


class Signals:
    """Sets `stop` at the first TERM or INT and ends the process at the second.

    An async context; afterwards the signals do what they did before.
    """

    def __init__(
        self,
        reload: Callable[[], None],
        *,
        reloads: str = "reload the models",
        at_once: Callable[[], None] = lambda: None,
    ) -> None:
        """`reload` is called on the loop at each HUP and must return at once; `reloads`: what it does.

        `at_once` is called at the second TERM, inside a signal handler.
        """
        self.stop = asyncio.Event()
        self.hands_back = False
        """Whether what only gathers is to be left to those who come after."""
        self._reloads = reloads
        self._at_once = at_once
        self._reload = reload
        taken = (*_STOPS, signal.SIGHUP, ORPHANED, HAND_BACK)
        self._before = {each: signal.getsignal(each) for each in taken}

    async def __aenter__(self) -> Self:
        """Take over the signals of this process."""
        loop = asyncio.get_running_loop()
        for each in _STOPS:
            loop.add_signal_handler(each, self._on_stop, each)
        loop.add_signal_handler(signal.SIGHUP, self._on_reload)
        loop.add_signal_handler(ORPHANED, self._on_orphaned)
        loop.add_signal_handler(HAND_BACK, self._on_hand_back)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the signals back."""
        loop = asyncio.get_running_loop()
        for each, handler in self._before.items():
            loop.remove_signal_handler(each)
            signal.signal(each, handler)

    def _on_stop(self, received: signal.Signals) -> None:
        log(Event.SIGNAL_RECEIVED, signal=received.name, does="drain; once more ends at once")
        self.stop.set()
        # From here on not through the loop, which may be what does not come to an end.
        for each in _STOPS:
            asyncio.get_running_loop().remove_signal_handler(each)
            signal.signal(each, self._end_at_once)

    def _on_orphaned(self) -> None:
        """Drain; whatever more of it comes says nothing new, also when the process is at its end."""
        asyncio.get_running_loop().remove_signal_handler(ORPHANED)
        signal.signal(ORPHANED, signal.SIG_IGN)
        self._before[ORPHANED] = signal.SIG_IGN
        log(Event.SIGNAL_RECEIVED, signal=ORPHANED.name, does="drain: the supervisor has ended")
        self.stop.set()

    def _on_hand_back(self) -> None:
        """A TERM that comes after it is the first one: it may still be asked to hurry."""
        does = "drain, and leave what is not due to those who come after"
        log(Event.SIGNAL_RECEIVED, signal=HAND_BACK.name, does=does)
        self.hands_back = self.hands_back or not self.stop.is_set()
        self.stop.set()

    def _on_reload(self) -> None:
        log(Event.SIGNAL_RECEIVED, signal="SIGHUP", does=self._reloads)
        self._reload()

    def _end_at_once(self, number: int, _: FrameType | None) -> None:
        """End without a word to Kafka: what is unanswered is uncommitted, so it is redelivered."""
        try:
            self._at_once()
            log(Event.SIGNAL_RECEIVED, signal=signal.Signals(number).name, does="end at once")
            summarise(last=True)
        finally:  # the signal may have come while the log was being written
            end_process(Exit.WORK_LEFT)
