"""The moments that one cron expression names in one time zone. Pure; times are whole seconds since 1970.

cronsim says which wall times an expression matches; here they become instants, which is where
clocks that are put forward or back have their say. Both rules are those of Debian's cron:

Rule 1: five fields, of which neither minute nor hour begins with a star, name times of day. Each
comes once: the first time when clocks show it twice, as soon as clocks have been put forward when
they skip it (several that they skip are one moment).
Rule 2: anything else means "every so often", and comes whenever clocks show it: twice when they
show it twice, not at all when they skip it.

cronsim follows them itself when it is given a zone, but for some corners: it may tell a moment
before the one that it was asked to go on from, or a time that does not exist, where clocks change
at midnight or by half an hour.
"""

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim

_SECOND = timedelta(seconds=1)
_DAY_S = 86_400
_HOUR_S = 3_600
_TIMES_OF_DAY_FIELDS = 5
_SOME_WALL_TIME = datetime(2000, 1, 1)  # noqa: DTZ001 -- a wall time is of no zone


class Cron:
    """One expression in one zone."""

    def __init__(self, expression: str, zone: ZoneInfo) -> None:
        """`expression` has five fields, or seconds before them; raises CronSimError otherwise."""
        CronSim(expression, _SOME_WALL_TIME)
        self._expression = expression
        self._zone = zone
        minute, hour = expression.split()[-5:-3]
        self._names_times_of_day = (
            len(expression.split()) == _TIMES_OF_DAY_FIELDS
            and not minute.startswith("*")
            and not hour.startswith("*")
        )

    def after(self, at_s: float) -> float:
        """Return the first moment after `at_s`; inf when there is none for decades."""
        before_s = math.floor(at_s)
        return self._next_time(before_s) if self._names_times_of_day else self._next(before_s)

    def up_to(self, at_s: float) -> float:
        """Return the last moment that is not after `at_s`; -inf when there was none for decades."""
        last_s = math.floor(at_s)
        return self._last_time(last_s) if self._names_times_of_day else self._last(last_s)

    # Rule 1

    def _next_time(self, before_s: int) -> float:
        # No wall time up to the one at `before_s` stands for a later instant.
        times_s = (self._once(wall) for wall in self._matches(self._wall(before_s)))
        return next((time_s for time_s in times_s if time_s > before_s), math.inf)

    def _last_time(self, last_s: int) -> float:
        beyond_s = last_s + 1
        while self._is_repeated(beyond_s):  # later wall times than that came earlier
            beyond_s += _HOUR_S
        wall_times = self._matches(self._wall(beyond_s), reverse=True)
        times_s = (self._once(wall) for wall in wall_times)
        return next((time_s for time_s in times_s if time_s <= last_s), -math.inf)

    def _once(self, wall: datetime) -> int:
        """Return the instant that stands for `wall`."""
        first_s = int(wall.replace(tzinfo=self._zone).timestamp())
        if self._wall(first_s) == wall:
            return first_s
        before_s = int(wall.replace(tzinfo=self._zone, fold=1).timestamp())
        return self._change(before_s, first_s)

    # Rule 2: while clocks are not changed, instants and wall times keep the same distance.

    def _next(self, before_s: int) -> float:
        start_s = before_s + 1
        while True:
            wall = self._wall(start_s)
            match = next(self._matches(wall - _SECOND), None)
            if match is None:
                return math.inf
            moment_s = start_s + _seconds(match - wall)
            change_s = self._first_change(start_s, moment_s)
            if change_s is None:
                return moment_s
            start_s = change_s

    def _last(self, last_s: int) -> float:
        while True:
            wall = self._wall(last_s)
            match = next(self._matches(wall + _SECOND, reverse=True), None)
            if match is None:
                return -math.inf
            moment_s = last_s - _seconds(wall - match)
            change_s = self._last_change(moment_s, last_s)
            if change_s is None:
                return moment_s
            last_s = change_s - 1

    # Clocks

    def _matches(self, wall: datetime, *, reverse: bool = False) -> Iterator[datetime]:
        """Return the wall times after `wall` that match, or those before it."""
        return iter(CronSim(self._expression, wall, reverse=reverse))

    def _local(self, at_s: int) -> datetime:
        return datetime.fromtimestamp(at_s, self._zone)

    def _wall(self, at_s: int) -> datetime:
        """Return what clocks show, and nothing of the zone."""
        return self._local(at_s).replace(tzinfo=None, fold=0)

    def _is_repeated(self, at_s: int) -> bool:
        """Whether clocks have shown before what they show at `at_s`."""
        return self._local(at_s).fold == 1

    def _offset_s(self, at_s: int) -> int:
        return _seconds(self._wall(at_s) - datetime.fromtimestamp(at_s, UTC).replace(tzinfo=None))

    def _first_change(self, first_s: int, last_s: int) -> int | None:
        """Return the first instant up to `last_s` at which clocks go otherwise than at `first_s`."""
        offset_s = self._offset_s(first_s)
        for begin_s in range(first_s, last_s, _DAY_S):
            end_s = min(begin_s + _DAY_S, last_s)
            if self._offset_s(end_s) != offset_s:
                return self._change(begin_s, end_s)
        return None

    def _last_change(self, first_s: int, last_s: int) -> int | None:
        """Return the first instant after `first_s` from which on clocks go as at `last_s`."""
        offset_s = self._offset_s(last_s)
        for end_s in range(last_s, first_s, -_DAY_S):
            begin_s = max(end_s - _DAY_S, first_s)
            if self._offset_s(begin_s) != offset_s:
                return self._change(begin_s, end_s)
        return None

    def _change(self, before_s: int, after_s: int) -> int:
        """Return the first instant at which clocks no longer go as at `before_s`."""
        offset_s = self._offset_s(before_s)
        while after_s - before_s > 1:
            middle_s = (before_s + after_s) // 2
            if self._offset_s(middle_s) == offset_s:
                before_s = middle_s
            else:
                after_s = middle_s
        return after_s


def _seconds(span: timedelta) -> int:
    return span // _SECOND
