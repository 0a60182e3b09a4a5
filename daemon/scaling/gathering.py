"""When the fleet has to be awake: the rule of the batcher, lifted to the fleet. Pure.

Rule 1: a batch of a lane is due when N records of it are unanswered, or T after the oldest of them
arrived. Lanes that the fleet may not sleep through (daemon/values/sleep.py) are due with their first
record.
Rule 2: what cannot be seen from outside is not known: a deadline in a header, or that N records are
of different models or shapes.
Rule 3: nobody is needed before something is due. What will arrive is taken from what arrives now:
N records may be together before T is over.
Rule 4: a lane that may not be slept through is at rest once nothing came and nothing waited in it
for `scaling.idle`.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

from config.settings import Lane, Settings
from daemon.scaling.report import LaneLoad
from daemon.values.sleep import sleeps


class Due(NamedTuple):
    """How long it is until something is due, in seconds; inf: nothing waits.

    `waiting_s` is of what waits, by its time alone. `spare_s`: for so long nobody is needed, as far
    as can be seen; 0 where the fleet does not sleep at all.
    """

    waiting_s: float
    spare_s: float


class LaneSight(NamedTuple):
    """What is seen of a lane.

    `arrived_s` is when a record of it last came. `is_overdue`: the timestamp of its oldest unanswered
    record says that it is time to ask for workers, whatever was seen of its age.
    """

    load: LaneLoad
    arrived_s: float
    is_overdue: bool = False


class Gathering:
    """Remembers of each lane when something last waited in it; asked at each look."""

    def __init__(self, settings: Settings) -> None:
        self._lanes = settings.lanes
        self._asleep = {
            name: sleeps(lane, settings.scaling) for name, lane in settings.lanes.items()
        }
        self._idle_s = settings.scaling.idle
        self._waited_s: dict[str, float] = {}

    def see(self, lanes: Mapping[str, LaneSight], now: float) -> Due:
        """Return what is due, by what is seen of all lanes."""
        dues = [
            _due(self._lanes[name], sight)
            if self._asleep[name]
            else self._due_at_once(name, sight, now)
            for name, sight in lanes.items()
        ]
        spare_s = min(due.spare_s for due in dues) if any(self._asleep.values()) else 0.0
        return Due(min(due.waiting_s for due in dues), spare_s)

    def _due_at_once(self, name: str, sight: LaneSight, now: float) -> Due:
        if sight.load.lag_records != 0:
            self._waited_s[name] = now
            return Due(0.0, 0.0)
        quiet_s = now - max(sight.arrived_s, self._waited_s.setdefault(name, now))
        return Due(math.inf, math.inf if quiet_s >= self._idle_s else 0.0)


def _due(lane: Lane, sight: LaneSight) -> Due:
    """Rules 1 and 3; what is unknown is due."""
    lag, age_s, rate = sight.load.lag_records, sight.load.lag_seconds, sight.load.arrival_rate
    if lag is None or age_s is None or sight.is_overdue or lag >= lane.max_rows:
        return Due(0.0, 0.0)
    left_s = max(0.0, lane.linger - age_s)
    waiting_s = left_s if lag else math.inf
    if rate is None:
        return Due(waiting_s, 0.0)
    return Due(waiting_s, min(left_s, (lane.max_rows - lag) / rate if rate else math.inf))
