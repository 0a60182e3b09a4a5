"""How fast a one-shot run gets on. Pure: `now` is monotonic seconds."""

from collections import deque
from typing import NamedTuple

_RECENT_S = 30.0
"""The rate is that of the last seconds, so that it follows workers that come and go."""


class Standing(NamedTuple):
    """A moment of the run, of the whole group; offsets count."""

    due: int
    answered: int
    rate_per_s: float
    remaining_s: float | None
    """At that rate; None while nothing moves."""

    @property
    def left(self) -> int:
        """What is still to be answered."""
        return self.due - self.answered


class Eta:
    """Makes Standings of what is left, over time."""

    def __init__(self, due: int, now: float) -> None:
        self._due = due
        self._recent = deque([(now, 0)])

    def told(self, left: int, now: float) -> Standing:
        """Return the standing at `now`, when `left` are left."""
        answered = max(0, self._due - left)
        self._recent.append((now, answered))
        while len(self._recent) > 2 and self._recent[1][0] <= now - _RECENT_S:  # noqa: PLR2004 -- a first and a last
            self._recent.popleft()
        then, before = self._recent[0]
        rate_per_s = max(0, answered - before) / (now - then) if now > then else 0.0
        remaining_s = (self._due - answered) / rate_per_s if rate_per_s else None
        return Standing(self._due, answered, rate_per_s, remaining_s)
