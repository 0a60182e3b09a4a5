"""How many records the group has answered, by its commits. Pure.

A commit that went back, or over records that were deleted, answered nothing.
"""

from daemon.scaling.flow import Flow
from daemon.scaling.observation import NO_COMMIT, Observation, Partition
from daemon.scaling.scale_up_guard import RATE_WINDOW_S


class Served:
    """Adds up by how much commits advance; memory is bounded by partitions."""

    def __init__(self) -> None:
        self._commits: dict[Partition, int] = {}
        self._flow = Flow(RATE_WINDOW_S)
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
