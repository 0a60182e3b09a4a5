"""Opens lanes that are to be ready by a time as late as that can be, and notes it in commits.

Each worker reckons for its own partitions. Who knows that a lane was opened for a time, by a commit of
any of them, does not reckon again; see daemon/windows/ready_by.py.
"""

import math
from collections.abc import Mapping, Sequence

from config.settings import Scaling
from daemon.line.waiting import Waiting
from daemon.scaling.remembered import Subject, believed
from daemon.scaling.serving_time import Means, serving_s
from daemon.values.lane import Lane
from daemon.values.ports import Source
from daemon.windows.bringing_forward import BringingForward
from daemon.windows.ready_by import slack_s
from daemon.windows.window import Partition, Standing


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
        openings = self._source.openings
        lane.hear([openings[each] for each in standings if each in openings], wall_s)
        if not lane.window.is_due:
            lane.look(self._serving_s(name, lane, wall_s), wall_s)
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
            serving_s = self._serving_s(name, lane, wall_s)
            slacks_s[name] = slack_s(lane.time_s(wall_s), serving_s, wall_s)
        return {name: each for name, each in slacks_s.items() if math.isfinite(each)}

    # What waits, and how long serving it takes

    def _serving_s(self, name: str, lane: BringingForward, wall_s: float) -> float:
        window = lane.window
        waiting = window.left if window.is_due else self._waiting.of_lane(name)
        if not waiting:
            return 0.0
        rate = self._known_rate(wall_s)
        if rate is None:
            return math.inf
        return serving_s([waiting], Means(1, rate, self._scaling.utilisation))

    def _known_rate(self, wall_s: float) -> float | None:
        """Return what this worker serves a second as far as it is known, for good once it is."""
        if self._rate is None:
            found = believed(self._source.remembered, self._subject, wall_s)
            self._rate = None if found is None else found.service_rate
        return self._rate
