"""What is waited for because it may pass by itself: said once a cause, and for no longer than a limit.

Rule 1: a cause is logged when it begins, and when it is over, with how often it was met; between the two
it is the reason why this worker is not ready.
Rule 2: what somebody outside must mend (a right, a topic, a secret) carries an exit code: it ends the
process once it has stood for the limit, and until then no stall of this worker is seen in it.
"""

import time
from collections.abc import Callable

from daemon.telemetry.events import Event
from daemon.telemetry.logs import log
from daemon.values.errors import Exit, Fatal

_FRESH_S = 30.0
"""A cause that was not met for so long may be over: nothing was left that could have met it."""


class _Cause:
    __slots__ = ("exit_code", "key", "met_s", "reason", "since_s", "times")

    def __init__(self, key: object, reason: str, exit_code: Exit | None, now_s: float) -> None:
        self.key = key
        self.reason = reason
        self.exit_code = exit_code
        self.since_s = self.met_s = now_s
        self.times = 1


class Trouble:
    """The present cause of each subject; subjects are few: the producer, the topics of the settings."""

    def __init__(
        self,
        limit_s: float,
        *,
        begun: Event = Event.PUBLISHING_BLOCKED,
        over: Event = Event.PUBLISHING_RESUMED,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`limit_s`: limits.unavailable; `begun` and `over` are what is logged."""
        self._limit_s = limit_s
        self._begun = begun
        self._over = over
        self._clock = clock
        self._causes: dict[str, _Cause] = {}

    @property
    def reason(self) -> str:
        """Why nothing can go on at the moment, and what to do; empty when it can."""
        return next((each.reason for each in self._causes.values() if self._is_fresh(each)), "")

    @property
    def outage(self) -> str:
        """The same where somebody outside must mend it, so that no limit but this one's counts."""
        fresh = [each for each in self._causes.values() if self._is_fresh(each)]
        return next((each.reason for each in fresh if each.exit_code is not None), "")

    def meet(
        self, subject: str, key: object, reason: str, *, exit_code: Exit | None = None
    ) -> None:
        """`subject` has met the cause `key`, anew or again; raises Fatal when it stands for too long."""
        if not self.again(subject, key):
            self.begin(subject, key, reason, exit_code=exit_code)

    def again(self, subject: str, key: object) -> str:
        """Count that `subject` met the cause `key` again; return its reason, empty for a new one.

        Raises Fatal when the cause stands for too long.
        """
        cause = self._causes.get(subject)
        if cause is None or cause.key != key:
            return ""
        if not self._is_fresh(cause):
            cause.since_s = self._clock()
        cause.times += 1
        cause.met_s = self._clock()
        if cause.exit_code is not None and cause.met_s - cause.since_s > self._limit_s:
            raise Fatal(
                cause.exit_code, f"for {self._limit_s:g} s (limits.unavailable): {cause.reason}"
            )
        return cause.reason

    def begin(
        self, subject: str, key: object, reason: str, *, exit_code: Exit | None = None
    ) -> None:
        """Say what `subject` has met; `exit_code` where it is nothing that this worker can mend."""
        self._causes[subject] = _Cause(key, reason, exit_code, self._clock())
        log(self._begun, reason=reason)

    def end(self, subject: str) -> None:
        """`subject` is well, if it ever was not."""
        cause = self._causes.pop(subject, None)
        if cause is not None:
            log(
                self._over,
                after_s=round(self._clock() - cause.since_s, 1),
                times=cause.times,
                reason=cause.reason,
            )

    def _is_fresh(self, cause: _Cause) -> bool:
        return self._clock() - cause.met_s <= _FRESH_S
