"""One assignment of partitions to this worker, from the group's word to the next."""

from collections.abc import Collection, Mapping
from types import MappingProxyType

from aiokafka.structs import TopicPartition

from daemon.isolation.quarantine import Quarantine
from daemon.kafka.group.committed import Commit
from daemon.values.lane import Lane
from daemon.values.ledger import Edges, Ledger
from daemon.values.ports import Probe, Suspected
from daemon.windows.ready_by import Opening


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
        *,
        keeps_answered: bool = False,
        incarnation: str = "",
    ) -> None:
        """`lanes` names each topic's lane.

        `keeps_answered`: commits tell what is answered beyond their offset, so that nobody answers
        it again. `incarnation` is this life of this process.
        """
        self.number = number
        self.member = member
        self.incarnation = incarnation
        self.partitions = frozenset(partitions)
        self._lanes = lanes
        self._keeps_answered = keeps_answered
        self.quarantine = Quarantine(incarnation, self._gives_results)
        """Partitions that are read by probes only, and what commits say of all of them."""
        self.proven = False
        """Whether the broker has confirmed the membership since the assignment."""
        self.lost = False
        """Whether another worker, or a later generation, may have the partitions."""
        self._ledgers: dict[tuple[str, int], Ledger] = {}
        self._closed: dict[tuple[str, int], list[Ledger]] = {}
        self._topic_ids: dict[tuple[str, int], str] = {}
        self._ends: dict[tuple[str, int], int] = {}
        self._committed: dict[tuple[str, int], Commit] = {}
        self._noted: set[tuple[str, int]] = set()
        """Of what the group has it that something is suspect."""
        self._restart: dict[tuple[str, int], int] = {}
        """Where a worker that took over now would begin."""
        self._openings: dict[tuple[str, int], Opening] = {}
        self._readable: dict[str, list[TopicPartition]] = {}
        """By topic, those that are open and not paused."""

    @property
    def ledgers(self) -> Mapping[tuple[str, int], Ledger]:
        """The ledgers of open partitions."""
        return MappingProxyType(self._ledgers)

    @property
    def owed(self) -> Collection[Ledger]:
        """The ledgers in which something is, or may come to be, unanswered; closed ones included."""
        closed = [ledger for ledgers in self._closed.values() for ledger in ledgers if ledger.span]
        return [*self._ledgers.values(), *closed]

    def open(
        self,
        partition: TopicPartition,
        position: int,
        *,
        committed: Commit | None,
        topic_id: str = "",
    ) -> None:
        """Read `partition` of the topic with `topic_id` from `position`.

        `committed` is what the group has for it; an unknown id is empty.
        """
        answered = () if committed is None else committed.answered
        self._ledgers[partition] = self._new_ledger(partition, position, answered)
        self._topic_ids[partition] = topic_id
        self._restart[partition] = position if committed is None else committed.offset
        if committed is not None:
            self._know({partition: committed})
            if committed.opened is not None:
                self._openings[partition] = committed.opened
        self.resume(partition)

    def topic_id(self, partition: tuple[str, int]) -> str:
        """The id of the topic that `partition` is read from, empty when it is unknown."""
        return self._topic_ids.get(partition, "")

    def compare(
        self, topic_ids: Mapping[str, str], ends: Mapping[TopicPartition, int]
    ) -> list[TopicPartition]:
        """Return the partitions that are read and whose topic has another id by now.

        Of the others it is noted where their logs ended: `ends`, as seen before the ids were told.
        """
        anew = []
        for partition in [each for readable in self._readable.values() for each in readable]:
            present, before = topic_ids.get(partition.topic, ""), self._topic_ids[partition]
            if present and before and present != before:
                anew.append(partition)
            elif present == before and partition in ends:
                self._ends[partition] = ends[partition]
        return anew

    def unread(self, partition: TopicPartition) -> int:
        """How many offsets of `partition` are known to have been there and were not read."""
        position = self._ledgers[partition].position
        return max(0, self._ends.get(partition, position) - position)

    def pause(self, partition: TopicPartition) -> None:
        """Read no more from `partition` until `resume` or `reopen`; what was read stays owed."""
        if partition in self._readable.get(partition.topic, ()):
            self._readable[partition.topic].remove(partition)

    def resume(self, partition: TopicPartition) -> None:
        """Go on reading `partition` where it was paused."""
        readable = self._readable.setdefault(partition.topic, [])
        if partition not in readable:
            readable.append(partition)

    def reopen(self, partition: TopicPartition, position: int, *, topic_id: str = "") -> None:
        """Read the paused `partition` from `position`: its log has no more of what was read.

        The ledger before is closed. Its answers still leave, and are waited for by commits.
        """
        self._topic_ids[partition] = topic_id
        self._ends.pop(partition, None)
        self.quarantine.forget(partition)
        before = self._ledgers[partition]
        before.closed = True
        self._closed.setdefault(partition, []).append(before)
        self._ledgers[partition] = self._new_ledger(partition, position)
        self.resume(partition)

    def readable(self, topics: Collection[str], *, most_ahead: int) -> list[TopicPartition]:
        """Return the open partitions of `topics` read at most so far beyond their commit.

        While a probe is under way it is its partition alone, however far that is. What was suspect is
        read on once the group knows that it is not: who dies of the rest is to be found by that.
        """
        probe = self.quarantine.probe
        if probe is not None:
            return [
                partition
                for topic in topics
                for partition in self._readable.get(topic, ())
                if partition == probe.partition
            ]
        ledgers, restart = self._ledgers, self._restart  # asked for at each fetch, of hundreds
        read = [
            partition
            for topic in topics
            for partition in self._readable.get(topic, ())
            if ledgers[partition].position - restart[partition] <= most_ahead
        ]
        suspects = self._noted.union(self.quarantine.suspects)
        return [each for each in read if each not in suspects] if suspects else read

    def held(self, topics: Collection[str], *, most_ahead: int) -> list[Ledger]:
        """Return the ledgers of the other open partitions of `topics`."""
        ledgers, restart = self._ledgers, self._restart
        return [
            ledgers[partition]
            for topic in topics
            for partition in self._readable.get(topic, ())
            if ledgers[partition].position - restart[partition] > most_ahead
        ]

    def suspected(self) -> Mapping[tuple[str, int], Suspected]:
        """Return what is read by probes only, of open partitions."""
        return {
            partition: Suspected(suspects.end - self.committable(partition), suspects.deaths)
            for partition, suspects in self.quarantine.suspects.items()
            if partition in self._ledgers
        }

    def next_probe(self, topics: Collection[str]) -> Probe | None:
        """Return what of `topics` is to run alone next; None also before the partitions are open."""
        if not self._ledgers or self.quarantine.probe is not None:
            return None
        return self.quarantine.next(topics, self.committable)

    def uncommitted(self) -> dict[tuple[str, int], Commit]:
        """Return what may be committed and is not yet, by partition."""
        commits = {
            partition: self._commit_of(partition, self.committable(partition))
            for partition in self._ledgers
        }
        return {
            partition: commit
            for partition, commit in commits.items()
            if commit != self._committed.get(partition)
        }

    def committed(self, commits: Mapping[tuple[str, int], Commit]) -> None:
        """The group has `commits`."""
        self._know(commits)
        self._restart.update({partition: each.offset for partition, each in commits.items()})

    def _know(self, commits: Mapping[tuple[str, int], Commit]) -> None:
        self._committed.update(commits)
        self._noted.difference_update(commits)
        self._noted.update(
            partition for partition, each in commits.items() if each.note.suspects is not None
        )

    @property
    def openings(self) -> Mapping[tuple[str, int], Opening]:
        """The last openings that were brought forward, of partitions that have any."""
        return MappingProxyType(self._openings)

    def note_opening(self, partition: tuple[str, int], opening: Opening) -> None:
        """Let commits of `partition` say from now on that its lane opened."""
        if partition in self._ledgers:
            self._openings[partition] = opening

    @property
    def remembered(self) -> frozenset[str]:
        """What commits say of what workers served before; see daemon/scaling/remembered.py."""
        return frozenset(commit.served for commit in self._committed.values()) - {""}

    def lose(self) -> None:
        """Another worker may have the partitions: what is answered from now on counts for nothing."""
        self.lost = True
        for ledger in self.owed:
            ledger.lost = True

    def _gives_results(self, partition: tuple[str, int]) -> bool:
        lane = self._lanes[partition[0]]
        return any(each.has_result for each in self._ledgers.values() if each.lane is lane)

    def _new_ledger(self, partition: TopicPartition, position: int, answered: Edges = ()) -> Ledger:
        topic, number = partition
        return Ledger(topic, number, position, self._lanes[topic], ahead=answered)

    def _commit_of(self, partition: tuple[str, int], offset: int) -> Commit:
        topic_id, ledger = self._topic_ids[partition], self._ledgers[partition]
        answered = tuple(ledger.settled_from(offset)) if self._keeps_answered else ()
        before = self._committed.get(partition)
        served = "" if before is None else before.served
        note, opened = self.quarantine.note(partition), self._openings.get(partition)
        return Commit(offset, topic_id, answered, note, served, opened)

    def committable(self, partition: tuple[str, int]) -> int:
        """Return the offset below which nothing is unanswered, closed ledgers included."""
        offset = self._ledgers[partition].committable
        if partition in self._closed:
            owed = [ledger for ledger in self._closed[partition] if ledger.span]
            self._closed[partition] = owed
            offset = min([offset, *(ledger.committable for ledger in owed)])
        return offset
