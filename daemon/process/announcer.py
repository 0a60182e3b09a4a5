"""What a service manager is told of a worker, and when.

Rule 1: READY is said once, when the models are warm and the group is joined, and again until it was
taken.
Rule 2: who was ready and is not says why, for a supervisor counts on it; and when that is over.
Rule 3: the watchdog is fed at each look while the worker moves, whether a broker answers or not.
Rule 4: the manager waits longer than its unit says while a worker starts, reloads or drains, each
within a bound; the manager ends what takes longer.
"""

from math import inf
from typing import NamedTuple

from config.settings import Settings
from daemon.process.notify import Notifier
from daemon.telemetry.events import Event
from daemon.telemetry.http import ProbeResult
from daemon.telemetry.logs import log

_STATUS_S = 5.0
"""Between two statuses that differ by their figures only."""
_LOOKS_PER_FEED = 2
"""sd_watchdog_enabled(3): feed at every half of the interval."""
_STEP_S = 30.0
"""How long a start or a reload is prolonged at each look; a look may be late under load."""
_LONGEST_S = 900.0
"""How long a start or a reload is prolonged in all: a model of tens of GB from a network drive."""
_LEAVING_S = 15.0
"""From the last commit to the end: leaving the group takes 6 s at most, closing the producer 5 s."""


class WorkerStanding(NamedTuple):
    """How a worker stands at a look."""

    ready: ProbeResult
    live: ProbeResult
    lag_records: int
    answered: float
    """Requests, since the start."""
    in_flight: int
    """Requests from fetch to acknowledged answer."""


def longest_end_s(settings: Settings) -> float:
    """Return how long a worker may take from SIGTERM to its end, in seconds.

    The drain, a last commit that a broker may leave unanswered for a session, and leaving.
    """
    return settings.limits.drain + settings.kafka.session_timeout + _LEAVING_S


class Announcer:
    """Tells `notifier`; its methods return at once. Times are monotonic seconds."""

    def __init__(self, notifier: Notifier, *, end_s: float, look_s: float, now: float) -> None:
        """`end_s`: see `longest_end_s`; `look_s`: seconds between the calls of `look`."""
        self._notifier = notifier
        self._end_s = end_s
        self._was_ready = False
        self._unready = ""
        self._is_stopping = False
        self._is_isolating = False
        self._until_s = now + _LONGEST_S
        self._phase = ""
        self._told = ""
        self._told_s = -inf
        self._answered = 0.0
        self._answered_s = now
        _compare(notifier.watchdog_s, look_s)

    def listening(self, port: int) -> None:
        """Health and metrics are served at `port`; a supervisor gathers them there."""
        self._notifier.listening(port)

    def isolating(self, *, on: bool) -> None:
        """Requests that may kill the process run alone now; or there are none any more."""
        if on is not self._is_isolating:
            self._is_isolating = on
            self._notifier.isolating(on=on)

    def look(self, standing: WorkerStanding, now: float) -> None:
        """Tell how the worker stands now."""
        if standing.live[0]:
            self._notifier.feed()
        if standing.ready[0] and not self._was_ready:
            self._was_ready = self._notifier.ready()
            self._until_s = -inf
        if self._was_ready:
            self._tell_unready("" if standing.ready[0] else standing.ready[1])
        if now < self._until_s and not self._is_stopping:
            self._notifier.extend(min(_STEP_S, self._until_s - now))
        self._tell_status(standing, now)

    def reloading(self, now: float) -> None:
        """A reload begins; a worker that still starts has not said yet that it serves."""
        if self._was_ready and not self._is_stopping:
            self._until_s = now + _LONGEST_S
            self._notifier.reloading()

    def reloaded(self) -> None:
        """The reload is over, whatever came of it."""
        if self._was_ready and not self._is_stopping:
            self._until_s = -inf
            self._was_ready = self._notifier.ready()

    def stopping(self) -> None:
        """The drain begins."""
        self._is_stopping = True
        self._notifier.stopping()
        self._notifier.extend(self._end_s)

    def _tell_unready(self, reason: str) -> None:
        if reason != self._unready and self._notifier.unready(reason):
            self._unready = reason

    def _tell_status(self, standing: WorkerStanding, now: float) -> None:
        phase = self._phase_of(standing)
        if phase == self._phase and now - self._told_s < _STATUS_S:
            return
        text = f"{phase} ({self._figures(standing, now)})" if self._was_ready else phase
        if text != self._told and self._notifier.status(text):
            self._told = text
        self._phase, self._told_s = phase, now

    def _phase_of(self, standing: WorkerStanding) -> str:
        live, why_not = standing.live
        if not live:
            return f"stalled: {why_not}"
        if self._is_stopping:
            return "draining"
        ready, reason = standing.ready
        return "serving" if ready else reason

    def _figures(self, standing: WorkerStanding, now: float) -> str:
        passed_s = now - self._answered_s
        rate = (standing.answered - self._answered) / passed_s if passed_s > 0 else 0.0
        self._answered, self._answered_s = standing.answered, now
        return f"lag {standing.lag_records}, {rate:.1f} requests/s, {standing.in_flight} in flight"


def _compare(watchdog_s: float | None, look_s: float) -> None:
    """Say when feeding at each look may not be often enough."""
    if watchdog_s is not None and watchdog_s < _LOOKS_PER_FEED * look_s:
        log(
            Event.WATCHDOG_MISMATCHED,
            reason=f"WatchdogSec is {watchdog_s:g} s; it is fed each {look_s:g} s, and a late one"
            f" ends this process; give it {_LOOKS_PER_FEED * look_s:g} s or more",
        )
