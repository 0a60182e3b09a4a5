"""What a one-shot run has to reach: the ends of the logs as they were when it began. Pure.

Rule 1: a partition is reached when the group's commit is at that end or beyond it, whoever made the
commit, or when its log starts there by now, since nobody can answer what Kafka has deleted.
Offsets count and not records: transaction markers and gaps of compaction lie on the way too.
Rule 2: what is unknown is not reached; what was reached once stays so.
Rule 3: a lane is at its tail when this worker has read its partitions up to their ends, and something
below them is unanswered. Waiting for more would be waiting for what is not due.
Rule 4: a topic that results of other lanes go on to ends where it did at the first look after those were
reached, since all their results are in it by then; before it is neither reached nor at its tail.
"""

from collections.abc import Collection, Mapping
from types import MappingProxyType

from daemon.scaling.observation import NO_COMMIT, Observation, Offsets, Partition
from daemon.values.ledger import Ledger

_NONE: Mapping[str, Collection[str]] = MappingProxyType({})


class Target:
    """The ends to be reached, and which of them have not been yet."""

    def __init__(
        self,
        first: Observation,
        topics: Collection[str],
        *,
        fed_by: Mapping[str, Collection[str]] = _NONE,
    ) -> None:
        """`first` is the state at the start; raises ValueError unless all of it is known.

        `fed_by` names for topics that results go on to the topics of the lanes that these are of.
        """
        missing = set(topics) - {topic for topic, _ in first.partitions}
        if missing:
            raise ValueError(f"the partitions of {', '.join(sorted(missing))} are not known")
        self._ends: dict[Partition, int] = {}
        self._starts: dict[Partition, int] = {}
        self._begun: dict[Partition, int] = {}
        self._deleted: dict[Partition, int] = {}
        self.gone = 0
        """Offsets behind the group's commits that had been deleted before."""
        for partition, seen in first.partitions.items():
            if seen.start is None or seen.end is None or seen.committed is None:
                raise ValueError(f"the offsets of {partition[0]}/{partition[1]} are not known")
            self._ends[partition] = seen.end
            self._starts[partition] = seen.start
            self._begun[partition] = seen.next
            if seen.committed != NO_COMMIT:
                self.gone += max(0, seen.start - seen.committed)
        self.group_is_new = all(seen.committed == NO_COMMIT for seen in first.partitions.values())
        self._unreached = set(self._ends)
        self._fed_by = dict(fed_by)
        for _ in range(len(fed_by) + 1):  # what nothing is due before ends where it does now
            self._take_in(first)

    @property
    def due(self) -> int:
        """Offsets between the group's commits at the start and the ends."""
        return sum(max(0, end - self._begun[each]) for each, end in self._ends.items())

    def left(self, seen: Observation) -> int | None:
        """Take in what is seen now; return the offsets left to answer, None when unknown."""
        self._take_in(seen)
        total = 0
        for partition in self._unreached:
            offsets = seen.partitions.get(partition)
            if offsets is None or offsets.start is None or offsets.committed is None:
                return None
            total += max(0, self._ends[partition] - max(offsets.start, offsets.committed))
        return total

    def _take_in(self, seen: Observation) -> None:
        unreached_topics = {topic for topic, _ in self._unreached}
        self._fed_by = {
            topic: sources
            for topic, sources in self._fed_by.items()
            if not self._has_grown(topic, seen) or not unreached_topics.isdisjoint(sources)
        }
        for partition in list(self._unreached):
            offsets = seen.partitions.get(partition)
            self._note_deleted(partition, offsets)
            if partition[0] not in self._fed_by and _is_reached(offsets, self._ends[partition]):
                self._unreached.remove(partition)

    def _has_grown(self, topic: str, seen: Observation) -> bool:
        """Note where the logs of `topic` end now; return whether that is known of all of them."""
        is_known = True
        for partition in [each for each in self._ends if each[0] == topic]:
            offsets = seen.partitions.get(partition)
            if offsets is None or offsets.end is None:
                is_known = False
            else:
                self._ends[partition] = offsets.end
        return is_known

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
            if ledger.position < end or partition[0] in self._fed_by:
                unread.add(lanes[ledger.topic])
            elif ledger.committable < end:
                unanswered.add(lanes[ledger.topic])
        return frozenset(unanswered - unread)


def _is_reached(offsets: Offsets | None, end: int) -> bool:
    if offsets is None or offsets.committed is None:
        return False
    return max(offsets.committed, offsets.start or 0) >= end
