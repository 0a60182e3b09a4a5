"""What is seen of the group's work from outside. Pure.

Rule 1: unknown is None and is never taken for zero or for "no commit".
Rule 2: a group that has committed nothing for a partition has the partition's whole log before it.
"""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from daemon.windows.ready_by import Opening

Partition: TypeAlias = tuple[str, int]
"""Topic and partition number."""

NO_COMMIT = -1
"""`committed` of a partition for which the group is known to have committed nothing."""


class Offsets(NamedTuple):
    """One partition's offsets; None is unknown.

    `start` and `end` are those of the log, `end` is the next record's; `committed` is the group's,
    or NO_COMMIT.
    """

    start: int | None
    end: int | None
    committed: int | None

    @property
    def next(self) -> int:
        """The first record before the group, as far as it is known."""
        return max(self.start or 0, self.committed or 0)

    @property
    def lag(self) -> int | None:
        """Records before the group, None when it cannot be known."""
        start, end, committed = self  # not `self.next`: this is asked some ten times a look
        if start is None or end is None or committed is None:
            return None
        return max(0, end - max(start, committed))


class Target(NamedTuple):
    """Where a log ended at the last moment of a lane that opens by the clock, by timestamps.

    `certain` is where it ended some seconds before: what workers that were there have seen of it.
    """

    certain: int
    latest: int


class Observation(NamedTuple):
    """All partitions of all lanes, as seen at `at_s` (monotonic seconds); `members` of the group.

    Every partition is in it, also those of which nothing is known; it is empty only when not even
    the topics could be asked for. `wall_s` is the same time in seconds since 1970; `remembered` what
    commits say of what workers served before: remembered.py reads it. `overdue` are the partitions
    whose oldest unanswered record is older, by its timestamp, than a fleet that sleeps may let it
    become. `targets` are known of those that need one: of lanes that open by the clock, with lag.
    `opened` is what commits say of openings that were brought forward.
    """

    at_s: float
    partitions: Mapping[Partition, Offsets]
    members: int | None
    wall_s: float = 0.0
    remembered: Collection[str] = ()
    overdue: Collection[Partition] = ()
    targets: Mapping[Partition, Target] = MappingProxyType({})
    opened: Mapping[Partition, Opening] = MappingProxyType({})

    @property
    def complete(self) -> bool:
        """Whether everything is known."""
        lags = [offsets.lag for offsets in self.partitions.values()]
        return bool(lags) and None not in [*lags, self.members]
