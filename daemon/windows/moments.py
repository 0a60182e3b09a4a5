"""Which opening moments of a lane have come since somebody last looked at the clock. Pure.

Of several the last one counts; the others were passed over. None opens twice, wherever the clock is set.
An opening that is brought forward (ready_by.py) is a moment.
"""

import math
from collections import deque
from collections.abc import Sequence
from itertools import chain, islice, takewhile
from typing import NamedTuple

from daemon.windows.ready_by import Opening
from daemon.windows.schedule import Schedule

_MOST_REMEMBERED = 1_000
"""Moments that do not open again when the clock is set back: ten days of quarter hours."""
_MOST_TOLD = 100
"""Passed moments that one look tells one by one: a day of quarter hours."""


class Come(NamedTuple):
    """What has come since the last look: the moments that were passed over, and the last one; None: none."""

    passed_over: Sequence[float]
    last_s: float | None


class Moments:
    """Told the wall's time, in seconds since 1970, it says what has come."""

    def __init__(self, schedule: Schedule) -> None:
        self.next_s = -math.inf
        """The next one as of the last look; inf: there is none."""
        self.opening: Opening | None = None
        """The last one that was brought forward."""
        self._schedule = schedule
        self._is_forward = False
        self._looked_s: float | None = None
        self._opened: deque[float] = deque(maxlen=_MOST_REMEMBERED)

    @property
    def is_looked_at(self) -> bool:
        """Whether somebody has looked before."""
        return self._looked_s is not None

    def bring_forward(self, opening: Opening) -> None:
        """Open at its moment, from the next look on; of several the latest counts."""
        if self.opening is None or opening.moment_s > self.opening.moment_s:
            self.opening = opening
            self._is_forward = True

    def look(self, wall_s: float) -> Come:
        """Return what has come; at the first look the last moment there was."""
        before_s, self._looked_s = self._looked_s, wall_s
        is_forward = self._take_forward(wall_s)
        has_come = before_s is not None and wall_s >= self.next_s
        passed_over = self._passed_over(self.next_s, self._last_s(wall_s)) if has_come else ()
        is_new = before_s is None or has_come or is_forward
        if is_new or (before_s is not None and wall_s < before_s):
            self.next_s = self._schedule.after(wall_s, self.opening)
        last_s = self._last_s(wall_s) if is_new else None
        return Come(passed_over, None if last_s in self._opened else last_s)

    def open(self, moment_s: float) -> None:
        """Note that the lane opens for it."""
        self._opened.append(moment_s)

    def _last_s(self, wall_s: float) -> float:
        return self._schedule.up_to(wall_s, self.opening)

    def _take_forward(self, wall_s: float) -> bool:
        """Return whether what was brought forward since the last look is the last moment."""
        if not self._is_forward or self.opening is None or self.opening.moment_s > wall_s:
            return False
        self._is_forward = False
        return self._last_s(wall_s) == self.opening.moment_s

    def _passed_over(self, first_s: float, last_s: float) -> Sequence[float]:
        """Return the moments before `last_s` for which nobody looked in time."""
        later_s = self._schedule.following(first_s)
        between_s = takewhile(lambda each_s: each_s < last_s, chain([first_s], later_s))
        told_s = islice(between_s, _MOST_TOLD)
        return tuple([each_s for each_s in told_s if each_s not in self._opened])
