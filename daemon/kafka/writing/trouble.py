"""What keeps answers from leaving: said once a cause, and how often it was met when it is over."""

import time
from collections.abc import Callable

from daemon.telemetry.events import Event
from daemon.telemetry.logs import log

_FRESH_S = 30.0
"""A cause that was not met for so long may be over: nothing was left that could have met it."""


class _Cause:
    __slots__ = ("key", "met_s", "reason", "since_s", "times")

    def __init__(self, key: object, reason: str, now_s: float) -> None:
        self.key = key
        self.reason = reason
        self.since_s = self.met_s = now_s
        self.times = 1


class Trouble:
    """The present cause of each subject; subjects are few: the producer, the topics of the settings."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._causes: dict[str, _Cause] = {}

    @property
    def reason(self) -> str:
        """Why answers cannot leave at the moment, and what to do; empty when they can."""
        oldest_s = self._clock() - _FRESH_S
        return next((each.reason for each in self._causes.values() if each.met_s > oldest_s), "")

    def again(self, subject: str, key: object) -> str:
        """Count that `subject` met the cause `key` again; return its reason, empty for a new one."""
        cause = self._causes.get(subject)
        if cause is None or cause.key != key:
            return ""
        cause.times += 1
        cause.met_s = self._clock()
        return cause.reason

    def begin(self, subject: str, key: object, reason: str) -> None:
        """Say what `subject` has met."""
        self._causes[subject] = _Cause(key, reason, self._clock())
        log(Event.PUBLISHING_BLOCKED, reason=reason)

    def end(self, subject: str) -> None:
        """`subject` is well, if it ever was not."""
        cause = self._causes.pop(subject, None)
        if cause is not None:
            log(
                Event.PUBLISHING_RESUMED,
                after_s=round(self._clock() - cause.since_s, 1),
                times=cause.times,
                reason=cause.reason,
            )
