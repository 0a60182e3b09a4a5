"""This worker's place in the group: assignments taken up, given up, and lost."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping

from aiokafka import ConsumerRebalanceListener, errors
from aiokafka.structs import TopicPartition

from config.settings import Settings
from daemon.kafka import client
from daemon.kafka.group.access import Access
from daemon.kafka.group.assign import Assigner
from daemon.kafka.group.commits import GroupCommits, StaleGeneration
from daemon.kafka.group.committed import CommittedOffsets
from daemon.kafka.group.generation import Generation
from daemon.kafka.group.lease import Lease
from daemon.kafka.group.watched_topics import WatchedTopics
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
        commit: Callable[[], Coroutine[None, None, None]],
        clock: Callable[[], float] = time.monotonic,
        incarnation: str = "",
    ) -> None:
        """`lanes` names each topic's lane; `changed` is called when there may be more to fetch.

        `commit` is how this worker commits what is settled: its delivery's way.
        `incarnation` is this life of this process, by a name that nobody else has; empty: commits
        say nothing of who holds a partition, and nothing is ever suspect.
        """
        self.generation: Generation | None = None
        self._leaving: Generation | None = None
        """The one that is being taken away, while its answers may still be committed."""
        self._commit_settled = commit
        self._keeps_answered = settings.kafka.delivery == "exactly-once"
        self._settings = settings
        self._consumer = consumer
        self._lease = lease
        self._lanes = lanes
        self._drain = drain
        self._metrics = metrics
        self._changed = changed
        self._clock = clock
        self._incarnation = incarnation
        group = CommittedOffsets(consumer, settings.kafka.group)
        self._access = Access(settings.limits.unavailable, clock=clock)
        self._committer = GroupCommits(settings.kafka, group, refused=self.refused)
        self._limit_s = settings.limits.stall + 2 * settings.kafka.rebalance_timeout
        """How long the group may let this worker do nothing while the broker answers."""
        self._assigner = Assigner(
            settings.kafka,
            consumer,
            group,
            lease,
            metrics=metrics,
            refused=self.refused,
            limit_s=self._limit_s,
            clock=clock,
        )
        self.topics = WatchedTopics(
            lanes,
            consumer,
            self._access,
            present=lambda: self.generation,
            begun=lambda: self._assigner.begun,
            log_changed=self.log_changed,
            changed=changed,
        )
        self._refused_in: Generation | None = None
        """The generation in which the group began to refuse this client."""
        self._tasks = Tasks(tasks)
        """Those of the present generation; they end with it."""
        self._lasting = Tasks(tasks)
        self._hastened: asyncio.Task[None] | None = None
        self._without_since_s = clock()

    # What aiokafka calls

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Finish what runs for the partitions, commit it, and give them up. Heartbeats go on."""
        generation = self._end_generation()
        if generation is None:
            return
        held = self._consumer.generation == generation.number and self._lease.valid(self._clock())
        if held:
            self._leaving = generation
        else:
            generation.lose()
        generation.quarantine.release()  # what still runs then will have to show that it hangs
        try:
            async with asyncio.timeout(self._settings.limits.revoke):
                await self._drain(generation.owed)
        except TimeoutError:
            log(Event.DRAIN_EXPIRED, reason="partitions are taken away", partitions=len(revoked))
        try:
            await self.commit()
        finally:
            self._leaving = None
            generation.lose()
        event = Event.PARTITIONS_REVOKED if held else Event.PARTITIONS_LOST
        log(event, partitions=_shown(generation.partitions))

    def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Take up the partitions; not here, because no heartbeat is sent while this runs."""
        generation = self._new_generation(
            self._consumer.generation, self._consumer.member, assigned
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
        """What this worker waits for before it can read all its topics; empty when nothing."""
        if self._access.trouble:
            return self._access.trouble
        if self.generation is not None:
            return self._assigner.trouble
        if self._consumer.coordinator_known:
            return "the group is not joined"
        return "the group is not joined: the broker that looks after it is not found"

    def refused(self, error: errors.KafkaError) -> bool:
        """Whether `error` means a missing right, which is waited for once this worker has read.

        Raises Fatal before that, and when it is missing for too long.
        """
        refusal = client.denied(error, self._settings.kafka.bootstrap_servers)
        if refusal is None:
            return False
        if not self._assigner.begun:
            raise refusal from error
        if isinstance(error, errors.TopicAuthorizationFailedError):
            self.topics.refused(str(error.args[0]) if error.args else "")
        else:
            self._access.group_refused(refusal)
            self._refused_in = self.generation
            self._consumer.rejoin()  # else no heartbeat is ever sent again
        return True

    def lease_valid(self) -> bool:
        """Whether the broker surely still holds this worker; when not, the generation is dropped."""
        valid = self._lease.valid(self._clock())
        if not valid and self.generation is not None and self.generation.proven:
            log(Event.LEASE_EXPIRED, session_s=self._settings.kafka.session_timeout)
            self._consumer.abandon_coordinator()
            self.drop(self.generation)
        return valid

    @property
    def answering(self) -> Generation | None:
        """The generation whose answers count, one that is being taken away included."""
        return self._leaving or self.generation

    async def commit(self) -> None:
        """Commit what is settled and not yet committed, in the delivery's way; raises Fatal."""
        await self._commit_settled()

    async def commit_by_group(self) -> None:
        """Commit it by the group alone, without the answers that settled it; raises Fatal.

        Only for a delivery whose answers are valid already: others' might still be aborted.
        """
        generation = self.answering
        if generation is not None:
            try:
                await self._committer.commit(generation)
            except StaleGeneration:
                self.drop(generation)

    def hasten_commit(self) -> None:
        """Commit now, in the background, because something is read no further until then."""
        if self._hastened is None or self._hastened.done():
            self._hastened = self._lasting.start(self.commit(), name="hastened commit")
            self._hastened.add_done_callback(lambda _: self._changed())

    def redo(self, generation: Generation, ready: Callable[[], Awaitable[object]]) -> None:
        """Give up what `generation` has not committed, and read it again once `ready` returns.

        Membership and partitions stay. One that is being taken away is only given up.
        """
        generation.lose()
        if generation is not self.generation:
            return
        self._end_generation()
        again = self._new_generation(generation.number, generation.member, generation.partitions)
        again.proven = generation.proven  # it is the same assignment
        self.generation = again
        self._start(self._open_again(again, ready), "read again")
        self._changed()

    async def _open_again(
        self, generation: Generation, ready: Callable[[], Awaitable[object]]
    ) -> None:
        await ready()
        await self._assigner.open(generation)

    def drop(self, generation: Generation) -> None:
        """Give partitions up unasked, since another worker may have them, and join anew."""
        generation.lose()
        if generation is self.generation:
            self._end_generation()
            log(Event.PARTITIONS_LOST, partitions=_shown(generation.partitions))
            self._consumer.rejoin()
            self._changed()

    def log_changed(self, partition: TopicPartition, asked: int) -> None:
        """The log of `partition` may have no offset `asked`: find out what it has, and go on there."""
        if self.generation is not None and partition in self.generation.ledgers:
            self.generation.pause(partition)
            self._start(self._assigner.reopen(self.generation, partition, asked), "reopen")

    def watch(self, *, reachable: bool) -> None:
        """Look after what nobody asks for; to be called a few times a second."""
        self.lease_valid()
        now_s = self._clock()
        if self.generation is not None or not reachable or self._access.trouble:
            self._without_since_s = now_s
        if self._is_member_again():
            self._access.group_taken_up()
        if now_s - self._without_since_s > self._limit_s:
            self._tasks.fail(
                Fatal(
                    Exit.WORK_LEFT,
                    f"the broker answers, but the group gave no assignment for {self._limit_s:g} s",
                )
            )

    def _is_member_again(self) -> bool:
        generation = self.generation
        return generation is not None and generation.proven and generation is not self._refused_in

    async def close(self) -> None:
        """Give everything up; nothing is told to the group."""
        generation = self._end_generation()
        if generation is not None:
            generation.lose()
        await self._tasks.close()
        await self._lasting.close()

    # Inside

    def _new_generation(
        self, number: int, member: str, partitions: Collection[TopicPartition]
    ) -> Generation:
        return Generation(
            number,
            member,
            partitions,
            self._lanes,
            keeps_answered=self._keeps_answered,
            incarnation=self._incarnation,
        )

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
