"""Whether the worker moves the work it holds. Pure: `now` is monotonic seconds.

Rule 1: work that is not due yet (it waits for its linger) is no stall.
Rule 2: what is missing outside is not the worker's fault: time without a broker, without a right or
a topic does not count.
Rule 3: what was due before it came, since it waited in Kafka, stands still only from then on.
Rule 4: time in which this process did not run (SIGSTOP, a frozen container, a sleeping laptop) does
not count either.
"""

from math import inf
from typing import NamedTuple


class StallVerdict(NamedTuple):
    """Whether the worker moves, and why somebody should believe it."""

    moving: bool
    reason: str


class StallDetector:
    """Weighs what is held against what was settled.

    It must be told (`observe`) or asked (`verdict`) much more often than every `stall_s`, about
    once a second: a longer silence is taken for a process that did not run.
    """

    def __init__(self, stall_s: float, *, now: float) -> None:
        self._stall_s = stall_s
        self._held = 0
        self._due_s = inf
        self._outage = ""
        self._moved_s = now
        self._looked_s = now

    def settled(self, *, now: float) -> None:
        """Some answer was acknowledged, or some request was handed back to the group."""
        self._moved_s = now

    def observe(self, *, held: int, due_s: float, outage: str, now: float) -> None:
        """Take in the present state.

        Args:
            held: requests from fetch to acknowledged answer.
            due_s: when the first of them has to move: the end of its linger while it waits, any
                time up to `now` while it runs or is being published; inf when nothing is due.
            outage: what is missing outside, so that nothing can move; empty when nothing is.
            now: monotonic seconds.
        """
        before_s = self._looked_s
        self._look(now)
        if self._outage:
            self._moved_s = now
        self._held = held
        if held == 0:
            self._due_s = inf
        elif due_s > now:
            self._due_s = due_s
        else:  # overdue since the first look that saw it, whatever later looks say, and not before
            self._due_s = min(self._due_s, max(due_s, before_s))
        self._outage = outage

    def verdict(self, now: float) -> StallVerdict:
        """Return whether the worker moves; stalled means that it should end itself."""
        self._look(now)
        if self._held == 0:
            return StallVerdict(moving=True, reason="no work is held")
        if self._outage:
            return StallVerdict(moving=True, reason=f"{self._outage}; nothing can move")
        if now < self._due_s:
            return StallVerdict(moving=True, reason=f"{self._held} requests wait for their batch")
        still_s = now - max(self._moved_s, self._due_s)
        reason = f"{self._held} requests are held and none was answered for {still_s:.1f} s"
        return StallVerdict(moving=still_s < self._stall_s, reason=reason)

    def _look(self, now: float) -> None:
        if now - self._looked_s > self._stall_s / 2:
            self._moved_s = now
        self._looked_s = now
