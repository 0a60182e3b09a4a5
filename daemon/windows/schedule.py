"""The opening moments of a lane: the union of its expressions. Pure; times are seconds since 1970."""

import math
from collections.abc import Iterator, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from config.settings import Lane
from daemon.windows.cron import Cron


class Schedule:
    """A pure function of the clock: two workers that ask at the same time are told the same."""

    def __init__(self, expressions: Sequence[str], zone: str) -> None:
        """`expressions` are cron's, at least one; `zone` is a name of the IANA's.

        Raises CronSimError and ZoneInfoNotFoundError for what is none.
        """
        self.zone = ZoneInfo(zone)
        self._crons = [Cron(expression, self.zone) for expression in expressions]

    @classmethod
    def of(cls, lane: Lane) -> "Schedule | None":
        """Return what the settings of a lane say; None: it is always open."""
        return cls(lane.open, lane.zone) if lane.open and lane.zone is not None else None

    def after(self, at_s: float) -> float:
        """Return the first moment after `at_s`, however many expressions name it; inf: none."""
        return min(cron.after(at_s) for cron in self._crons)

    def up_to(self, at_s: float) -> float:
        """Return the last moment that is not after `at_s`; -inf: there was none."""
        return max(cron.up_to(at_s) for cron in self._crons)

    def shown(self, moment_s: float) -> str:
        """Return it as clocks in the zone show it; empty for one that never comes."""
        if math.isinf(moment_s):
            return ""
        return datetime.fromtimestamp(moment_s, self.zone).isoformat(sep=" ")

    def following(self, at_s: float) -> Iterator[float]:
        """Yield the moments after `at_s`, for as long as there are any."""
        while (at_s := self.after(at_s)) < math.inf:
            yield at_s
