"""What is work of all lanes that open by the clock, as it is seen from outside. Pure.

What of each is work is said by clocked_lane.py.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

from config.settings import Settings
from daemon.scaling.clocked_lane import ClockedLane, Closed
from daemon.scaling.observation import Observation, Offsets, Partition
from daemon.scaling.ready_lane import LaneLook, Power, Readiness
from daemon.scaling.serving_beside import OtherLane, Others
from daemon.scaling.window_need import NOTHING, Beside
from daemon.windows.schedule import Schedule

_JOINS_S = 3.0
"""From when the first worker is seen in its group until it is given partitions: as brokers are shipped
they wait so long for others (group.initial.rebalance.delay.ms)."""


class ClockSight(NamedTuple):
    """What is seen of the lanes that open by the clock.

    Attributes:
        due: what was seen of all lanes, as if logs ended where what is due ends.
        to_serve: the records workers are needed for, by partition of these lanes; None is unknown.
        closed: the lanes that are shut.
        ready: how it stands with the lanes that are to be ready by a time.
        within_s: within which time what is to be served should be.
    """

    due: Observation
    to_serve: Mapping[Partition, int] | None
    closed: Mapping[str, Closed]
    ready: Mapping[str, Readiness]
    within_s: float


class ClockedLanes:
    """Asked at each look; where no lane opens by the clock, all that was seen is due."""

    def __init__(self, settings: Settings) -> None:
        self._ahead_s = settings.scaling.interval + _JOINS_S
        self._catch_up_s = settings.scaling.catch_up
        weights = sum(lane.weight for lane in settings.lanes.values())
        self._turns = {name: lane.weight / weights for name, lane in settings.lanes.items()}
        self._clocks = {
            name: ClockedLane(lane, schedule, settings.scaling)
            for name, lane in settings.lanes.items()
            if (schedule := Schedule.of(lane)) is not None
        }

    def see(self, observation: Observation, power: Power, arriving: Beside = NOTHING) -> ClockSight:
        """Return what is due, and what is to be served with `power`; `arriving`: in lanes always open."""
        due: dict[Partition, Offsets] = {}
        to_serve: list[Mapping[Partition, int] | None] = []
        closed: dict[str, Closed] = {}
        ready: dict[str, Readiness] = {}
        within_s = self._catch_up_s
        lanes = {name: clock.look(observation) for name, clock in self._clocks.items()}
        others = self._others(observation, lanes, arriving)
        for name, clock in self._clocks.items():
            early_s = power.start_s + self._ahead_s
            sight = clock.see(lanes[name], power, early_s, others[name])
            due |= sight.due
            to_serve.append(sight.to_serve)
            if sight.closed is not None:
                closed[name] = sight.closed
            if sight.ready is not None:
                ready[name] = sight.ready.readiness
                within_s = min(within_s, sight.ready.within_s)
        known = [each for each in to_serve if each is not None]
        return ClockSight(
            observation._replace(partitions={**observation.partitions, **due}),
            {partition: lag for each in known for partition, lag in each.items()}
            if len(known) == len(to_serve)
            else None,
            closed,
            ready,
            within_s,
        )

    def _others(
        self, observation: Observation, lanes: Mapping[str, LaneLook], arriving: Beside
    ) -> Mapping[str, Others]:
        """Return what each of `lanes` is to know of all others."""
        by_clock = {partition for lane in lanes.values() for partition in lane.seen}
        open_now = OtherLane(
            -math.inf,
            [
                offsets.lag or 0
                for partition, offsets in observation.partitions.items()
                if partition not in by_clock
            ],
        )
        seen = {name: self._clocks[name].as_others(lane) for name, lane in lanes.items()}
        return {
            name: Others(
                self._turns[name],
                arriving,
                [open_now, *(each for other in seen if other != name for each in seen[other])],
            )
            for name in lanes
        }
