"""How cost grows: a rebalance of a group of hundreds of members.

The members are bare: the client that a worker has, with its heartbeat and its assignor, and nothing to
answer. All of them are in this process, so what they do at the same time they do one after the other.
"""

import asyncio
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple, Self

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.cluster import ClusterMetadata
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.coordinator.protocol import (
    ConsumerProtocolMemberAssignment,
    ConsumerProtocolMemberMetadata,
)

from loadtest.bench.figures import BenchFigure, Section, figure
from loadtest.bench.ground import Ground, Scale
from loadtest.processes.worker import WorkerFailed

_MEMBERS = (200, 400)
_QUICK_MEMBERS = (20, 40)
"""Hundreds, and twice as many, so that what grows faster than they do shows; a tenth for a quick look."""
_PARTITIONS = 1_000
"""So that each of the most members has two or three."""
_HEARTBEAT_MS, _SESSION_MS = 1_000, 10_000
"""As workers have them by default."""
_FETCH_WAIT_MS = 10_000
"""They have nothing to read, and should not keep asking: ten seconds are a session."""
_STARTS_AT_ONCE = 20
"""A guess: one after the other hundreds take minutes, and all at once their connections time out."""
_LOOK_S = 0.01
"""A hundredth of what is measured, which takes a second."""
_PATIENCE_S = 300.0
"""A guess: hundreds of times what it takes; by then something is broken."""


class _Assignor(RoundRobinPartitionAssignor):  # type: ignore[misc]  # aiokafka has no types here
    """The workers' assignor; notes what the last leader's work took."""

    cpu_s = 0.0

    @classmethod
    def assign(
        cls, cluster: ClusterMetadata, members: Mapping[str, ConsumerProtocolMemberMetadata]
    ) -> Mapping[str, ConsumerProtocolMemberAssignment]:
        """Return who gets which partitions."""
        began_s = time.thread_time()
        assigned: Mapping[str, ConsumerProtocolMemberAssignment] = super().assign(cluster, members)
        _Assignor.cpu_s = time.thread_time() - began_s
        return assigned


class _Member(ConsumerRebalanceListener):  # type: ignore[misc]  # as above
    """One member of the group, and what it may read at the moment."""

    def __init__(self, bootstrap: str, group: str, topic: str) -> None:
        self.has: frozenset[TopicPartition] | None = None
        """None: nothing was assigned yet, or it was taken away."""
        self.stopped_s = 0.0
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap,
            group_id=group,
            heartbeat_interval_ms=_HEARTBEAT_MS,
            session_timeout_ms=_SESSION_MS,
            fetch_max_wait_ms=_FETCH_WAIT_MS,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            partition_assignment_strategy=[_Assignor],
        )
        self._consumer.subscribe([topic], listener=self)

    async def join(self, at_once: asyncio.Semaphore) -> Self:
        async with at_once:
            await self._consumer.start()
        return self

    async def leave(self) -> None:
        await self._consumer.stop()

    def on_partitions_revoked(self, _: Collection[TopicPartition]) -> None:
        """Stop reading."""
        if self.has is not None:
            self.has, self.stopped_s = None, time.monotonic()

    def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Read."""
        self.has = frozenset(assigned)


class _Rebalance(NamedTuple):
    """Seconds until all partitions have members again, from the change and from the first that stopped."""

    whole_s: float
    still_s: float
    cpu_s: float
    """Of all members together."""
    leader_s: float
    """CPU of the one that says who gets what, in that alone."""


class _Group:
    """All members."""

    def __init__(self, bootstrap: str, group: str, topic: str) -> None:
        self._place = bootstrap, group, topic
        self._members: list[_Member] = []

    async def grow(self, count: int) -> _Rebalance:
        """Let so many more join, and wait until all is assigned."""
        began_s, began_cpu_s = time.monotonic(), time.process_time()
        at_once = asyncio.Semaphore(_STARTS_AT_ONCE)
        members = [_Member(*self._place) for _ in range(count)]
        self._members += members
        await asyncio.gather(*(member.join(at_once) for member in members))
        return await self._settled(began_s, began_cpu_s)

    async def shrink(self) -> _Rebalance:
        """Let one leave, and wait until the others have all."""
        began_s, began_cpu_s = time.monotonic(), time.process_time()
        await self._members.pop().leave()
        return await self._settled(began_s, began_cpu_s)

    async def end(self) -> None:
        await asyncio.gather(*(member.leave() for member in self._members))

    async def _settled(self, began_s: float, began_cpu_s: float) -> _Rebalance:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                while not self._has_all():  # noqa: ASYNC110 - many tell, of which the last one counts
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError:
            raise WorkerFailed(
                f"a group of {len(self._members)} members has not settled in {_PATIENCE_S:.0f} s"
            ) from None
        now_s = time.monotonic()
        stopped_s = [each.stopped_s for each in self._members if each.stopped_s >= began_s]
        return _Rebalance(
            now_s - began_s,
            now_s - min(stopped_s, default=now_s),
            time.process_time() - began_cpu_s,
            _Assignor.cpu_s,
        )

    def _has_all(self) -> bool:
        """Whether each member has something, and all together each partition once."""
        had = [each.has for each in self._members]
        if None in had:
            return False
        numbers = [len(each or ()) for each in had]
        return sum(numbers) == _PARTITIONS == len(frozenset().union(*(each or () for each in had)))


async def rebalance(ground: Ground, scale: Scale) -> Section:
    """Let one more join larger and larger groups, and leave again; raises WorkerFailed."""
    figures: list[BenchFigure] = []
    topic = await ground.topic("dealt", _PARTITIONS)
    for members in scale.pick(_MEMBERS, _QUICK_MEMBERS):
        group = _Group(ground.bootstrap, ground.name("dealt-to"), topic)
        joined, left = [], []
        with ground.bar(f"rebalance: {members} members", scale.repeat) as told:
            await group.grow(members)
            for number in range(1, scale.repeat + 1):
                joined.append(await group.grow(1))
                left.append(await group.shrink())
                told(number)
        await group.end()
        figures += _figures(members, joined, left)
    await ground.remove(topic)
    return Section(
        f"Growth: a rebalance of bare members in one process, {_PARTITIONS:,} partitions", figures
    )


def _figures(
    members: int, joined: Sequence[_Rebalance], left: Sequence[_Rebalance]
) -> Iterator[BenchFigure]:
    for what, seen in (("joins", joined), ("leaves", left)):
        of = f"one {what} {members} members"
        yield figure(f"{of}: until all is dealt", "s", [each.whole_s for each in seen])
        yield figure(f"{of}: from the first that stops", "s", [each.still_s for each in seen])
    each_ms = [each.cpu_s / members * 1000 for each in [*joined, *left]]
    yield figure(f"CPU a member, {members} members", "ms", each_ms)
    leader_ms = [each.leader_s * 1000 for each in [*joined, *left]]
    yield figure(f"CPU to deal, {members} members", "ms", leader_ms)
