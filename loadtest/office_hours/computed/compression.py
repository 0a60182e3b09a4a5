"""A part of the business day, so many times as fast as it was, with openings by the clock. Pure.

Starts of workers are as slow as they are. So the pauses between openings must leave room for them,
and what a part of the day takes to be replayed follows from that.

So that a worker has the share of its time to work that it has in the day itself, a document takes as
many times less as the day is faster. It is as many files as take so long.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from loadtest.office_hours.computed.by_clock import DAY_FROM_S, DAY_TO_S
from loadtest.office_hours.computed.hours import HOUR_S
from loadtest.scenario.rates import Times

LEAST_STARTS = 4
"""So many starts of a worker fit between two openings."""
_MINUTE_S = 60
_INTERVALS_S = (15, 20, 30, *(_MINUTE_S * each for each in (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30)))
"""What one cron expression can say: parts of a minute, and of an hour."""


class NoRoom(Exception):
    """No interval leaves room for the starts; the message says why."""


class DayPart(NamedTuple):
    """Hours of the day, `from_s` to `to_s` after midnight, with an opening at the end of each `linger_s`."""

    from_s: float
    to_s: float
    linger_s: float

    @property
    def hours(self) -> str:
        """Its hours, as part() reads them."""
        return f"{self.from_s / HOUR_S:.0f}-{self.to_s / HOUR_S:.0f}"

    @property
    def openings(self) -> int:
        """How many there are."""
        return round((self.to_s - self.from_s) / self.linger_s)

    def times_s(self, times_s: Times) -> Times:
        """Return those of `times_s` that lie in it."""
        return times_s[(times_s >= self.from_s) & (times_s < self.to_s)]


BUSINESS_HOURS = DayPart(DAY_FROM_S, DAY_TO_S, 15.0 * _MINUTE_S)
"""As the day that ships is served."""


class Compression(NamedTuple):
    """How a part of the day is replayed: an opening every `interval_s`, a document as `files`."""

    part: DayPart
    interval_s: float
    files: int

    @property
    def factor(self) -> float:
        """How many times as fast as the day."""
        return self.part.linger_s / self.interval_s

    @property
    def takes_s(self) -> float:
        """From the beginning of the part until its last opening."""
        return self.part.openings * self.interval_s

    @property
    def expression(self) -> str:
        """The openings, as cron has them, with seconds."""
        minutes = round(self.interval_s) // _MINUTE_S
        if not minutes:
            return f"*/{self.interval_s:.0f} * * * * *"
        return f"0 {'*' if minutes == 1 else f'*/{minutes}'} * * * *"

    @property
    def moments_s(self) -> list[float]:
        """When it opens, after the beginning of the part."""
        return [self.interval_s * (number + 1) for number in range(self.part.openings)]

    def times_s(self, times_s: Times) -> Times:
        """Return when each file is sent, after the beginning of the part; `times_s`: those of the day."""
        short_s = (self.part.times_s(times_s) - self.part.from_s) / self.factor
        return np.repeat(short_s, self.files)

    def opened(self, at_s: float) -> int:
        """Return how many openings there were by then."""
        return min(max(int(at_s // self.interval_s), 0), self.part.openings)


def part(hours: str, linger_s: float) -> DayPart:
    """Return the hours that `hours` says, such as 10-12; raises ValueError."""
    first, dash, last = hours.partition("-")
    if not (dash and first.isdigit() and last.isdigit()):
        raise ValueError(f"{hours!r} are no hours such as 10-12")
    found = DayPart(int(first) * HOUR_S, int(last) * HOUR_S, linger_s)
    if not DAY_FROM_S <= found.from_s < found.to_s <= DAY_TO_S:
        raise ValueError(f"{hours} are no hours of the business day, {BUSINESS_HOURS.hours}")
    if found.openings * linger_s != found.to_s - found.from_s:
        raise ValueError(f"{linger_s:g} s do not divide the hours {hours}")
    return found


def compress(
    part: DayPart, *, start_s: float, at_most_s: float, document_s: float, file_s: float
) -> Compression:
    """Return how `part` is replayed: as slowly as `at_most_s` allows, but with room for starts.

    `document_s`: what a document takes in the day; `file_s`: what a file takes. Raises NoRoom.
    """
    fits = [each for each in _roomy(part, start_s) if each * part.openings <= at_most_s]
    interval_s = max(fits) if fits else min(_roomy(part, start_s), default=None)
    if interval_s is None:
        raise NoRoom(
            f"a start takes {start_s:.0f} s, and no interval up to {part.linger_s / _MINUTE_S:g} min"
            f" has room for {LEAST_STARTS}"
        )
    short_s = document_s * interval_s / part.linger_s
    return Compression(part, interval_s, max(1, round(short_s / file_s)))


def _roomy(part: DayPart, start_s: float) -> Iterator[int]:
    return (each for each in _INTERVALS_S if LEAST_STARTS * start_s <= each <= part.linger_s)
