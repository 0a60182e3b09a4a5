"""The worker's look at itself, once a second: does it move, and who must be told?"""

import time
from collections.abc import Callable
from typing import NoReturn

from daemon.loop.ticks import next_tick
from daemon.process.stall_detector import StallDetector
from daemon.telemetry.events import Event
from daemon.telemetry.http import ProbeResult
from daemon.telemetry.logs import log, summarise
from daemon.values.errors import Exit, Fatal

LOOK_S = 1.0
"""Small against limits.stall, whose default is 2 min."""


class HealthCheck:
    """Watches what is held; its functions are asked at each look and return at once.

    Args:
        stall_s: how long due work may stand still.
        held: requests from fetch to acknowledged answer.
        due_s: given the time, when the first of them has to move; see StallDetector.observe.
        outage: what is missing outside, say a broker or a right; empty when nothing is.
        trouble: why nothing can be published, empty when it can; a stall names it.
        beat: called at each look; see Watchdog.beat.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        stall_s: float,
        *,
        held: Callable[[], int],
        due_s: Callable[[float], float],
        outage: Callable[[], str],
        trouble: Callable[[], str] = lambda: "",
        beat: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._held = held
        self._due_s = due_s
        self._outage = outage
        self._trouble = trouble
        self._beat = beat
        self._clock = clock
        self._stall = StallDetector(stall_s, now=clock())

    def moved(self) -> None:
        """Answers were acknowledged, or requests were handed back."""
        self._stall.settled(now=self._clock())

    def live(self) -> ProbeResult:
        """Return whether this process is worth keeping, for /livez."""
        verdict = self._stall.verdict(self._clock())
        trouble = self._trouble()
        known = trouble and trouble not in verdict.reason
        return verdict.moving, f"{verdict.reason}: {trouble}" if known else verdict.reason

    async def run(self) -> NoReturn:
        """Look until cancelled; raises Fatal at a stall, so that the process ends."""
        while True:
            self._look()
            await next_tick(LOOK_S)

    def _look(self) -> None:
        now = self._clock()
        self._stall.observe(
            held=self._held(), due_s=self._due_s(now), outage=self._outage(), now=now
        )
        self._beat()
        summarise()
        moving, reason = self.live()
        if not moving:
            log(Event.WORKER_STALLED, reason=reason)
            raise Fatal(Exit.INTERNAL, f"stalled: {reason}; Kafka delivers them again")
