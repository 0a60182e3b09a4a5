"""What is work of a lane that opens by the clock, as it is seen from outside. Pure.

Rule 1 (due): what a log held at the lane's last moment is due until it is answered, or `at_most` is
over. The rest is nobody's work: the lane is shut.
Rule 2 (target): what the log held is told by timestamps, and is at least what was seen of it before
the moment: a producer whose clock is ahead hides nothing from who was there.
Rule 3 (doubt): what came in the last seconds before the moment may have come too late for a worker,
who looks for itself. It is due only while commits move.
Rule 4 (ahead): as long before the next moment as a start takes, until partitions are dealt out and
with one look more, all that waits is to be served. It is not due yet, so nobody is late, and
nothing stands still. Whoever was asked for a moment stays until it, though a start turns out to
take less than was thought.
Rule 5 (skip): with `missed="skip"` nothing is due while the group has no members: who comes now
leaves it to the next moment.
Rule 6: what is due does not depend on when one began to look, but for rules 2 and 7.
Rule 7 (ready by): the openings that commits tell of are moments. Before, workers are asked for by
ready_lane.py; what it asked them for is due at the last moment, where nobody opened for it.
"""

import math
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple

from config.settings import Lane, Scaling
from daemon.scaling.observation import Observation, Offsets, Partition, Target
from daemon.scaling.ready_lane import LaneLook, Power, ReadyLane, ReadySight
from daemon.scaling.serving_beside import OtherLane, Others
from daemon.windows.ready_by import Opening
from daemon.windows.schedule import Schedule

_QUIET_S = 10.0
"""Rule 3: a worker reads, runs and commits what is left within seconds. One whose run takes longer
answers it all the same: it is drained, not ended."""


class Closed(NamedTuple):
    """A lane is shut until a moment, in wall seconds and as clocks in its zone show it."""

    until_s: float
    until: str


class LaneSight(NamedTuple):
    """What is due of a lane, and what workers are needed for."""

    due: Mapping[Partition, Offsets]
    to_serve: Mapping[Partition, int] | None
    closed: Closed | None
    ready: ReadySight | None


class _Ahead(NamedTuple):
    """A moment that workers are asked for, and since when, inf: not yet; in wall seconds."""

    moment_s: float
    since_s: float


class ClockedLane:
    """Asked at each look."""

    def __init__(self, lane: Lane, schedule: Schedule, scaling: Scaling) -> None:
        self._topics = frozenset(lane.topics)
        self._schedule = schedule
        self._scheduled = Schedule(lane.open, schedule.zone.key)
        self._ready = None
        if schedule.ready_by is not None:
            self._ready = ReadyLane(schedule.ready_by, scaling)
        self._early_s = lane.early
        self._at_most_s = math.inf if lane.at_most is None else lane.at_most
        self._skips = lane.missed == "skip"
        self._moments_s: Mapping[Partition, float] = {}
        self._wall_s = math.inf
        self._before: dict[Partition, int] = {}
        """Where logs ended when they were last seen before the moment."""
        self._last: dict[Partition, Offsets] = {}
        self._moved_s = -math.inf
        self._is_doubted = False
        """Rule 3: nothing moved after the moment for so long that what is in doubt is not due."""
        self._ahead = _Ahead(-math.inf, math.inf)

    def look(self, observation: Observation) -> LaneLook:
        """Take in what was seen."""
        wall_s = observation.wall_s
        mine = {
            partition: offsets
            for partition, offsets in observation.partitions.items()
            if partition[0] in self._topics
        }
        openings = {each: self._opening(each, observation) for each in mine}
        self._follow(mine, self._schedule.last_moments(openings, wall_s), observation)
        due = {
            partition: self._due(partition, offsets, observation)
            for partition, offsets in mine.items()
        }
        return LaneLook(wall_s, mine, due, openings, self._moments_s)

    def as_others(self, lane: LaneLook) -> Collection[OtherLane]:
        """Return what other lanes see of it: what is due of it, and what waits for its next moment."""
        due = {each: offsets.lag or 0 for each, offsets in lane.due.items()}
        waiting = [(offsets.lag or 0) - due[each] for each, offsets in lane.seen.items()]
        next_s = self._schedule.after(lane.wall_s)
        return (
            OtherLane(-math.inf, due.values()),
            OtherLane(next_s, waiting, is_forward=self._ready is not None),
        )

    def see(self, lane: LaneLook, power: Power, early_s: float, others: Others) -> LaneSight:
        """Return what is to be served with `power`, by the last look."""
        wall_s = lane.wall_s
        early_s = early_s if self._early_s is None else self._early_s
        next_s = self._scheduled.after(wall_s)
        to_serve = _lags(lane.seen if self._is_ahead(next_s, wall_s, early_s) else lane.due)
        ready = None
        if self._ready is not None:
            ready = self._ready.see(lane, power, early_s, others)
            to_serve = _with(to_serve, ready.asked)
            next_s = min(next_s, max(ready.opens_s, wall_s))
        if self._topics != {topic for topic, _ in lane.seen}:
            to_serve = None
        is_shut = not any(offsets.lag != 0 for offsets in lane.due.values())
        closed = Closed(next_s, self._shown(next_s, wall_s)) if is_shut and lane.seen else None
        return LaneSight(lane.due, to_serve, closed, ready)

    def _opening(self, partition: Partition, observation: Observation) -> Opening | None:
        """Return what a worker said of opening, else what nobody did that was asked for."""
        said = observation.opened.get(partition)
        if self._ready is None or self._schedule.counts(said, observation.wall_s):
            return said
        return self._ready.overdue(observation.wall_s)

    def _follow(
        self,
        mine: Mapping[Partition, Offsets],
        moments_s: Mapping[Partition, float],
        observation: Observation,
    ) -> None:
        """Remember what was seen before the last moments, and when commits last moved."""
        came = [each for each in mine if moments_s[each] != self._moments_s.get(each)]
        for partition in came:
            self._before.pop(partition, None)
            seen = self._last.get(partition)
            if seen is not None and seen.end is not None and self._wall_s < moments_s[partition]:
                self._before[partition] = seen.end
        moved = any(
            offsets.committed != self._last.get(partition, offsets).committed
            for partition, offsets in mine.items()
        )
        if came or moved or not observation.members:
            self._moved_s = observation.at_s
        is_quiet = observation.at_s - self._moved_s >= _QUIET_S
        self._is_doubted = not came and (self._is_doubted or is_quiet)
        self._moments_s, self._wall_s, self._last = moments_s, observation.wall_s, dict(mine)

    def _is_ahead(self, next_s: float, wall_s: float, early_s: float) -> bool:
        """Rule 4."""
        if self._ahead.moment_s != next_s or wall_s < self._ahead.since_s:
            since_s = wall_s if next_s - wall_s <= early_s else math.inf
            self._ahead = _Ahead(next_s, since_s)
        return wall_s >= self._ahead.since_s

    def _due(self, partition: Partition, offsets: Offsets, observation: Observation) -> Offsets:
        """Return the offsets as if the log ended where what is due ends."""
        if not offsets.lag or offsets.end is None:
            return offsets
        target = self._target(partition, offsets.end, observation)
        if target is None:
            return offsets._replace(end=None)
        end = target.certain if self._is_doubted else target.latest
        return offsets._replace(end=max(offsets.next, min(offsets.end, end)))

    def _target(self, partition: Partition, end: int, observation: Observation) -> Target | None:
        """Return what the log held at the last moment, if that counts yet; None is unknown."""
        moment_s = self._moments_s[partition]
        passed_s = observation.wall_s - moment_s
        if passed_s >= self._at_most_s or (self._skips and observation.members == 0):
            return Target(0, 0)
        asked = None if self._ready is None else self._ready.target(partition, moment_s)
        if asked is not None:
            return Target(asked, asked)
        before = self._before.get(partition, 0)
        if before >= end:
            return Target(before, before)
        told = observation.targets.get(partition)
        return None if told is None else Target(*(max(before, each) for each in told))

    def _shown(self, moment_s: float, wall_s: float) -> str:
        """Return the time of day, after the day where it is another one; seconds where there are."""
        if math.isinf(moment_s):
            return "its settings change"
        there = datetime.fromtimestamp(moment_s, self._schedule.zone)
        today = datetime.fromtimestamp(wall_s, self._schedule.zone).date()
        day = "" if there.date() == today else "%a %d %b "
        return there.strftime(f"{day}%H:%M{':%S' if there.second else ''}")


def _lags(partitions: Mapping[Partition, Offsets]) -> Mapping[Partition, int] | None:
    known = {each: offsets.lag for each, offsets in partitions.items() if offsets.lag is not None}
    return known if len(known) == len(partitions) else None


def _with(
    to_serve: Mapping[Partition, int] | None, asked: Mapping[Partition, int]
) -> Mapping[Partition, int] | None:
    if to_serve is None:
        return None
    return {each: max(lag, asked.get(each, 0)) for each, lag in to_serve.items()}
