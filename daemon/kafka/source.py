"""Requests from Kafka: fetched, entered in ledgers, given up in rebalances, committed."""

import asyncio
import math
import secrets
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from math import inf
from pathlib import Path
from types import MappingProxyType
from typing import Any

from aiokafka import errors
from aiokafka.structs import TopicPartition

from config.settings import Kafka, Settings
from daemon.kafka import client, guards
from daemon.kafka.bootstrap import problem_of
from daemon.kafka.connecting import check_topics, connect
from daemon.kafka.group.answered_runs import MOST_OFFSETS
from daemon.kafka.group.generation import Generation
from daemon.kafka.group.lease import Lease
from daemon.kafka.group.membership import Membership
from daemon.kafka.group.probes import Probes
from daemon.kafka.looking.log_offsets import log_ends
from daemon.kafka.reading.batch_reading import BatchReading
from daemon.kafka.reading.chunks import Chunks
from daemon.kafka.reading.consumer import Consumer
from daemon.kafka.reading.decompression import RATIO
from daemon.kafka.reading.lag import Lag, behind
from daemon.kafka.reading.record_batches import FetchedRecord
from daemon.kafka.reading.room import Room
from daemon.loop.tasks import Tasks
from daemon.telemetry.events import Event
from daemon.telemetry.logs import log
from daemon.values.errors import Exit, Fatal
from daemon.values.lane import Lane, by_topic
from daemon.values.ledger import Ledger
from daemon.values.messages import Chunk
from daemon.values.ports import Drain, Probe, SourceMetrics, Suspected

_WATCH_S = 0.25
"""How often the lease is looked at while nobody asks for it."""
_TOPICS_S = 2.0
"""How long a topic that was made anew is read where the old one was left; then it is read from its
start, and what was read of it meanwhile is answered twice. One small request each time."""
_LOG_ENDS_S = 4.0
"""Longest wait for where logs end: an answer takes milliseconds, behind a fetch that the broker holds
half a second."""
_MISSED_HEARTBEATS = 3
"""Heartbeats in a row without an answer that are more than a busy broker."""
_REFUSED_S = 1.0
"""Between two tries to join a group that refuses this client."""
_HELD_S = 0.02
"""Longest wait while kafka.max_uncommitted stops reading: nothing tells when it may go on."""
_INCARNATION_BYTES = 8
"""What tells one life of a process from all others: no two of a group meet in 2^32 lives."""
_SETTINGS_AT_FAULT = (
    errors.InvalidSessionTimeoutError,
    errors.InvalidGroupIdError,
)
_NO_LEDGERS: Mapping[tuple[str, int], Ledger] = MappingProxyType({})


class KafkaSource:
    """This worker's membership in the group and its partitions; meets daemon.values.ports.Source."""

    _consumer: Consumer
    _chunks: Chunks
    _membership: Membership

    def __init__(
        self,
        settings: Settings,
        lanes: Iterable[Lane],
        *,
        metrics: SourceMetrics,
        tasks: Tasks,
        base: Path = Path(),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`base` is where relative secrets are looked up; what must end the process fails `tasks`.

        Nothing is connected before `start`.
        """
        self._settings = settings
        self._tasks = Tasks(tasks)
        self._lanes = by_topic(lanes)
        self._topics = frozenset(self._lanes)
        self._metrics = metrics
        self._base = base
        self._clock = clock
        self._batch_reading = BatchReading(settings.kafka.fetch_bytes * RATIO, ready=self.wake)
        self._lag = Lag()
        self._waiter: asyncio.Future[None] | None = None
        self._subscribed = False
        self._was_reachable = True
        self._pause_until_s = -inf
        """Until when a refusal is not looked at, and so not repeated."""
        self._commit_settled: Callable[[], Coroutine[None, None, None]] = self.commit
        self._probes = Probes(self._present, commit=self._commit_as_delivered)
        self._held: Sequence[Ledger] = ()
        """Ledgers of partitions that are as far ahead of their commit as allowed."""

    # Membership

    async def start(self, drain: Drain) -> None:
        """Reach a broker and join the group; raises Fatal. See daemon.values.ports.Source."""
        guards.install()
        kafka = self._settings.kafka
        reach = client.options(kafka, base=self._base)
        deadline_s = self._clock() + kafka.start_timeout
        await client.wait_until_reachable(reach, kafka.start_timeout, clock=self._clock)
        lease = Lease(kafka.session_timeout)
        self._consumer = await connect(
            kafka, reach, self._batch_reading, lease, deadline_s=deadline_s, clock=self._clock
        )
        self._chunks = Chunks(self._consumer, self._batch_reading, self._lag, self._metrics)
        try:
            await check_topics(self._consumer.inner, self._topics, clock=self._clock, to="read")
            await self._join(lease, drain, deadline_s + kafka.rebalance_timeout)
        except BaseException:
            await self.leave()
            raise
        log(Event.GROUP_JOINED, group=kafka.group, instance=kafka.instance_id or None)

    async def _join(self, lease: Lease, drain: Drain, deadline_s: float) -> None:
        self._membership = Membership(
            self._settings,
            self._consumer,
            lease,
            self._lanes,
            drain=drain,
            metrics=self._metrics,
            tasks=self._tasks,
            changed=self.wake,
            commit=self._commit_as_delivered,
            clock=self._clock,
            incarnation=secrets.token_hex(_INCARNATION_BYTES),
        )
        self._consumer.subscribe(self._topics, self._membership)
        self._subscribed = True
        self._tasks.start(self._watch(), name="watch of the lease")
        self._tasks.start(self._doubt_silent_brokers(), name="watch of brokers")
        self._tasks.start(self._compare_topics(), name="watch of topics")
        while not self.joined:
            self._check()
            await self._wait(_WATCH_S)
            if self._clock() > deadline_s:
                raise Fatal(
                    Exit.BROKER_UNAVAILABLE, f"cannot join the group {self._settings.kafka.group}"
                )

    async def leave(self) -> None:
        """Leave the group at once and close; what is settled was committed before."""
        await self._tasks.close()
        if self._subscribed:
            await self._membership.close()
        await self._consumer.leave()
        log(Event.GROUP_LEFT, group=self._settings.kafka.group)

    @property
    def joined(self) -> bool:
        """Whether this worker is a member of the group, with or without partitions."""
        return self._present() is not None

    @property
    def ledgers(self) -> Mapping[tuple[str, int], Ledger]:
        """The ledgers of the present assignment, by topic and partition number."""
        generation = self._present()
        return _NO_LEDGERS if generation is None else generation.ledgers

    def _present(self) -> Generation | None:
        return self._membership.generation if self._subscribed else None

    @property
    def partitions(self) -> int:
        """How many partitions the topics have, whoever reads them; known once started."""
        return sum(len(self._consumer.partitions_of(topic)) for topic in self._topics)

    def lease_valid(self) -> bool:
        """Whether the broker surely still holds this worker; when not, all ledgers are lost."""
        return self._membership.lease_valid()

    @property
    def contact_s(self) -> float:
        """When a broker last answered anything, in monotonic seconds."""
        return self._consumer.contact_s

    @property
    def reachable(self) -> bool:
        """Whether a broker answered within the session timeout; heartbeats alone would see to it."""
        return self._clock() - self.contact_s < self._settings.kafka.session_timeout

    @property
    def trouble(self) -> str:
        """Why no requests can be read at the moment; empty when all is well."""
        kafka = self._settings.kafka
        silent_s = self._clock() - self.contact_s
        missed = silent_s > _MISSED_HEARTBEATS * kafka.heartbeat_interval
        if not self.reachable or (missed and not self.joined):
            where = problem_of(self._consumer.inner) or kafka.bootstrap_servers
            return f"no broker answers for {silent_s:.0f} s at {where}"
        return self._membership.trouble if self._subscribed else "the group is not joined"

    async def _watch(self) -> None:
        while True:
            reachable = self.reachable
            if reachable and not self._was_reachable:
                log(Event.BROKER_RECOVERED)
            elif self._was_reachable and not reachable:
                log(Event.BROKER_LOST, reason=self.trouble)
            self._was_reachable = reachable
            self._membership.watch(reachable=reachable)
            await asyncio.sleep(_WATCH_S)

    async def _doubt_silent_brokers(self) -> None:
        while True:
            await asyncio.sleep(_WATCH_S)
            await self._consumer.doubt_silent_brokers()

    async def _compare_topics(self) -> None:
        while True:
            await asyncio.sleep(_TOPICS_S)
            await self._membership.compare_topics()

    def lag_records(self) -> Mapping[str, int]:
        """Return the records not yet answered, by topic."""
        return behind(self.ledgers, self._consumer.highwater)

    def lag_seconds(self) -> Mapping[str, float]:
        """Return the age of the oldest record not yet answered, by topic."""
        ledgers = self.ledgers
        ends = {partition: self._consumer.highwater(partition) or 0 for partition in ledgers}
        return self._lag.seconds(ledgers, ends, time.time() * 1000)

    async def log_ends(
        self, partitions: Collection[tuple[str, int]], *, as_of_s: float | None = None
    ) -> Mapping[tuple[str, int], int]:
        """Return where logs end, or ended at `as_of_s`; see daemon.values.ports.Source."""
        asked = [TopicPartition(*partition) for partition in partitions]
        try:
            ends = await log_ends(
                self._consumer.inner, asked, as_of_s=as_of_s, timeout_s=_LOG_ENDS_S
            )
        except errors.TopicAuthorizationFailedError:  # whoever reads meets it too, and says so
            return {}
        return {(topic, number): end for (topic, number), end in ends.items()}

    # What the delivery asks of it

    def commit_by(self, commit: Callable[[], Coroutine[None, None, None]]) -> None:
        """Commit so whenever it cannot wait for the committer, as when partitions are taken away."""
        self._commit_settled = commit

    async def _commit_as_delivered(self) -> None:
        await self._commit_settled()

    async def commit(self) -> None:
        """Commit what is settled and not yet committed; bounded in time; raises Fatal."""
        await self._membership.commit_by_group()

    @property
    def answering(self) -> Generation | None:
        """The assignment whose answers count, one that is being taken away included."""
        return self._membership.answering if self._subscribed else None

    async def send(self, request: Any) -> Any:
        """Send `request` to the group's coordinator; raises errors.KafkaError."""
        return await self._consumer.send(request)

    def redo(self, generation: Generation, ready: Callable[[], Awaitable[object]]) -> None:
        """Give up what `generation` has not committed, and read it again once `ready` returns."""
        self._membership.redo(generation, ready)

    def drop(self, generation: Generation) -> None:
        """Give `generation` up, and join anew: another worker may have its partitions."""
        self._membership.drop(generation)

    # What may have killed a worker

    def suspected(self) -> Mapping[tuple[str, int], Suspected]:
        """Return what is fetched by probes only; see daemon.values.ports.Source."""
        return self._probes.suspected()

    def next_probe(self) -> Probe | None:
        """Return what is to run alone next; see daemon.values.ports.Source."""
        return self._probes.next()

    async def begin_probe(self, probe: Probe) -> bool:
        """Note that `probe` runs, where no crash can lose it; see daemon.values.ports.Source."""
        return await self._probes.begin(probe)

    async def end_probe(self, probe: Probe) -> bool:
        """Note that `probe` runs no more; see daemon.values.ports.Source."""
        return await self._probes.end(probe)

    def release(self) -> None:
        """Let commits say that nothing is in flight; see daemon.values.ports.Source."""
        self._probes.release()

    # Fetching

    async def fetch(
        self,
        topics: Collection[str],
        *,
        max_records: int,
        max_bytes: float = math.inf,
        timeout_s: float,
    ) -> Sequence[Chunk]:
        """Return what is there from `topics`, waiting at most `timeout_s` when nothing is.

        See daemon.values.ports.Source. May be cancelled after all: only our own wait suspends.
        """
        self._check()
        chunks = self._take(topics, max_records, max_bytes)
        if chunks or not topics or timeout_s <= 0:
            return chunks
        await self._wait(min(timeout_s, _HELD_S) if self._held else timeout_s)
        self._check()
        return self._take(topics, max_records, max_bytes)

    def _check(self) -> None:
        """Raise what must end the process, and show the client that it is being read from."""
        self._tasks.check()
        consumer = self._consumer
        if consumer.replaced:
            raise Fatal(
                Exit.WORK_LEFT,
                f"another process has joined as kafka.instance_id "
                f"{self._settings.kafka.instance_id}: give each worker its own",
            )
        consumer.check_tasks()
        if self._clock() >= self._pause_until_s:
            try:
                consumer.check_errors()
            except errors.KafkaError as error:
                self._judge(error)
        consumer.keep_alive()

    def _judge(self, error: errors.KafkaError) -> None:
        """Raise Fatal for what does not mend itself; the client goes on after anything else."""
        if self._membership.refused(error):
            self._pause_until_s = self._clock() + _REFUSED_S
            return
        if isinstance(error, _SETTINGS_AT_FAULT):
            raise Fatal(Exit.SETTINGS, f"the group refuses this worker: {error}") from error
        if isinstance(error, errors.InconsistentGroupProtocolError):
            # It passes when they leave: a service manager that starts this worker again is right.
            raise Fatal(
                Exit.WORK_LEFT,
                f"the group {self._settings.kafka.group} has members that assign partitions in "
                "another way, so no worker can join: stop them, or choose another kafka.group",
            ) from error
        log(Event.LIBRARY_LOGGED, reason=str(error))

    async def _wait(self, timeout_s: float) -> None:
        """Wait until something was fetched, or assigned, or `timeout_s` is over."""
        waiter = self._waiter = self._consumer.data_waiter()
        timer = asyncio.get_running_loop().call_later(timeout_s, _finish, waiter)
        try:
            await waiter
        except errors.KafkaError:
            pass  # `_check` raises it again, and better
        finally:
            timer.cancel()
            self._waiter = None

    def wake(self) -> None:
        """End the present wait of `fetch`; see daemon.values.ports.Source."""
        if self._waiter is not None:
            _finish(self._waiter)

    def _take(self, topics: Collection[str], max_records: int, max_bytes: float) -> list[Chunk]:
        self._held = ()
        generation = self._membership.generation
        if generation is None or self._consumer.between_assignments or max_records <= 0:
            return []
        # At most half at a time: the limit is never passed, and pieces do not get small near it.
        max_uncommitted = most_uncommitted(self._settings.kafka)
        max_records = min(max_records, max(1, max_uncommitted // 2))
        most_ahead = max_uncommitted - max_records
        self._held = generation.held(topics, most_ahead=most_ahead)
        if any(ledger.span <= most_ahead for ledger in self._held):
            self._membership.hasten_commit()
        partitions = generation.readable(topics, most_ahead=most_ahead)
        self._consumer.leave_buffered(generation.partitions.difference(partitions))
        if not partitions:
            return []
        room = Room(max_records, max_bytes)
        probe = generation.quarantine.probe
        if probe is None:
            fetched = self._read(partitions, room)
        else:
            fetched = self._read_probe(partitions[0], probe, room)
        return self._chunks.make(generation, partitions, fetched)

    def _read_probe(
        self, partition: TopicPartition, probe: Probe, room: Room
    ) -> Mapping[TopicPartition, list[FetchedRecord]]:
        """Read of the probe's `partition`, and not beyond the probe's end."""
        most = probe.end - self._consumer.position(partition)
        if most <= 0:
            return {}
        fetched = self._read([partition], Room(min(room.records, most), room.bytes))
        if self._consumer.position(partition) <= probe.end:
            return fetched
        self._consumer.seek(partition, probe.end)  # offsets have gaps: there are fewer records
        records = fetched.get(partition, [])
        return {partition: [each for each in records if each.offset < probe.end]}

    def _read(
        self, partitions: Collection[TopicPartition], room: Room
    ) -> Mapping[TopicPartition, list[FetchedRecord]]:
        try:
            return self._consumer.take(partitions, room)
        except errors.OffsetOutOfRangeError as error:
            for partition, asked in error.args[0].items():
                self._membership.log_changed(partition, asked)
            return {}
        except errors.KafkaError as error:
            if self._membership.refused(error):
                return {}
            self._judge(error)
            raise Fatal(Exit.INTERNAL, f"the Kafka client cannot read: {error}") from error


def most_uncommitted(kafka: Kafka) -> int:
    """Return how far a partition may be read beyond its commit; see `kafka.max_uncommitted`."""
    if kafka.delivery == "exactly-once":
        return min(kafka.max_uncommitted, MOST_OFFSETS)
    return kafka.max_uncommitted


def _finish(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
