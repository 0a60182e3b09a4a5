"""Which node of a cluster leads a partition or coordinates a group, and how to make another do it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Any, Self

from aiokafka import errors
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.admin import AlterPartitionReassignmentsRequest
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.coordination import FindCoordinatorRequest
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.protocol.types import Array, Int8, Int16, Int32, Schema, String

GROUPS = "__consumer_offsets"
"""Kafka's own topic: the leader of a group's partition in it is the group's coordinator."""
_PREFERRED = 0
"""A kind of election: the first copy leads. The other kind may lose records."""
_OF_GROUPS = 0
"""A kind of coordinator; 1 is that of transactions."""
_TIMEOUT_MS = 10_000
"""A guess: three times a broker's session (properties.py), after which another node answers."""
_MOVED_S = 30.0
"""The same again for each of the steps: noticed, elected, known to all."""
_POLL_S = 0.1
"""A guess: what moves takes some tenths."""


class _ElectLeadersResponse(Response):  # type: ignore[misc]  # aiokafka has no types here
    API_KEY = 43
    API_VERSION = 1
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("error_code", Int16),
        (
            "topics",
            Array(
                ("topic", String("utf-8")),
                (
                    "partitions",
                    Array(
                        ("partition", Int32),
                        ("error_code", Int16),
                        ("error_message", String("utf-8")),
                    ),
                ),
            ),
        ),
    )


class _ElectLeadersStruct(RequestStruct):  # type: ignore[misc]  # as above
    API_KEY = 43
    API_VERSION = 1
    RESPONSE_TYPE = _ElectLeadersResponse
    SCHEMA = Schema(
        ("election_type", Int8),
        ("topics", Array(("topic", String("utf-8")), ("partitions", Array(Int32)))),
        ("timeout_ms", Int32),
    )


class _ElectLeaders(Request[_ElectLeadersStruct]):  # type: ignore[misc]  # as above
    """ElectLeaders v1, which aiokafka does not have: let the first of its copies lead a partition."""

    API_KEY = 43

    def __init__(self, topic: str, partition: int) -> None:
        self._topics = [(topic, [partition])]

    def build(self, request_struct_class: type[_ElectLeadersStruct]) -> _ElectLeadersStruct:
        return request_struct_class(_PREFERRED, self._topics, _TIMEOUT_MS)


class Leaders:
    """A view of one cluster's leaders; an asynchronous context manager.

    Methods raise errors.KafkaError, and TimeoutError when nothing moves.
    """

    def __init__(self, bootstrap: str) -> None:
        self._client = AIOKafkaClient(
            bootstrap_servers=bootstrap, request_timeout_ms=_TIMEOUT_MS, metadata_max_age_ms=1_000
        )

    async def __aenter__(self) -> Self:
        """Connect."""
        try:
            await self._client.bootstrap()
        except BaseException:
            await self._client.close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        await self._client.close()

    async def leader(self, topic: str, partition: int = 0) -> int:
        """Return the id of the node that clients of a partition talk to; -1 while there is none."""
        leader: int = (await self._partition(topic, partition))["leader"]
        return leader

    async def coordinator(self, group: str) -> int:
        """Return the id of the node that the members of `group` talk to."""
        told = await self._ask(FindCoordinatorRequest(group, _OF_GROUPS))
        _check(told.error_code)
        node_id: int = told.coordinator_id
        return node_id

    async def lead(self, topic: str, partition: int, node_id: int) -> None:
        """Make a node that has a copy of a partition its leader; return when all nodes know it."""
        copies = (await self._partition(topic, partition))["replicas"]
        order = [node_id, *(each for each in copies if each != node_id)]
        await self.place(topic, partition, order)

    async def place(self, topic: str, partition: int, node_ids: Sequence[int]) -> None:
        """Let `node_ids` alone have a copy of a partition, the first of them lead it; return when so."""
        moved = AlterPartitionReassignmentsRequest(
            _TIMEOUT_MS, [(topic, [(partition, [*node_ids], {})], {})], {}
        )
        _check((await self._ask(moved)).error_code)
        await _until(lambda: self._has_copies(topic, partition, node_ids))
        await _until(lambda: self._leads(topic, partition, node_ids[0]))

    async def move_coordinator(self, group: str, node_id: int) -> None:
        """Make a node the coordinator of `group`; return when it is."""
        partitions = (await self._topic(GROUPS))["partitions"]
        await self.lead(GROUPS, group_partition(group, len(partitions)), node_id)
        await _until(lambda: self._coordinates(group, node_id))

    async def in_sync(self) -> bool:
        """Whether every copy of every partition is up to date."""
        return all(
            set(partition["isr"]) == set(partition["replicas"])
            for topic in await self._topics(None)
            for partition in topic["partitions"]
        )

    async def _has_copies(self, topic: str, partition: int, node_ids: Sequence[int]) -> bool:
        return sorted((await self._partition(topic, partition))["replicas"]) == sorted(node_ids)

    async def _leads(self, topic: str, partition: int, node_id: int) -> bool:
        if await self.leader(topic, partition) != node_id:
            await self._ask(_ElectLeaders(topic, partition))
            return False
        known = [
            (await self._partition(topic, partition, node.nodeId))["leader"]
            for node in self._client.cluster.brokers()
        ]
        return set(known) == {node_id}

    async def _coordinates(self, group: str, node_id: int) -> bool:
        return await self.coordinator(group) == node_id

    async def _partition(
        self, topic: str, partition: int, asked: int | None = None
    ) -> dict[str, Any]:
        """What a node says of a partition; `asked` is its id, else any."""
        for each in (await self._topic(topic, asked))["partitions"]:
            if each["partition"] == partition:
                found: dict[str, Any] = each
                return found
        raise errors.UnknownTopicOrPartitionError(f"{topic}/{partition}")

    async def _topic(self, topic: str, asked: int | None = None) -> dict[str, Any]:
        (told,) = await self._topics([topic], asked)
        _check(told["error_code"])
        return told

    async def _topics(
        self, names: list[str] | None, asked: int | None = None
    ) -> list[dict[str, Any]]:
        answer = await self._ask(MetadataRequest(names), asked)
        told: list[dict[str, Any]] = answer.to_object()["topics"]
        return told

    async def _ask(self, request: Request[Any], asked: int | None = None) -> Any:  # noqa: ANN401 - a type for each request
        node_id = self._client.get_random_node() if asked is None else asked
        return await self._client.send(node_id, request)


def _check(code: int) -> None:
    if code:
        raise errors.for_code(code)


async def _until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(_MOVED_S):
        while not await holds():  # noqa: ASYNC110 - only asking again tells
            await asyncio.sleep(_POLL_S)


def group_partition(group: str, partitions: int) -> int:
    """Return the number of the partition of GROUPS that a group is in: Kafka's `partitionFor`.

    That is the absolute value of Java's String.hashCode, which is of 32 bits, and 0 for the lowest.
    """
    value = 0
    for unit in memoryview(group.encode("utf-16-le")).cast("H"):
        value = (31 * value + unit) & 0xFFFFFFFF
    return min(value, 2**32 - value) % 2**31 % partitions
