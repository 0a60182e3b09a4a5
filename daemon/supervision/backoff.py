"""How long a slot pauses before its worker is started again. Pure: `now` is monotonic seconds."""

_FIRST_S = 1.0
"""Small against a start; a static member is back within `kafka.session_timeout`."""
_LONGEST_S = 60.0
"""Kubernetes' CrashLoopBackOff goes to 5 min; a backlog should not wait that long for a cure."""
_PROVEN_S = 5.0
"""Who served this long has not failed on its first batch."""


class Backoff:
    """Pauses of 1, 2, 4 ... 60 s.

    The pauses begin anew once a worker has served longer than was waited for it: starting it was
    worth it.
    """

    __slots__ = ("_pause_s", "failures", "until_s")

    def __init__(self) -> None:
        self._pause_s = 0.0
        self.failures = 0
        """In a row."""
        self.until_s = float("-inf")
        """When the slot may start a worker."""

    def failed(self, served_s: float, now: float) -> float:
        """A worker ended unasked after it had served so long; return the pause, in seconds."""
        worth_it = served_s >= max(_PROVEN_S, self._pause_s)
        self.failures = 1 if worth_it else self.failures + 1
        self._pause_s = min(_FIRST_S * 2.0 ** min(self.failures - 1, 30), _LONGEST_S)
        self.until_s = now + self._pause_s
        return self._pause_s
