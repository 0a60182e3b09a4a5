"""What a one-shot run has to reach: the ends of the logs as they were when it began. Pure.

Rule 1: a partition is reached when the group's commit is at that end or beyond it, whoever made the
commit, or when its log starts there by now, since nobody can answer what Kafka has deleted.
Offsets count and not records: transaction markers and gaps of compaction lie on the way too.
Rule 2: what is unknown is not reached; what was reached once stays so.
Rule 3: a lane is at its tail when this worker has read its partitions up to their ends, and something
below them is unanswered. Waiting for more would be waiting for what is not due.
"""

from collections.abc import Collection, Mapping

from daemon.scaling.observation import NO_COMMIT, Observation, Offsets, Partition
from daemon.values.ledger import Ledger


class Target:
    """The ends to be reached, and which of them have not been yet."""

    def __init__(self, first: Observation, topics: Collection[str]) -> None:
        """`first` is the state at the start; raises ValueError unless all of it is known."""
        missing = set(topics) - {topic for topic, _ in first.partitions}
        if missing:
            raise ValueError(f"the partitions of {', '.join(sorted(missing))} are not known")
        self._ends: dict[Partition, int] = {}
        self._starts: dict[Partition, int] = {}
        self._deleted: dict[Partition, int] = {}
        self.gone = 0
        """Offsets behind the group's commits that had been deleted before."""
        for partition, seen in first.partitions.items():
            if seen.start is None or seen.end is None or seen.committed is None:
                raise ValueError(f"the offsets of {partition[0]}/{partition[1]} are not known")
            self._ends[partition] = seen.end
            self._starts[partition] = seen.start
            if seen.committed != NO_COMMIT:
                self.gone += max(0, seen.start - seen.committed)
        self.group_is_new = all(seen.committed == NO_COMMIT for seen in first.partitions.values())
        self._unreached = dict(self._ends)
        self.due = self.left(first) or 0
        """Offsets between the group's commits and the ends."""

    def left(self, seen: Observation) -> int | None:
        """Take in what is seen now; return the offsets left to answer, None when unknown."""
        for partition in list(self._unreached):
            self._note_deleted(partition, seen.partitions.get(partition))
            if _is_reached(seen.partitions.get(partition), self._unreached[partition]):
                del self._unreached[partition]
        total = 0
        for partition, end in self._unreached.items():
            offsets = seen.partitions.get(partition)
            if offsets is None or offsets.start is None or offsets.committed is None:
                return None
            total += end - max(offsets.start, offsets.committed)
        return total

    def _note_deleted(self, partition: Partition, offsets: Offsets | None) -> None:
        if offsets is None or offsets.start is None or offsets.committed is None:
            return
        begun = max(self._starts[partition], offsets.committed)
        deleted = min(offsets.start, self._ends[partition]) - begun
        self._deleted[partition] = max(deleted, self._deleted.get(partition, 0))

    @property
    def deleted(self) -> int:
        """Offsets that were due and were deleted before a commit was seen that has them."""
        return sum(self._deleted.values())

    @property
    def reached(self) -> bool:
        """Whether every partition has been seen at its end."""
        return not self._unreached

    def tails(
        self, ledgers: Mapping[Partition, Ledger], lanes: Mapping[str, str]
    ) -> frozenset[str]:
        """Return the lanes that are at their tail; `lanes` names each topic's."""
        unread: set[str] = set()
        unanswered: set[str] = set()
        for partition, ledger in ledgers.items():
            end = self._ends.get(partition, 0)
            if ledger.position < end:
                unread.add(lanes[ledger.topic])
            elif ledger.committable < end:
                unanswered.add(lanes[ledger.topic])
        return frozenset(unanswered - unread)


def _is_reached(offsets: Offsets | None, end: int) -> bool:
    if offsets is None or offsets.committed is None:
        return False
    return max(offsets.committed, offsets.start or 0) >= end
