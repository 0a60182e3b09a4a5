"""Finding out where to read assigned partitions from, for as long as that takes."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, TypeVar

from aiokafka import errors
from aiokafka.structs import TopicPartition

from config.settings import Kafka
from daemon.isolation.note import accused
from daemon.isolation.quarantine import died_in_flight
from daemon.isolation.suspect_range import SuspectRange, in_flight
from daemon.kafka.group.committed import NO_COMMIT, Commits, CommittedOffsets
from daemon.kafka.group.generation import Generation
from daemon.kafka.group.lease import Lease
from daemon.kafka.group.start_positions import (
    LogChange,
    NotKnownYet,
    Recovery,
    Starts,
    find_starts,
    recover,
)
from daemon.kafka.reading.consumer import Consumer
from daemon.kafka.topic_ids import TopicIds
from daemon.telemetry.events import Event
from daemon.telemetry.logs import log
from daemon.values.errors import Exit, Fatal
from daemon.values.ports import SourceMetrics

_RETRY_S = 0.2
"""Between two tries; a guess: brokers that lose a coordinator have another one in some tenths of a second."""
_PATIENCE_S = 5.0
"""A leader that is a worker commits within a second; longer, and it is said what is waited for."""
_NO_LEADER = (
    "the group is new, and its leader does not say where it starts: it may be another program; "
    "stop that, or commit the group's offsets"
)

_T = TypeVar("_T")


class Assigner:
    """Opens partitions; whoever gives a generation up cancels what runs here for it."""

    def __init__(
        self,
        kafka: Kafka,
        consumer: Consumer,
        group: CommittedOffsets,
        lease: Lease,
        *,
        metrics: SourceMetrics,
        refused: Callable[[errors.KafkaError], bool],
        limit_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`limit_s`: how long the leader of a new group is waited for; `refused`: see GroupCommits."""
        self.trouble = ""
        """What keeps the partitions from being opened; empty when nothing does."""
        self._kafka = kafka
        self._consumer = consumer
        self._group = group
        self._lease = lease
        self._metrics = metrics
        self._limit_s = limit_s
        self._clock = clock
        self.begun = False
        """Whether this process has read for the group, whose commits were known then."""
        self._refused = refused
        self._has_asked_to_lead = False

    async def open(self, generation: Generation) -> None:
        """Open all partitions of `generation`; raises Fatal."""
        await self._until_proven(generation)
        topics = {partition.topic for partition in generation.partitions}
        try:
            topic_ids, starts = await self._persist(lambda: self._find_starts(generation, topics))
        finally:
            self.trouble = ""
        self.begun = True
        committed = await self._take_up(generation, topic_ids, starts)
        for partition in generation.partitions:
            position = starts.positions[partition]
            self._consumer.seek(partition, position)
            generation.open(
                partition,
                position,
                committed=committed.get(partition),
                topic_id=topic_ids.get(partition.topic, ""),
            )

    async def _take_up(
        self, generation: Generation, topic_ids: TopicIds, starts: Starts
    ) -> Commits:
        """Let the group's commits say who has the partitions, before anything of them is read."""
        if not generation.incarnation:
            return starts.committed
        suspected = await self._persist(lambda: self._suspected(generation, starts))
        commits = {}
        for partition in generation.partitions:
            found = starts.committed.get(partition, NO_COMMIT)
            generation.quarantine.take_up(partition, found.note, suspected.get(partition))
            commits[partition] = found._replace(
                offset=starts.positions[partition],
                topic_id=topic_ids.get(partition.topic, ""),
                note=generation.quarantine.note(partition),
            )
        await self._persist(
            lambda: self._group.commit(commits, number=generation.number, member=generation.member)
        )
        self._tell_suspects(generation, starts)
        return commits

    async def _suspected(
        self, generation: Generation, starts: Starts
    ) -> Mapping[tuple[str, int], SuspectRange]:
        """Return what was in flight where a worker died that held a partition at full speed."""
        held = generation.incarnation
        notes = {partition: commit.note for partition, commit in starts.committed.items()}
        left = [each for each in notes if died_in_flight(notes[each], held, ())]
        if not left:
            return {}
        others = accused(commit.note for commit in (await self._group.all_commits()).values())
        left = [each for each in left if died_in_flight(notes[each], held, others)]
        ends = await self._consumer.end_offsets([TopicPartition(*each) for each in left])
        now_s = time.time()
        suspected = {
            partition: in_flight(
                starts.positions[partition],
                end,
                most_ahead=self._kafka.max_uncommitted,
                now_s=now_s,
            )
            for partition, end in ends.items()
        }
        return {each: found for each, found in suspected.items() if found is not None}

    def _tell_suspects(self, generation: Generation, starts: Starts) -> None:
        suspects = generation.quarantine.suspects
        if not suspects:
            return
        found = {
            starts.committed[partition].note.held
            for partition in suspects
            if partition in starts.committed
        }
        self._metrics.crashed(len(found - {"", generation.incarnation}))
        log(
            Event.CRASH_SUSPECTED,
            partitions=sorted(f"{topic}/{number}" for topic, number in suspects),
            offsets=sum(
                each.end - starts.positions[partition] for partition, each in suspects.items()
            ),
            crashes=max(each.deaths for each in suspects.values()),
        )

    async def reopen(self, generation: Generation, partition: TopicPartition, asked: int) -> None:
        """Go on in the paused `partition`, whose log changed, maybe to have no offset `asked`.

        Raises Fatal.
        """
        topic_ids = await self._persist(lambda: self._consumer.topic_ids([partition.topic]))
        first = await self._persist(lambda: self._consumer.first_offsets([partition]))
        end = await self._persist(lambda: self._consumer.end_offsets([partition]))
        before, present = generation.topic_id(partition), topic_ids.get(partition.topic, "")
        recovery = recover(
            asked,
            first=first[partition],
            end=end[partition],
            same_topic=before == present if before and present else None,
            unread=generation.unread(partition),
        )
        if recovery.change is LogChange.NONE:
            generation.resume(partition)
            return
        self._report(partition, asked, recovery)
        self._consumer.restart(partition, recovery.position)
        generation.reopen(partition, recovery.position, topic_id=present)

    def _report(self, partition: TopicPartition, asked: int, recovery: Recovery) -> None:
        place: dict[str, Any] = {
            "topic": partition.topic,
            "partition": partition.partition,
            "asked": asked,
            "offset": recovery.position,
            "reason": str(recovery.change),
        }
        if recovery.change is not LogChange.CUT:
            log(Event.LOG_CHANGED, **place)
        if recovery.lost:
            self._metrics.lost(recovery.lost)
            log(Event.REQUESTS_LOST, **place, count=recovery.lost)

    async def _find_starts(
        self, generation: Generation, topics: Collection[str]
    ) -> tuple[TopicIds, Starts]:
        """The ids are asked for first: what changes after that is noticed by who compares them."""
        topic_ids = await self._consumer.topic_ids(topics)
        starts = await find_starts(
            self._consumer,
            self._group,
            generation,
            self._kafka.start,
            topic_ids,
            begun=self.begun,
        )
        return topic_ids, starts

    async def _until_proven(self, generation: Generation) -> None:
        """A join answered long ago proves nothing: wait for the first heartbeat if need be."""
        while not generation.proven:
            generation.proven = self._lease.valid(self._clock())
            await asyncio.sleep(0.0 if generation.proven else _RETRY_S)

    async def _persist(self, ask: Callable[[], Awaitable[_T]]) -> _T:
        """Ask until there is an answer; an error means that nothing is known."""
        began_s = self._clock()
        while True:
            try:
                return await ask()
            except NotKnownYet:
                self._wait_for_leader(self._clock() - began_s)
            except errors.KafkaError as error:
                self._refused(error)
            await asyncio.sleep(_RETRY_S)

    def _wait_for_leader(self, waited_s: float) -> None:
        """Say that the leader of a new group is waited for; raises Fatal when it was for too long."""
        if waited_s > self._limit_s:
            raise Fatal(Exit.WORK_LEFT, f"{_NO_LEADER} for {self._limit_s:g} s")
        if waited_s > _PATIENCE_S and not self.trouble:
            self.trouble = _NO_LEADER
            log(Event.GROUP_AWAITED, group=self._kafka.group, reason=_NO_LEADER)
            self._ask_to_lead()

    def _ask_to_lead(self) -> None:
        """A static member that comes back may be the leader itself: Kafka tells it when it asks again."""
        if not self._has_asked_to_lead:
            self._has_asked_to_lead = True
            self._consumer.rejoin()
