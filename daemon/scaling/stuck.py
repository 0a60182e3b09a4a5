"""Partitions that do not move although they have lag and there are workers. Pure.

Burrow's STOP and STALL: the commit stands while there is lag. Time counts only from one complete
look to the next, so that what is unknown accuses nobody.
"""

from collections.abc import Mapping
from typing import NamedTuple

from config.settings import Settings
from daemon.scaling.observation import Observation, Partition


class Standstill(NamedTuple):
    """A partition that stands still: its lag, and for how long it did not move."""

    lag: int
    seconds: float


class _Watched(NamedTuple):
    committed: int | None
    stood_s: float


class Stuck:
    """Watches each partition's commit."""

    def __init__(self, patience_s: Mapping[str, float]) -> None:
        """`patience_s`: how long a topic's partition may stand still; see `patience`."""
        self._patience_s = patience_s
        self._watched: dict[Partition, _Watched] = {}
        self._looked_s: float | None = None

    def see(self, observation: Observation) -> Mapping[Partition, Standstill]:
        """Return the partitions that are stuck now; none while there are no workers."""
        passed_s = self._passed_s(observation)
        stuck = {}
        for partition, offsets in observation.partitions.items():
            lag, before = offsets.lag, self._watched.get(partition)
            if lag is None:
                continue
            if not lag or before is None or before.committed != offsets.committed:
                self._watched[partition] = _Watched(offsets.committed if lag else None, 0.0)
                continue
            stood_s = before.stood_s + passed_s
            self._watched[partition] = _Watched(offsets.committed, stood_s)
            if stood_s >= self._patience_s[partition[0]]:
                stuck[partition] = Standstill(lag, stood_s)
        return {} if observation.members == 0 else stuck

    def _passed_s(self, observation: Observation) -> float:
        """Time in which somebody should have moved them."""
        complete = bool(observation.members) and all(
            offsets.lag is not None for offsets in observation.partitions.values()
        )
        before_s, self._looked_s = self._looked_s, observation.at_s if complete else None
        return observation.at_s - before_s if complete and before_s is not None else 0.0


def patience(settings: Settings) -> Mapping[str, float]:
    """Return how long a partition of each topic may stand still, in seconds, by topic.

    Its requests may wait for their linger, for a batch that runs as long as one may, for the
    broker, and, behind a backlog, for as long as one may take to be served.
    """
    limits, shared_s = settings.limits, settings.scaling.catch_up + settings.limits.publish
    return {
        topic: lane.linger
        + max(settings.models[model].run_limit for model in lane.models)
        + max(shared_s, limits.stall)
        for lane in settings.lanes.values()
        for topic in lane.topics
    }
