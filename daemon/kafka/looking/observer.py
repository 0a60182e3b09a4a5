"""The group and its logs, looked at from outside: by one who reads nothing and is no member.

Rule 1: what is not answered is unknown (None), never zero and never "no commit".
Rule 2: a broker that is away raises nothing after the start, and is found again by itself.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from aiokafka import errors
from aiokafka.client import AIOKafkaClient
from aiokafka.structs import TopicPartition

from config.settings import Settings
from daemon.kafka import client, guards
from daemon.kafka.connecting import check_topics
from daemon.kafka.group.committed import Commit, Commits, CommittedOffsets
from daemon.kafka.group.coordinator import Coordinator
from daemon.kafka.looking.log_offsets import Place, log_ends, log_offsets
from daemon.kafka.looking.log_starts import LogStarts
from daemon.kafka.looking.moment_targets import MomentTargets
from daemon.kafka.reason import reason_of
from daemon.scaling.observation import NO_COMMIT, Observation, Offsets, Partition
from daemon.values.errors import Exit, Fatal
from daemon.values.sleep import sleeps

_T = TypeVar("_T")

_REQUEST_S, _ANSWER_S = 3.0, 4.0
"""Longest wait for a broker: as the client counts, which then hangs up, and all in all. Answers
take milliseconds; a late one is as good as none."""
_REOPEN_S = 30.0
"""Without any answer for this long everything is connected anew: addresses may have changed."""
_RETRY_S = 0.2
"""As the group has it (daemon/kafka/group/assign.py)."""
_NOTHING = Commit(NO_COMMIT)
_NO_GENERATION = -1
_KEEP_S = 90 * 86_400.0
"""How long renewed offsets are kept: long against the days between two renewals, and against any
offsets.retention.minutes that is likely."""


class Observer:
    """Looks at all partitions of all lanes; an asynchronous context manager."""

    def __init__(
        self,
        settings: Settings,
        base: Path,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """`base` is where relative secrets are looked up. Connects nowhere yet; raises Fatal."""
        guards.install()
        self._kafka = settings.kafka
        self._topics = sorted({topic for lane in settings.lanes.values() for topic in lane.topics})
        self._reach = client.options(settings.kafka, base=base, client_id="tidemill-observer") | {
            "request_timeout_ms": client.milliseconds(
                min(_REQUEST_S, settings.kafka.request_timeout)
            )
        }
        self._asleep_s = {
            topic: lane.linger - settings.scaling.start_time
            for lane in settings.lanes.values()
            if sleeps(lane, settings.scaling)
            for topic in lane.topics
        }
        """How long after its first record a topic needs nobody, where the fleet may sleep meanwhile."""
        self._targets = MomentTargets(settings.lanes.values())
        self._starts = LogStarts(self._starts_now)
        self._clock = clock
        self._wall = wall
        self._partitions: dict[str, frozenset[int]] = {}
        self._answered_s = clock()
        self._inner: AIOKafkaClient
        self._coordinator: Coordinator

    async def __aenter__(self) -> Self:
        """Connect; raises Fatal: no broker within kafka.start_timeout, denied, a topic is missing."""
        deadline_s = self._clock() + self._kafka.start_timeout
        inner = await self._connect(deadline_s)
        try:
            await check_topics(inner, self._topics, deadline_s=deadline_s, clock=self._clock)
            await inner.force_metadata_update()
        except BaseException:
            await inner.close()
            raise
        self._use(inner)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Hang up."""
        await self._inner.close()

    async def look(self) -> Observation:
        """Return what can be seen now, within seconds; raises Fatal only when it is denied."""
        if self._clock() - self._answered_s > _REOPEN_S:
            await self._reopen()
        at_s, wall_s = self._clock(), self._wall()
        partitions = self._known_partitions()
        ends, commits, members = await asyncio.gather(
            self._try(log_offsets(self._inner, partitions, Place.END, timeout_s=_ANSWER_S)),
            self._try(self._group.seen(partitions)),
            self._try(self._coordinator.members()),
        )
        if ends or commits is not None or members is not None:
            self._answered_s = self._clock()
        starts = await self._starts.of(ends or {}, at_s)
        seen = _joined(partitions, starts, ends or {}, commits)
        opened = {
            partition: commit.opened
            for partition, commit in (commits or {}).items()
            if commit.opened is not None
        }
        return Observation(
            at_s,
            seen,
            members,
            wall_s,
            remembered=frozenset(commit.served for commit in (commits or {}).values()) - {""},
            overdue=await self._overdue(seen, wall_s) if members == 0 else (),
            targets=await self._targets.of(seen, opened, wall_s, self._ends_as_of),
            opened=opened,
        )

    async def _overdue(
        self, seen: Mapping[Partition, Offsets], wall_s: float
    ) -> Collection[Partition]:
        """Return where somebody should be there by now for the oldest record, by its timestamp."""
        overdue: list[Partition] = []
        for topic, asleep_s in self._asleep_s.items():
            waiting = [
                TopicPartition(*each) for each in seen if each[0] == topic and seen[each].lag
            ]
            younger = await self._ends_as_of(waiting, wall_s - asleep_s) if waiting else None
            overdue += [each for each, at in (younger or {}).items() if at > seen[each].next]
        return overdue

    async def _starts_now(
        self, partitions: Collection[TopicPartition]
    ) -> Mapping[TopicPartition, int] | None:
        starts = log_offsets(self._inner, partitions, Place.START, timeout_s=_ANSWER_S)
        return await self._try(starts)

    async def _ends_as_of(
        self, partitions: Collection[TopicPartition], as_of_s: float
    ) -> Mapping[TopicPartition, int] | None:
        ends = log_ends(self._inner, partitions, as_of_s=as_of_s, timeout_s=_ANSWER_S / 2)
        return await self._try(ends)

    async def renew(self, served: str = "") -> bool:
        """Commit the group's unchanged offsets anew, so that they do not expire while it is empty.

        `served`: what is to be remembered of its workers instead of what the commits say.
        Returns whether that was done: it is not when the group has members, when it has no commits,
        or when something is unknown. The broker takes a commit of no member only for an empty
        group, so that no worker that joins meanwhile is set back. Raises Fatal when it is denied.

        Kafka counts the offsets of an empty group from when its last member left, whatever is
        committed later, unless the commit says itself how long it is to be kept (KIP-211).
        """
        done = await self._try(self._renew(served))
        return bool(done)

    async def _renew(self, served: str) -> bool:
        if await self._coordinator.members():
            return False
        found = await self._group.commits(self._known_partitions())
        if not found:
            return False
        commits = {
            partition: commit._replace(served=served or commit.served)
            for partition, commit in found.items()
        }
        await self._group.commit(
            commits, number=_NO_GENERATION, member="", keep_ms=client.milliseconds(_KEEP_S)
        )
        return True

    # Inside

    @property
    def _group(self) -> CommittedOffsets:
        return CommittedOffsets(self._coordinator, self._kafka.group)

    async def _try(self, answer: Awaitable[_T]) -> _T | None:
        """Return the answer, None when there is none in time; raises Fatal when it is denied."""
        try:
            async with asyncio.timeout(_ANSWER_S + _RETRY_S):
                return await answer
        except TimeoutError:
            return None
        except errors.KafkaError as error:
            client.raise_if_denied(error, self._kafka.bootstrap_servers)
            return None

    def _known_partitions(self) -> Collection[TopicPartition]:
        """Those the cluster tells of; of a topic it does not mention, those of before."""
        cluster = self._inner.cluster
        for topic in sorted(cluster.unauthorized_topics & set(self._topics)):
            raise Fatal(Exit.DENIED, f"topic {topic}: {client.MAY_NOT_SEE}")
        for topic in self._topics:
            if numbers := cluster.partitions_for_topic(topic):
                self._partitions[topic] = frozenset(numbers)
        return [
            TopicPartition(topic, number)
            for topic, numbers in self._partitions.items()
            for number in sorted(numbers)
        ]

    def _use(self, inner: AIOKafkaClient) -> None:
        self._inner = inner
        self._coordinator = Coordinator(inner, self._kafka.group)
        self._answered_s = self._clock()

    async def _reopen(self) -> None:
        try:
            inner = await self._connect(self._clock() + _ANSWER_S)
        except Fatal as fatal:
            if fatal.exit_code is Exit.DENIED:
                raise
            return
        old = self._inner
        self._use(inner)
        await old.close()

    async def _connect(self, deadline_s: float) -> AIOKafkaClient:
        """Return a client that knows the topics' leaders, as far as they exist; raises Fatal."""
        await client.wait_until_reachable(
            self._reach, deadline_s - self._clock(), clock=self._clock
        )
        while True:
            inner = AIOKafkaClient(**self._reach)
            try:
                await inner.bootstrap()
                await inner.set_topics(self._topics)
            except BaseException as error:
                await inner.close()
                if not isinstance(error, errors.KafkaError):
                    raise
                servers = self._kafka.bootstrap_servers
                client.raise_if_denied(error, servers)
                if self._clock() > deadline_s:
                    raise Fatal(
                        Exit.BROKER_UNAVAILABLE, f"no broker at {servers}: {reason_of(error)}"
                    ) from error
                await asyncio.sleep(_RETRY_S)
            else:
                return inner


def _joined(
    partitions: Collection[TopicPartition],
    starts: Mapping[TopicPartition, int],
    ends: Mapping[TopicPartition, int],
    commits: Commits | None,
) -> dict[tuple[str, int], Offsets]:
    return {
        (partition.topic, partition.partition): Offsets(
            starts.get(partition),
            ends.get(partition),
            None if commits is None else commits.get(partition, _NOTHING).offset,
        )
        for partition in partitions
    }
