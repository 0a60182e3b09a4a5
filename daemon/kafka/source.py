"""Requests from Kafka: fetched, entered in ledgers, given up in rebalances, committed."""

import math
import secrets
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from aiokafka import errors
from aiokafka.structs import TopicPartition

from config.settings import Settings
from daemon.kafka import client, guards
from daemon.kafka.bootstrap import problem_of
from daemon.kafka.connecting import check_topics, connect
from daemon.kafka.fetching import Fetching
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
from daemon.loop.tasks import Tasks
from daemon.loop.ticks import next_tick
from daemon.telemetry.events import Event
from daemon.telemetry.logs import log
from daemon.values.errors import Exit, Fatal
from daemon.values.lane import Lane, by_topic
from daemon.values.ledger import Ledger
from daemon.values.messages import Chunk
from daemon.values.ports import Drain, Probe, SourceMetrics, Suspected
from daemon.windows.ready_by import Opening

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
_INCARNATION_BYTES = 8
"""What tells one life of a process from all others: no two of a group meet in 2^32 lives."""
_NO_LEDGERS: Mapping[tuple[str, int], Ledger] = MappingProxyType({})
_NO_OPENINGS: Mapping[tuple[str, int], Opening] = MappingProxyType({})


class KafkaSource:
    """This worker's membership in the group and its partitions; meets daemon.values.ports.Source."""

    _consumer: Consumer
    _membership: Membership
    _fetching: Fetching

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
        self._subscribed = False
        self._was_reachable = True
        self._commit_settled: Callable[[], Coroutine[None, None, None]] = self.commit
        self._probes = Probes(self._present, commit=self._commit_as_delivered)

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
        try:
            await check_topics(
                self._consumer.inner,
                self._topics,
                deadline_s=deadline_s,
                clock=self._clock,
                to="read",
            )
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
        self._fetching = Fetching(
            self._settings.kafka,
            self._consumer,
            self._membership,
            Chunks(
                self._consumer, self._batch_reading, self._lag, self._metrics, clock=self._clock
            ),
            self._tasks,
            clock=self._clock,
        )
        lanes = {lane.name: lane.topics for lane in self._lanes.values()}
        self._consumer.subscribe([*lanes.values()], self._membership)
        self._subscribed = True
        self._tasks.start(self._watch(), name="watch of the lease")
        self._tasks.start(self._doubt_silent_brokers(), name="watch of brokers")
        self._tasks.start(self._compare_topics(), name="watch of topics")
        while not self.joined:
            self._fetching.check()
            await self._fetching.wait(_WATCH_S)
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
            await next_tick(_WATCH_S)

    async def _doubt_silent_brokers(self) -> None:
        while True:
            await next_tick(_WATCH_S)
            await self._consumer.doubt_silent_brokers()

    async def _compare_topics(self) -> None:
        while True:
            await next_tick(_TOPICS_S)
            await self._membership.topics.compare()

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

    # What commits say of lanes that open by the clock

    @property
    def remembered(self) -> frozenset[str]:
        """What workers served before; see daemon.values.ports.Source."""
        generation = self._present()
        return frozenset() if generation is None else generation.remembered

    @property
    def openings(self) -> Mapping[tuple[str, int], Opening]:
        """The openings that commits tell of; see daemon.values.ports.Source."""
        generation = self._present()
        return _NO_OPENINGS if generation is None else generation.openings

    def note_opening(self, partitions: Collection[tuple[str, int]], opening: Opening) -> None:
        """Let commits tell of an opening; see daemon.values.ports.Source."""
        generation = self._present()
        if generation is not None:
            for partition in partitions:
                generation.note_opening(partition, opening)

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

    def next_probe(self, topics: Collection[str]) -> Probe | None:
        """Return what of `topics` is to run alone next; see daemon.values.ports.Source."""
        return self._probes.next(topics)

    async def begin_probe(self, probe: Probe) -> bool:
        """Note that `probe` runs, where no crash can lose it; see daemon.values.ports.Source."""
        return await self._probes.begin(probe)

    async def end_probe(self, probe: Probe, reached: int) -> bool:
        """Note that `probe` runs no more; see daemon.values.ports.Source."""
        return await self._probes.end(probe, reached)

    def release(self) -> None:
        """Let commits say that nothing is in flight; see daemon.values.ports.Source."""
        self._probes.release()

    # Fetching

    async def fetch(
        self,
        topics: Collection[str],
        *,
        beside: Collection[str] = (),
        max_records: int,
        max_bytes: float = math.inf,
        timeout_s: float,
    ) -> Sequence[Chunk]:
        """Return what is there from `topics`, waiting at most `timeout_s` when nothing is.

        See daemon.values.ports.Source.
        """
        return await self._fetching.fetch(
            topics,
            beside=beside,
            max_records=max_records,
            max_bytes=max_bytes,
            timeout_s=timeout_s,
        )

    def wake(self) -> None:
        """End the present wait of `fetch`; see daemon.values.ports.Source."""
        if self._subscribed:
            self._fetching.wake()
