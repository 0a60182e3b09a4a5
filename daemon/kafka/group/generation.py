"""One assignment of partitions to this worker, from the group's word to the next."""

from collections.abc import Collection, Mapping
from types import MappingProxyType

from aiokafka.structs import TopicPartition

from daemon.values.lane import Lane
from daemon.values.ledger import Ledger


class Generation:
    """The partitions of one assignment and their ledgers. Pure.

    A partition is open once it is known where to read it from. Commits carry the group's number
    and this member's id as they were at the assignment, so that the broker refuses them once
    either has changed.
    """

    def __init__(
        self,
        number: int,
        member: str,
        partitions: Collection[TopicPartition],
        lanes: Mapping[str, Lane],
    ) -> None:
        """`lanes` names each topic's lane."""
        self.number = number
        self.member = member
        self.partitions = frozenset(partitions)
        self._lanes = lanes
        self.proven = False
        """Whether the broker has confirmed the membership since the assignment."""
        self._ledgers: dict[tuple[str, int], Ledger] = {}
        self._committed: dict[tuple[str, int], int] = {}
        self._restart: dict[tuple[str, int], int] = {}
        """Where a worker that took over now would begin."""
        self._by_topic: dict[str, list[TopicPartition]] = {}

    @property
    def ledgers(self) -> Mapping[tuple[str, int], Ledger]:
        """The ledgers of open partitions."""
        return MappingProxyType(self._ledgers)

    @property
    def complete(self) -> bool:
        """Whether every partition is open."""
        return len(self._ledgers) == len(self.partitions)

    def open(self, partition: TopicPartition, position: int, *, committed: int | None) -> None:
        """Read `partition` from `position`; `committed` is what the group has for it."""
        topic, number = partition.topic, partition.partition
        self._ledgers[partition] = Ledger(topic, number, position, self._lanes[topic])
        self._by_topic.setdefault(partition.topic, []).append(partition)
        self._restart[partition] = position if committed is None else committed
        if committed is not None:
            self._committed[partition] = committed

    def close(self, partition: TopicPartition) -> None:
        """Read no more from `partition` until it is opened anew; answers to it still leave."""
        del self._ledgers[partition]
        self._by_topic[partition.topic].remove(partition)

    def readable(self, topics: Collection[str], *, most_ahead: int) -> list[TopicPartition]:
        """Return the open partitions of `topics` read at most so far beyond their commit."""
        return [
            partition
            for topic in topics
            for partition in self._by_topic.get(topic, ())
            if self._ledgers[partition].position - self._restart[partition] <= most_ahead
        ]

    def held(self, topics: Collection[str], *, most_ahead: int) -> list[Ledger]:
        """Return the ledgers of the other open partitions of `topics`."""
        return [
            self._ledgers[partition]
            for topic in topics
            for partition in self._by_topic.get(topic, ())
            if self._ledgers[partition].position - self._restart[partition] > most_ahead
        ]

    def uncommitted(self) -> dict[tuple[str, int], int]:
        """Return what may be committed and is not yet, by partition."""
        return {
            partition: ledger.committable
            for partition, ledger in self._ledgers.items()
            if ledger.committable != self._committed.get(partition)
        }

    def committed(self, offsets: Mapping[tuple[str, int], int]) -> None:
        """The group has `offsets`."""
        self._committed.update(offsets)
        self._restart.update(offsets)

    def lose(self) -> None:
        """Another worker may have the partitions: what is answered from now on counts for nothing."""
        for ledger in self._ledgers.values():
            ledger.lost = True
