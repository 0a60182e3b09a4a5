"""The opening moments of a lane: the union of its expressions. Pure; times are seconds since 1970."""

import math
from collections.abc import Iterator, Sequence
from zoneinfo import ZoneInfo

from daemon.windows.cron import Cron


class Schedule:
    """A pure function of the clock: two workers that ask at the same time are told the same."""

    def __init__(self, expressions: Sequence[str], zone: str) -> None:
        """`expressions` are cron's, at least one; `zone` is a name of the IANA's.

        Raises CronSimError and ZoneInfoNotFoundError for what is none.
        """
        self.zone = ZoneInfo(zone)
        self._crons = [Cron(expression, self.zone) for expression in expressions]

    def after(self, at_s: float) -> float:
        """Return the first moment after `at_s`, however many expressions name it; inf: none."""
        return min(cron.after(at_s) for cron in self._crons)

    def up_to(self, at_s: float) -> float:
        """Return the last moment that is not after `at_s`; -inf: there was none."""
        return max(cron.up_to(at_s) for cron in self._crons)

    def following(self, at_s: float) -> Iterator[float]:
        """Yield the moments after `at_s`, for as long as there are any."""
        while (at_s := self.after(at_s)) < math.inf:
            yield at_s
