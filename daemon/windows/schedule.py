"""The opening moments of a lane: the union of its expressions, and the last moments for what is to be
ready by a time. Pure; times are seconds since 1970.
"""

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import TypeVar
from zoneinfo import ZoneInfo

from config.settings import Lane
from daemon.windows.cron import Cron
from daemon.windows.ready_by import Opening, ReadyBy, shown

_Key = TypeVar("_Key", bound=Hashable)


class Schedule:
    """A pure function of the clock: two workers that ask at the same time are told the same.

    The `opening` that is known of, if one is, takes the place of the last moment for its time.
    """

    def __init__(
        self,
        expressions: Sequence[str],
        zone: str,
        *,
        ready_by: Sequence[str] = (),
        margin_s: float = 0.0,
    ) -> None:
        """`expressions` and `ready_by` are cron's; without any no moment comes. `zone` is a name of the IANA's.

        Raises CronSimError and ZoneInfoNotFoundError for what is none.
        """
        self.zone = ZoneInfo(zone)
        self.ready_by = ReadyBy(ready_by, self.zone, margin_s) if ready_by else None
        """The times by which it is to be ready."""
        self._crons = [Cron(expression, self.zone) for expression in expressions]

    @classmethod
    def of(cls, lane: Lane) -> "Schedule | None":
        """Return what the settings of a lane say; None: it is always open."""
        if not lane.by_clock or lane.zone is None:
            return None
        return cls(lane.open, lane.zone, ready_by=lane.ready_by, margin_s=lane.ready_margin)

    def after(self, at_s: float, opening: Opening | None = None) -> float:
        """Return the first moment after `at_s`, however many expressions name it; inf: none."""
        moments_s = [cron.after(at_s) for cron in self._crons]
        if self.ready_by is not None:
            moments_s.append(self.ready_by.last_moment_s(self.ready_by.after(at_s, opening)))
        if opening is not None and opening.moment_s > at_s:
            moments_s.append(opening.moment_s)
        return min(moments_s, default=math.inf)

    def up_to(self, at_s: float, opening: Opening | None = None) -> float:
        """Return the last moment that is not after `at_s`; -inf: there was none."""
        moments_s = [cron.up_to(at_s) for cron in self._crons]
        if self.ready_by is not None:
            time_s = self.ready_by.up_to(at_s)
            if opening is None or opening.ready_by_s != time_s:
                moments_s.append(self.ready_by.last_moment_s(time_s))
        if opening is not None and opening.moment_s <= at_s:
            moments_s.append(opening.moment_s)
        return max(moments_s, default=-math.inf)

    def last_moments(
        self, openings: Mapping[_Key, Opening | None], at_s: float
    ) -> dict[_Key, float]:
        """Return the last moment of each, by what is known of its openings, as `up_to` does.

        Openings for times that are none, or long past, count for nothing.
        """
        moments_s = {
            opening: self.up_to(at_s, opening if self.counts(opening, at_s) else None)
            for opening in set(openings.values())
        }
        return {key: moments_s[opening] for key, opening in openings.items()}

    def counts(self, opening: Opening | None, at_s: float) -> bool:
        """Whether it was for the next time, or for the one before."""
        return (
            opening is not None
            and self.ready_by is not None
            and self.ready_by.is_current(opening, at_s)
        )

    def shown(self, moment_s: float) -> str:
        """Return it as clocks in the zone show it; empty for one that never comes."""
        return shown(moment_s, self.zone)

    def following(self, at_s: float) -> Iterator[float]:
        """Yield the moments after `at_s`, for as long as there are any."""
        while (at_s := self.after(at_s)) < math.inf:
            yield at_s
