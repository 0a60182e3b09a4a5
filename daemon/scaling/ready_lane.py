"""When workers are asked for a lane that is to be ready by a time, and how it stands with it. Pure.

Rule 1 (ask): as long before the last moment for the time as a start takes and serving what waits, by as
many workers as have it answered within `catch_up`; else by all there may be.
Rule 2 (once): they are for what was there when they were asked for, and stay so while that becomes
less. Where a worker says in commits that it has opened, its moment counts. Where none did, what they
were asked for is due at the last moment.
Rule 3 (unknown): while it is not known what a worker serves they are asked for at once, for whatever
waits, and again.
Rule 4 (late): where it would not be ready, whoever may still come in time is asked for as well.
Rule 5 (others): what other lanes take of the workers is reckoned with; see serving_beside.py.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

from config.settings import Scaling
from daemon.scaling.observation import Offsets, Partition
from daemon.scaling.serving_beside import Others, serving_beside_s
from daemon.scaling.serving_time import Means
from daemon.scaling.window_need import needed
from daemon.windows.ready_by import Opening, ReadyBy, slack_s


class Power(NamedTuple):
    """What there is to serve with.

    Attributes:
        rate: records/s of one busy worker; None is not known.
        most: workers there may be.
        start_s: from asking for the first worker until it is there.
        is_up: whether one is there.
    """

    rate: float | None
    most: int
    start_s: float
    is_up: bool


class LaneLook(NamedTuple):
    """A lane that opens by the clock, as it is seen at `wall_s`, by partition.

    `due`: as if logs ended where what is due ends; `openings`: what is known of the last ones that were
    brought forward; `moments_s`: the last ones of all.
    """

    wall_s: float
    seen: Mapping[Partition, Offsets]
    due: Mapping[Partition, Offsets]
    openings: Mapping[Partition, Opening | None]
    moments_s: Mapping[Partition, float]


class Readiness(NamedTuple):
    """By when a lane is to be ready next, and how it stands.

    Attributes:
        time_s: in wall seconds.
        time: as clocks in its zone show it.
        left_s: the time until then; not above 0: it has come.
        slack_s: what of it is left when all is served; None: not known.
        records: that are to be answered by then, of a lane that has opened for it.
    """

    time_s: float
    time: str
    left_s: float
    slack_s: float | None
    records: int


class ReadySight(NamedTuple):
    """How it stands with a lane, and what workers are asked for.

    Attributes:
        readiness: how it stands.
        asked: records by partition, besides what is due.
        opens_s: when it opens for the next time, in wall seconds, by what waits now.
        within_s: within which time what is to be served should be.
    """

    readiness: Readiness
    asked: Mapping[Partition, int]
    opens_s: float
    within_s: float


class ReadyLane:
    """Asked at each look."""

    def __init__(self, ready_by: ReadyBy, scaling: Scaling) -> None:
        self._ready_by = ready_by
        self._scaling = scaling
        self._asked = Opening.for_no_time(-math.inf)
        """When workers were last asked for, and for which time."""
        self._ends: dict[Partition, int] = {}
        """Where logs ended then."""

    def overdue(self, wall_s: float) -> Opening | None:
        """Return what workers were asked for, once the last moment for it has come."""
        has_come = self._ready_by.up_to(wall_s) == self._asked.ready_by_s
        return self._asked if self._asked.is_noted and has_come else None

    def target(self, partition: Partition, moment_s: float) -> int | None:
        """Return where the log ended at `moment_s` if workers were asked for then."""
        return self._ends.get(partition) if moment_s == self._asked.moment_s else None

    def see(self, lane: LaneLook, power: Power, ahead_s: float, others: Others) -> ReadySight:
        """Ask for workers if it is time; they serve `ahead_s` later."""
        next_s = self._ready_by.after(lane.wall_s)
        unopened = {
            partition: offsets
            for partition, offsets in lane.seen.items()
            if (opening := lane.openings[partition]) is None or opening.ready_by_s != next_s
        }
        waiting = {partition: offsets.lag or 0 for partition, offsets in unopened.items()}
        serving = self._serving_s(waiting, next_s, power, others)
        opens_s = self._ready_by.last_moment_s(next_s) - serving
        asked = self._left(unopened, next_s)
        is_time = any(waiting.values()) and lane.wall_s >= opens_s - ahead_s
        is_free = not any(asked.values()) and not any(each.lag != 0 for each in lane.due.values())
        if is_time and is_free and self._asked.ready_by_s != next_s:
            self._ask(unopened, next_s, lane.wall_s, is_known=power.rate is not None)
            asked = self._left(unopened, next_s)
        readiness = self._readiness(lane, asked, next_s, power, others)
        return ReadySight(readiness, asked, opens_s, self._within_s(readiness, power))

    def _ask(
        self, unopened: Mapping[Partition, Offsets], time_s: float, wall_s: float, *, is_known: bool
    ) -> None:
        moment_s = math.floor(wall_s)
        self._asked = Opening(time_s, moment_s) if is_known else Opening.for_no_time(moment_s)
        self._ends = {each: offsets.end or 0 for each, offsets in unopened.items()}

    def _left(self, unopened: Mapping[Partition, Offsets], next_s: float) -> dict[Partition, int]:
        """Return what workers were asked for and is not answered, before its last moment."""
        if self._asked.is_noted and self._asked.ready_by_s != next_s:
            return {}
        return {
            each: max(0, min(offsets.end or 0, self._ends.get(each, 0)) - offsets.next)
            for each, offsets in unopened.items()
        }

    # How it stands

    def _readiness(
        self,
        lane: LaneLook,
        asked: Mapping[Partition, int],
        next_s: float,
        power: Power,
        others: Others,
    ) -> Readiness:
        due = {each: offsets.lag for each, offsets in lane.due.items() if offsets.lag}
        times_s = {
            each: self._ready_by.of(lane.moments_s[each], lane.openings[each]) for each in due
        }
        to_serve = {each: lag for each, lag in due.items() if times_s[each] is not None}
        if self._asked.is_noted:
            to_serve |= {each: max(lag, to_serve.get(each, 0)) for each, lag in asked.items()}
        left = sum(to_serve.values())
        time_s = min((each for each in times_s.values() if each is not None), default=next_s)
        if not left:
            opened = [each for each in (*lane.openings.values(), self._asked) if each is not None]
            this = next((each for each in opened if each.ready_by_s == next_s), None)
            time_s = self._ready_by.after(lane.wall_s, this)
            to_serve = {each: offsets.lag or 0 for each, offsets in lane.seen.items()}
        serving = self._serving_s(to_serve, time_s, power, others)
        if serving and not power.is_up:
            serving += power.start_s
        slack = slack_s(time_s, serving, lane.wall_s)
        return Readiness(
            time_s,
            self._ready_by.shown(time_s),
            time_s - lane.wall_s,
            slack if math.isfinite(slack) else None,
            left,
        )

    def _serving_s(
        self, lags: Mapping[Partition, int], time_s: float, power: Power, others: Others
    ) -> float:
        """Return how long serving takes with as many workers as are asked for; inf: unknown."""
        if not any(lags.values()):
            return 0.0
        if power.rate is None:
            return math.inf
        one = Means(1, power.rate, self._scaling.utilisation)
        within_s = self._scaling.catch_up
        wanted = needed(lags.values(), one, others.arriving, within_s=within_s).both
        means = one._replace(workers=max(1, min(wanted, power.most)))
        return serving_beside_s(lags.values(), means, others, until_s=time_s)

    def _within_s(self, readiness: Readiness, power: Power) -> float:
        """Rule 4."""
        may_come = readiness.records and readiness.left_s > power.start_s
        catch_up_s = self._scaling.catch_up
        return min(catch_up_s, readiness.left_s) if may_come else catch_up_s
