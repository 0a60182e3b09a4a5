"""How fast a one-shot run gets on. Pure: `now` is monotonic seconds."""

from typing import NamedTuple

from daemon.scaling.sliding_window import SlidingRate

_RECENT_S = 30.0
"""The rate is that of the last seconds, so that it follows workers that come and go."""
_LEAST_S = 1.0
"""A first look comes at once; what it finds answered is no rate of its own."""


class RunStanding(NamedTuple):
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
    """Makes RunStandings of what is left, over time."""

    def __init__(self, due: int, now: float) -> None:
        self._due = due
        self._answered = SlidingRate(_RECENT_S, least_s=_LEAST_S)
        self._answered.see(0, now)

    def told(self, left: int, now: float, *, due: int | None = None) -> RunStanding:
        """Return the standing at `now`, when `left` are left; `due`, if more has become so."""
        self._due = self._due if due is None else due
        answered = max(0, self._due - left)
        self._answered.see(answered, now)
        rate_per_s = max(0.0, self._answered.rate(_RECENT_S) or 0.0)
        remaining_s = (self._due - answered) / rate_per_s if rate_per_s else None
        return RunStanding(self._due, answered, rate_per_s, remaining_s)
