"""Finding out where to read assigned partitions from, for as long as that takes."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection
from typing import Any, TypeVar

from aiokafka import errors
from aiokafka.structs import TopicPartition

from config.settings import Kafka
from daemon.kafka.group.committed import CommittedOffsets
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

    async def open(self, generation: Generation) -> None:
        """Open all partitions of `generation`; raises Fatal."""
        await self._until_proven(generation)
        topics = {partition.topic for partition in generation.partitions}
        try:
            topic_ids, starts = await self._persist(lambda: self._find_starts(generation, topics))
        finally:
            self.trouble = ""
        self.begun = True
        for partition in generation.partitions:
            position = starts.positions[partition]
            self._consumer.seek(partition, position)
            generation.open(
                partition,
                position,
                committed=starts.committed.get(partition),
                topic_id=topic_ids.get(partition.topic, ""),
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
