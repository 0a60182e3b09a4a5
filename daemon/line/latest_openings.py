"""Opens lanes that are to be ready by a time as late as that can be, and notes it in commits.

Each worker reckons for its own partitions. Who knows that a lane was opened for a time, by a commit of
any of them, does not reckon again; see daemon/windows/ready_by.py.
"""

import math
import time
from collections.abc import Collection, Mapping, Sequence

from config.settings import Scaling
from daemon.line.waiting import Waiting
from daemon.scaling.remembered import Subject, believed
from daemon.scaling.serving_beside import OtherLane, Others, serving_beside_s
from daemon.scaling.serving_time import Means
from daemon.scaling.sliding_window import SlidingRate
from daemon.scaling.window_need import Beside
from daemon.values.lane import Lane
from daemon.values.ledger import Ledger
from daemon.values.ports import Source
from daemon.windows.bringing_forward import BringingForward
from daemon.windows.ready_by import slack_s
from daemon.windows.window import Partition, Standing

_ARRIVALS_S = 60.0
"""As long as who scales looks back (daemon/scaling/group_rates.py), so that lulls are bridged."""


class LatestOpenings:
    """Told to `look` before each look of a window; without lanes to be ready it does nothing."""

    def __init__(
        self,
        source: Source,
        waiting: Waiting,
        lanes: Sequence[Lane],
        scaling: Scaling,
        subject: Subject,
    ) -> None:
        """`subject`: of what a remembered rate has to be."""
        self._source = source
        self._waiting = waiting
        self._scaling = scaling
        self._subject = subject
        self._clocked = {lane.name: lane.window for lane in lanes if lane.window is not None}
        self._always = {topic for lane in lanes if lane.window is None for topic in lane.topics}
        weights = {lane.name: lane.policy.weight for lane in lanes}
        self._turns = {name: weight / sum(weights.values()) for name, weight in weights.items()}
        self._arrivals = _Arrivals(self._always)
        self._lanes = {
            lane.name: BringingForward(lane.window, lane.window.schedule.ready_by)
            for lane in lanes
            if lane.window is not None and lane.window.schedule.ready_by is not None
        }
        self._rate = scaling.service_rate

    def look(self, name: str, standings: Mapping[Partition, Standing], *, wall_s: float) -> None:
        """Bring the opening of lane `name` forward if it is time; let commits and the window agree.

        `standings` are those of the lane's partitions that this worker has.
        """
        if (lane := self._lanes.get(name)) is None:
            return
        self._arrivals.see(self._source.ledgers)
        openings = self._source.openings
        lane.hear([openings[each] for each in standings if each in openings], wall_s)
        lane.look(lambda: self._serving_s(name, wall_s), wall_s)
        if (opened := lane.opened) is not None:
            unaware = [each for each in standings if openings.get(each) != opened]
            self._source.note_opening(unaware, opened)

    def times_s(self, wall_s: float) -> dict[str, float]:
        """Return by when lanes are to be ready next, in wall seconds."""
        times_s = {name: lane.time_s(wall_s) for name, lane in self._lanes.items()}
        return {name: each for name, each in times_s.items() if math.isfinite(each)}

    def slacks_s(self, wall_s: float) -> dict[str, float]:
        """Return how much time is left in the end for what is to be ready next, by lane.

        Lanes are missing of which it is not known how long serving them takes.
        """
        slacks_s = {}
        for name, lane in self._lanes.items():
            serving_s = self._serving_s(name, wall_s)
            slacks_s[name] = slack_s(lane.time_s(wall_s), serving_s, wall_s)
        return {name: each for name, each in slacks_s.items() if math.isfinite(each)}

    # What waits, and how long serving it takes

    def _serving_s(self, name: str, wall_s: float) -> float:
        """Return how long serving what waits of lane `name` takes this worker; inf: unknown."""
        mine = self._seen(name).backlogs
        if not any(mine):
            return 0.0
        rate = self._known_rate(wall_s)
        if rate is None:
            return math.inf
        one = Means(1, rate, self._scaling.utilisation)
        arriving = Beside(self._arrivals.rate / rate / self._scaling.utilisation, 1)
        lanes = [self._seen(other) for other in self._clocked if other != name]
        others = Others(self._turns[name], arriving, [self._open_now, *lanes])
        return serving_beside_s(mine, one, others, until_s=self._lanes[name].time_s(wall_s))

    def _seen(self, name: str) -> OtherLane:
        """Return what waits in this worker's partitions of a lane that opens by the clock."""
        window = self._clocked[name]
        if window.is_due:
            return OtherLane(-math.inf, [window.left])
        is_forward = window.schedule.ready_by is not None
        return OtherLane(window.next_s, [self._waiting.of_lane(name)], is_forward)

    @property
    def _open_now(self) -> OtherLane:
        """What waits in lanes that are always open."""
        lags = self._source.lag_records()
        return OtherLane(-math.inf, [lags.get(topic, 0) for topic in self._always])

    def _known_rate(self, wall_s: float) -> float | None:
        """Return what this worker serves a second as far as it is known, for good once it is."""
        if self._rate is None:
            found = believed(self._source.remembered, self._subject, wall_s)
            self._rate = None if found is None else found.service_rate
        return self._rate


class _Arrivals:
    """How fast records of `topics` come to this worker: as fast as it reads them."""

    def __init__(self, topics: Collection[str]) -> None:
        self._topics = topics
        self._flow = SlidingRate(_ARRIVALS_S)
        self._positions: dict[Partition, int] = {}
        self._read = 0

    def see(self, ledgers: Mapping[Partition, Ledger]) -> None:
        """Take in how far partitions are read; those that have come begin where they are."""
        positions = {
            partition: ledger.position
            for partition, ledger in ledgers.items()
            if partition[0] in self._topics
        }
        self._read += sum(
            max(0, position - self._positions.get(partition, position))
            for partition, position in positions.items()
        )
        self._positions = positions
        self._flow.see(self._read, time.monotonic())

    @property
    def rate(self) -> float:
        """Records/s; 0 before the second look."""
        return self._flow.rate(_ARRIVALS_S) or 0.0
