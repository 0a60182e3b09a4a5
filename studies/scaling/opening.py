"""When workers open a lane that is to be ready by a time, in the replay: the code that runs elsewhere.

Each worker reckons for its own partitions, by what waits there and what comes to it of the urgent lane;
the one with most of them decides for all here. As in daemon/line/latest_openings.py.
"""

import heapq
import math
from typing import NamedTuple
from zoneinfo import ZoneInfo

from config.settings import Scaling
from daemon.scaling.required_workers import share
from daemon.scaling.serving_beside import OtherLane, Others, serving_beside_s
from daemon.scaling.serving_time import Means
from daemon.scaling.sliding_window import SlidingRate
from daemon.scaling.window_need import Beside
from daemon.windows.ready_by import Opening, ReadyBy
from studies.scaling.rules import Sight
from studies.scaling.site import Site

_ARRIVALS_S = 60.0


class Latest(NamedTuple):
    """The moment that was last opened at, what logs held then, and what commits tell of it."""

    targets: list[int]
    opening: Opening | None


class Openings:
    """Asked once a second of the replay, whether there are workers or not."""

    def __init__(self, site: Site, scaling: Scaling, rate: float | None) -> None:
        """`rate`: what workers know that one serves."""
        self._ready_by = ReadyBy([cron_of(site)], ZoneInfo("UTC"), site.margin_s)
        self._site = site
        self._scaling = scaling
        self._rate = rate
        self._urgent = SlidingRate(_ARRIVALS_S)
        self.latest = Latest([0] * site.partitions, None)

    def look(self, sight: Sight, now: float) -> bool:
        """Return whether the lane has a moment now."""
        patient, *urgent = self._site.lanes
        lags = (sight.ends - sight.commits).tolist()
        self._urgent.see(sum(sight.ends[lane].sum() for lane in urgent), now)
        time_s = self._ready_by.up_to(now)
        opening = self.latest.opening
        if self._ready_by.last_moment_s(time_s) == now and not _is_for(opening, time_s):
            self.latest = Latest(sight.ends.tolist(), opening)
            return True
        is_over = not any(
            commit < target
            for commit, target in zip(
                sight.commits[patient].tolist(), self.latest.targets[patient], strict=True
            )
        )
        if not (sight.members and is_over and any(lags[patient])):
            return False
        serving_s = self._serving_s(lags, sight.members, self._ready_by.after(now, opening))
        if now < self._ready_by.opens_s(serving_s, now, opening):
            return False
        self.latest = Latest(sight.ends.tolist(), self._opening(now, opening))
        return True

    def _opening(self, now: float, before: Opening | None) -> Opening:
        if self._rate is None:
            return Opening.for_no_time(math.floor(now))
        return Opening(self._ready_by.after(now, before), math.floor(now))

    def _serving_s(self, lags: list[int], members: int, time_s: float) -> float:
        if self._rate is None:
            return math.inf
        mine, *urgent = [
            heapq.nlargest(share(members, lane.stop - lane.start), lags[lane])
            for lane in self._site.lanes
        ]
        one = Means(1, self._rate, self._scaling.utilisation)
        arriving = (self._urgent.rate(_ARRIVALS_S) or 0.0) / self._rate / one.utilisation
        part = sum(map(len, urgent)) / max(1, self._site.urgent)
        lanes = [OtherLane(-math.inf, backlogs) for backlogs in urgent]
        others = Others(1 / len(self._site.lanes), Beside(arriving * part, 1), lanes)
        return serving_beside_s(mine, one, others, until_s=time_s)


def cron_of(site: Site) -> str:
    """Return the times by which the lane is to be ready; they come once an hour, or as part of one."""
    return f"{','.join(map(str, range(0, 60, site.ready_every_s // 60)))} * * * *"


def _is_for(opening: Opening | None, time_s: float) -> bool:
    return opening is not None and opening.ready_by_s == time_s
