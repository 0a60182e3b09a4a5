"""What is to come of a lane's moments: the next ones, and how far apart they are. Pure."""

import math
from collections.abc import Mapping, Sequence
from itertools import chain, islice, pairwise, takewhile
from typing import NamedTuple

from config.settings import Lane
from daemon.windows.schedule import Schedule

_NEXT = 5
"""Shown to people: a working week of a lane that opens once a day."""
_MOST_SEEN = 2_000
_AHEAD_S = 400 * 86_400.0
"""How far ahead pauses are looked for: so many moments, which are ten weeks of working days in quarter
hours, and at most somewhat more than a year."""


class Outlook(NamedTuple):
    """The next moments in wall seconds, and the shortest and the longest pause between two of them."""

    next_s: Sequence[float]
    shortest_s: float
    longest_s: float


def next_openings(lanes: Mapping[str, Lane], wall_s: float) -> dict[tuple[str, str], float]:
    """Return the first moment after `wall_s` of lanes that have one, by lane and topic."""
    schedules = {name: Schedule.of(lane) for name, lane in lanes.items()}
    return {
        (name, topic): next_s
        for name, schedule in schedules.items()
        if schedule is not None and math.isfinite(next_s := schedule.after(wall_s))
        for topic in lanes[name].topics
    }


def outlook(schedule: Schedule, wall_s: float) -> Outlook:
    """Look ahead from `wall_s`; both pauses are inf when there is no other moment."""
    ahead_s = takewhile(lambda each_s: each_s < wall_s + _AHEAD_S, schedule.following(wall_s))
    seen_s = list(islice(ahead_s, _MOST_SEEN)) or [schedule.after(wall_s)]
    pauses_s = [
        later - earlier for earlier, later in pairwise(chain([schedule.up_to(wall_s)], seen_s))
    ]
    return Outlook(seen_s[:_NEXT], min(pauses_s), max(pauses_s))
