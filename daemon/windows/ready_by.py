"""When a lane opens so that what waits is answered by a time. Pure; times are seconds since 1970.

Rule 1 (last): `ready_margin` before its time at the latest: that is a moment like any other.
Rule 2 (earlier): it opens as long before that as it takes to serve what waits.
Rule 3 (once): it opens once for each time. What comes later is for the next one.
Rule 4 (noted): what waits becomes less once it is open, so nobody could tell again when that was. It is
noted in the group's commits, and is from then on a moment that took the place of the last one.
Rule 5 (unknown): while it is not known how long serving takes, it opens at once for whatever waits. That
is for no time, and is not noted.
"""

import math
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple, Self
from zoneinfo import ZoneInfo

from daemon.windows.cron import Cron

LONGEST = 32
"""Characters of an opening in a commit."""
_TEXT = re.compile(r"([0-9]{1,15}),([0-9]{1,15})")
_NO_TIME_S = 0.0


class Opening(NamedTuple):
    """A lane opened at `moment_s`, so that what was there is answered by `ready_by_s`."""

    ready_by_s: float
    moment_s: float

    @classmethod
    def for_no_time(cls, moment_s: float) -> Self:
        """Return what rule 5 opens."""
        return cls(_NO_TIME_S, moment_s)

    @property
    def is_noted(self) -> bool:
        """Whether it is in the place of the last moment for a time."""
        return self.ready_by_s != _NO_TIME_S

    @property
    def text(self) -> str:
        """As a commit carries it."""
        return f"{self.ready_by_s:.0f},{self.moment_s:.0f}"

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Return what a commit carries, None when it is nothing that is understood."""
        found = _TEXT.fullmatch(text) if len(text) <= LONGEST else None
        return None if found is None else cls(float(found[1]), float(found[2]))


class ReadyBy:
    """The times of a lane, and when it opens for them."""

    def __init__(self, expressions: Sequence[str], zone: ZoneInfo, margin_s: float) -> None:
        """`expressions` are cron's, at least one; raises CronSimError for what is none.

        `margin_s` is taken for whole seconds, as all moments are.
        """
        self._margin_s = math.ceil(margin_s)
        self._zone = zone
        self._crons = [Cron(expression, zone) for expression in expressions]

    def after(self, at_s: float, opening: Opening | None = None) -> float:
        """Return the first time whose last moment comes after `at_s`; inf: there is none.

        Not the one that `opening` was for.
        """
        time_s = self._next(at_s + self._margin_s)
        return (
            self._next(time_s) if opening is not None and opening.ready_by_s == time_s else time_s
        )

    def up_to(self, at_s: float) -> float:
        """Return the last time whose last moment is not after `at_s`; -inf: there was none."""
        return max(cron.up_to(at_s + self._margin_s) for cron in self._crons)

    def last_moment_s(self, time_s: float) -> float:
        """Return when the lane opens for `time_s` at the latest."""
        return time_s - self._margin_s

    def of(self, moment_s: float, opening: Opening | None) -> float | None:
        """Return the time that an opening at `moment_s` was for, if it was for one."""
        if opening is not None and opening.moment_s == moment_s:
            return opening.ready_by_s if opening.is_noted else None
        time_s = self.up_to(moment_s)
        return time_s if self.last_moment_s(time_s) == moment_s else None

    def is_current(self, opening: Opening, at_s: float) -> bool:
        """Whether it was for the next time, or the one before; notes of others count for nothing."""
        return opening.ready_by_s in (self.up_to(at_s), self.after(at_s))

    def opens_s(self, serving_s: float, wall_s: float, opening: Opening | None = None) -> float:
        """Return when it opens for the next time, where serving what waits takes `serving_s`."""
        return self.last_moment_s(self.after(wall_s, opening)) - serving_s

    def shown(self, time_s: float) -> str:
        """Return it as clocks in the zone show it; empty for one that never comes."""
        return shown(time_s, self._zone)

    def following(self, at_s: float) -> Iterator[float]:
        """Yield the times after `at_s`, for as long as there are any."""
        while (at_s := self._next(at_s)) < math.inf:
            yield at_s

    def _next(self, at_s: float) -> float:
        return min(cron.after(at_s) for cron in self._crons) if math.isfinite(at_s) else at_s


def shown(moment_s: float, zone: ZoneInfo) -> str:
    """Return it as clocks in the zone show it; empty for one that never comes."""
    if math.isinf(moment_s):
        return ""
    return datetime.fromtimestamp(moment_s, zone).isoformat(sep=" ")


def slack_s(time_s: float, serving_s: float, wall_s: float) -> float:
    """Return what of the time until `time_s` is left when what waits has been served."""
    return time_s - wall_s - serving_s
