"""How fast records arrive, by the ends of the logs, and are answered, by the commits. Pure.

Rule 1: an unknown end tells nothing; what came meanwhile counts from the last end that was known.
Rule 2: the first end that is known of a partition is where counting begins.
Rule 3: an end that fell is that of a topic made anew: all its records have arrived since.
Rule 4: a commit that went back, or over records that were deleted, answered nothing.
"""

import math
from collections.abc import Collection, Mapping

from daemon.scaling.observation import NO_COMMIT, Observation, Offsets, Partition
from daemon.scaling.scale_up_guard import RATE_WINDOW_S
from daemon.scaling.sliding_window import SlidingRate

WINDOWS_S = (15.0, 60.0)
"""The larger of the two rates counts: up quickly, down slowly. The shorter is one round of
Kubernetes' autoscaler, the longer bridges the lulls of what arrives in batches."""

JUMP_S = 5.0
"""Shows a jump before the windows are full of it: in the simulation a third fewer steps up."""

_CHANCE = 2.0
"""Standard errors of a count: what a few records that come together by chance stay below."""


class ArrivalRate:
    """Counts what arrives in each lane; memory is bounded by lanes and partitions."""

    def __init__(self, lanes: Mapping[str, Collection[str]]) -> None:
        """`lanes`: the topics of each; a topic is in one lane."""
        self._lane_of = {topic: lane for lane, topics in lanes.items() for topic in topics}
        self._flows = {lane: SlidingRate(max(WINDOWS_S)) for lane in lanes}
        self._totals = dict.fromkeys(lanes, 0)
        self._ends: dict[Partition, int] = {}
        self._arrived_s: dict[str, float] = {}

    def see(self, observation: Observation) -> None:
        """Take in what was seen."""
        if not self._arrived_s:
            self._arrived_s = dict.fromkeys(self._flows, observation.at_s)
        unknown = set()
        for partition, offsets in observation.partitions.items():
            lane = self._lane_of[partition[0]]
            if offsets.end is None:
                unknown.add(lane)
            elif arrived := self._count(partition, offsets.end, offsets):
                self._totals[lane] += arrived
                self._arrived_s[lane] = observation.at_s
        if observation.partitions:
            for lane in self._flows.keys() - unknown:
                self._flows[lane].see(self._totals[lane], observation.at_s)

    def rate(self, lane: str) -> float | None:
        """Return the records a second that arrive in `lane`; None before two complete looks."""
        flow = self._flows[lane]
        return None if flow.rate(JUMP_S) is None else _rate([flow])

    @property
    def arrived_s(self) -> Mapping[str, float]:
        """When an end was last seen to have moved, by lane; at first when it was first looked."""
        return self._arrived_s

    def of(self, lanes: Collection[str]) -> float:
        """Return the records a second that arrive in `lanes`, as far as their rates are known."""
        return _rate([self._flows[lane] for lane in lanes])

    @property
    def total(self) -> float:
        """Records a second that arrive in all lanes whose rate is known."""
        return _rate(self._flows.values())

    def _count(self, partition: Partition, end: int, offsets: Offsets) -> int:
        before = self._ends.get(partition, end)
        self._ends[partition] = end
        return end - before if end >= before else end - (offsets.start or 0)


def _rate(flows: Collection[SlidingRate]) -> float:
    """Return the largest of the windows' rates, that of the shortest as far as it is no chance."""
    jump = sum(flow.rate(JUMP_S) or 0.0 for flow in flows)
    return max(
        jump - _CHANCE * math.sqrt(max(0.0, jump) / JUMP_S),
        *(sum(flow.rate(window_s) or 0.0 for flow in flows) for window_s in WINDOWS_S),
    )


class ServedRate:
    """Adds up by how much commits advance; memory is bounded by partitions."""

    def __init__(self) -> None:
        self._commits: dict[Partition, int] = {}
        self._flow = SlidingRate(RATE_WINDOW_S)
        self._known = False
        self.total = 0
        """Records answered since the first look."""

    def see(self, observation: Observation) -> None:
        """Take in what was seen."""
        self._known = bool(observation.partitions)
        for partition, offsets in observation.partitions.items():
            if offsets.committed is None:
                self._known = False
            elif offsets.committed != NO_COMMIT:
                before = self._commits.get(partition, offsets.committed)
                self._commits[partition] = offsets.committed
                self.total += max(0, offsets.committed - max(before, offsets.start or 0))
        if self._known:
            self._flow.see(self.total, observation.at_s)

    @property
    def rate(self) -> float | None:
        """Records a second over RATE_WINDOW_S; None while a commit is unknown."""
        return self._flow.rate(RATE_WINDOW_S) if self._known else None
