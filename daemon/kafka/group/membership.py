"""This worker's place in the group: assignments taken up, given up, and lost."""

import asyncio
import time
from collections.abc import Callable, Collection, Coroutine, Mapping

from aiokafka import ConsumerRebalanceListener, errors
from aiokafka.structs import TopicPartition

from config.settings import Settings
from daemon.kafka.group.assign import Assigner
from daemon.kafka.group.commits import GroupCommits, StaleGeneration
from daemon.kafka.group.committed import CommittedOffsets
from daemon.kafka.group.generation import Generation
from daemon.kafka.group.lease import Lease
from daemon.kafka.reading.consumer import Consumer
from daemon.loop.tasks import Tasks
from daemon.telemetry.events import Event
from daemon.telemetry.logs import log
from daemon.values.errors import Exit, Fatal
from daemon.values.lane import Lane
from daemon.values.ports import Drain, SourceMetrics


class Membership(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Holds the present generation; there is none during a rebalance and after a loss.

    Callbacks of aiokafka run in its coordination task, which logs and forgets what they raise:
    what must end the process goes to `tasks`.
    """

    def __init__(
        self,
        settings: Settings,
        consumer: Consumer,
        lease: Lease,
        lanes: Mapping[str, Lane],
        *,
        drain: Drain,
        metrics: SourceMetrics,
        tasks: Tasks,
        changed: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`lanes` names each topic's lane; `changed` is called when there may be more to fetch."""
        self.generation: Generation | None = None
        self._settings = settings
        self._consumer = consumer
        self._lease = lease
        self._lanes = lanes
        self._drain = drain
        self._metrics = metrics
        self._changed = changed
        self._clock = clock
        group = CommittedOffsets(consumer, settings.kafka.group)
        self._committer = GroupCommits(settings.kafka, group)
        self._limit_s = settings.limits.stall + 2 * settings.kafka.rebalance_timeout
        """How long the group may let this worker do nothing while the broker answers."""
        self._assigner = Assigner(
            settings.kafka,
            consumer,
            group,
            lease,
            metrics=metrics,
            limit_s=self._limit_s,
            clock=clock,
        )
        self._tasks = Tasks(tasks)
        """Those of the present generation; they end with it."""
        self._hastened: asyncio.Task[None] | None = None
        self._without_since_s = clock()

    # What aiokafka calls

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Finish what runs for the partitions, commit it, and give them up. Heartbeats go on."""
        generation = self._end_generation()
        if generation is None:
            return
        held = self._consumer.generation == generation.number and self._lease.valid(self._clock())
        if not held:
            generation.lose()
        try:
            async with asyncio.timeout(self._settings.limits.revoke):
                await self._drain(generation.owed)
        except TimeoutError:
            log(Event.DRAIN_EXPIRED, reason="partitions are taken away", partitions=len(revoked))
        if held:
            await self._commit(generation)
        generation.lose()
        event = Event.PARTITIONS_REVOKED if held else Event.PARTITIONS_LOST
        log(event, partitions=_shown(generation.partitions))

    def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Take up the partitions; not here, because no heartbeat is sent while this runs."""
        generation = Generation(
            self._consumer.generation, self._consumer.member, assigned, self._lanes
        )
        self.generation = generation
        self._metrics.rebalance()
        log(
            Event.PARTITIONS_ASSIGNED,
            generation=generation.number,
            partitions=_shown(generation.partitions),
        )
        self._start(self._assigner.open(generation), "assign")
        self._changed()

    # What the source calls

    @property
    def trouble(self) -> str:
        """What the group lets this worker wait for; empty when nothing."""
        return self._assigner.trouble if self.generation is not None else ""

    def lease_valid(self) -> bool:
        """Whether the broker surely still holds this worker; when not, the generation is dropped."""
        valid = self._lease.valid(self._clock())
        if not valid and self.generation is not None and self.generation.proven:
            log(Event.LEASE_EXPIRED, session_s=self._settings.kafka.session_timeout)
            self._drop(self.generation)
        return valid

    async def commit(self) -> None:
        """Commit what is settled and not yet committed; raises Fatal."""
        if self.generation is not None:
            await self._commit(self.generation)

    def hasten_commit(self) -> None:
        """Commit now, in the background, because something is read no further until then."""
        if self.generation is not None and (self._hastened is None or self._hastened.done()):
            self._hastened = self._start(self._commit(self.generation), "hastened commit")

    def log_changed(self, partition: TopicPartition, asked: int) -> None:
        """The log of `partition` may have no offset `asked`: find out what it has, and go on there."""
        if self.generation is not None and partition in self.generation.ledgers:
            self.generation.pause(partition)
            self._start(self._assigner.reopen(self.generation, partition, asked), "reopen")

    async def compare_topics(self) -> None:
        """Notice topics that were deleted and made anew, and read them from their start."""
        generation = self.generation
        if generation is None or not generation.ledgers:
            return
        ends = {
            partition: end
            for partition in generation.partitions
            if (end := self._consumer.highwater(partition)) is not None
        }
        topics = {partition.topic for partition in generation.partitions}
        try:
            topic_ids = await self._consumer.topic_ids(topics)
        except errors.KafkaError:
            return
        if generation is not self.generation:
            return
        for partition in generation.compare(topic_ids, ends):
            self.log_changed(partition, generation.ledgers[partition].position)

    def watch(self, *, reachable: bool) -> None:
        """Look after what nobody asks for; to be called a few times a second."""
        self.lease_valid()
        now_s = self._clock()
        if self.generation is not None or not reachable:
            self._without_since_s = now_s
        if now_s - self._without_since_s > self._limit_s:
            self._tasks.fail(
                Fatal(
                    Exit.WORK_LEFT,
                    f"the broker answers, but the group gave no assignment for {self._limit_s:g} s",
                )
            )

    async def close(self) -> None:
        """Give everything up; nothing is told to the group."""
        generation = self._end_generation()
        if generation is not None:
            generation.lose()
        await self._tasks.close()

    # Inside

    async def _commit(self, generation: Generation) -> None:
        try:
            await self._committer.commit(generation)
        except StaleGeneration:
            self._drop(generation)

    def _drop(self, generation: Generation) -> None:
        """Give partitions up unasked, since another worker may have them, and join anew."""
        generation.lose()
        if generation is self.generation:
            self._end_generation()
            log(Event.PARTITIONS_LOST, partitions=_shown(generation.partitions))
            self._consumer.rejoin()
            self._changed()

    def _end_generation(self) -> Generation | None:
        generation, self.generation = self.generation, None
        self._tasks.cancel()
        return generation

    def _start(self, coroutine: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
        """Run `coroutine` for as long as the present generation lasts."""
        task = self._tasks.start(coroutine, name=name)
        task.add_done_callback(lambda _: self._changed())
        return task


def _shown(partitions: Collection[TopicPartition]) -> list[str]:
    return sorted(f"{partition.topic}/{partition.partition}" for partition in partitions)
