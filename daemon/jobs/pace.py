"""How fast a job gets on, and how long the rest may take. Pure: `now` is monotonic seconds."""

from typing import NamedTuple

from daemon.scaling.sliding_window import SlidingRate

_RECENT_S = 30.0
"""As a one-shot run has it: workers come and go."""
_LEAST_S = 1.0
"""A guess: over less time the first answers, which come together, would tell of any rate."""
_MINUTE_S, _HOUR_S = 60, 3_600


class Standing(NamedTuple):
    """A moment of a job; the rate is that of the last half minute.

    `remaining_s`: the shortest and the longest time that the rest takes, at that rate and at that of the whole
    run, whichever is faster; None while nothing ends.
    """

    rate_per_s: float
    remaining_s: tuple[float, float] | None


class Pace:
    """Makes Standings of how many items have ended, over time."""

    def __init__(self, ended: int, now: float) -> None:
        """`ended` of them had ended at the start of this process."""
        self._first = ended
        self._began_s = now
        self._recent = SlidingRate(_RECENT_S, least_s=_LEAST_S)
        self._recent.see(ended, now)

    def told(self, ended: int, left: int, now: float) -> Standing:
        """Return the standing at `now`, when `ended` have ended and `left` have not."""
        self._recent.see(ended, now)
        recent = max(0.0, self._recent.rate(_RECENT_S) or 0.0)
        whole = (ended - self._first) / max(now - self._began_s, _LEAST_S)
        if not recent:
            return Standing(recent, None)
        return Standing(recent, (left / max(recent, whole), left / min(recent, whole)))


def pace_text(standing: Standing) -> str:
    """Return for people how fast it gets on, and how long the rest takes; empty while nothing ends."""
    if standing.remaining_s is None:
        return ""
    least_s, most_s = standing.remaining_s
    return f"{standing.rate_per_s:,.0f}/s, {_shown(least_s)} to {_shown(most_s)} left"


def _shown(time_s: float) -> str:
    if time_s < _MINUTE_S:
        return f"{time_s:.0f} s"
    if time_s < _HOUR_S:
        return f"{time_s / _MINUTE_S:.0f} min"
    return f"{time_s / _HOUR_S:.1f} h"
