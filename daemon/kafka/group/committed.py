"""The group's commits, asked for and made by requests of our own whose every error code is read."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any, Protocol, TypeAlias, TypeVar

from aiokafka import errors
from aiokafka.protocol.commit import OffsetCommitRequest, OffsetFetchRequest
from aiokafka.structs import TopicPartition

_V = TypeVar("_V")
Offsets: TypeAlias = Mapping[tuple[str, int], int]

NO_OFFSET = -1


class Sender(Protocol):
    """Whoever can speak to the group's coordinator, a member or not."""

    async def send(self, request: Any) -> Any:
        """Send `request`; raises errors.KafkaError, also for what it failed with as a whole."""


class CommittedOffsets:
    """What the consumer group has committed."""

    def __init__(self, coordinator: Sender, name: str) -> None:
        self._coordinator = coordinator
        self._name = name

    async def offsets(self, partitions: Collection[TopicPartition]) -> Offsets:
        """Return the commits of `partitions`; those without one are missing.

        Raises errors.KafkaError, never mistaking a failure for "no commit".
        """
        offsets = await self._fetch(_by_topic(dict.fromkeys(partitions)))
        if not offsets.keys() >= set(partitions):
            raise errors.KafkaError("the coordinator did not answer for every partition")
        return _known(offsets)

    async def is_new(self) -> bool:
        """Whether the group has no commit at all; raises errors.KafkaError."""
        return not _known(await self._fetch(None))

    async def commit(
        self,
        offsets: Offsets,
        *,
        number: int,
        member: str,
        keep_ms: int = OffsetCommitRequest.DEFAULT_RETENTION_TIME,
    ) -> None:
        """Commit `offsets` as `member` of the group's generation `number`.

        aiokafka's own commit names the generation of the moment it is sent, which need not be the
        one that the offsets are from. `keep_ms`: when they expire, counted from now; by default as
        the broker is set. Raises errors.KafkaError.
        """
        topics = [
            (topic, [(partition, offset, "") for partition, offset in partitions.items()])
            for topic, partitions in _by_topic(offsets).items()
        ]
        request = OffsetCommitRequest(self._name, number, member, keep_ms, topics)
        response = await self._coordinator.send(request)
        codes = {code for _, partitions in response.topics for _, code in partitions} - {0}
        for code in sorted(codes):
            raise errors.for_code(code)(f"commit refused with code {code}")

    async def _fetch(
        self, topics: Mapping[str, Mapping[int, object]] | None
    ) -> dict[TopicPartition, int]:
        asked = None if topics is None else [(topic, list(topics[topic])) for topic in topics]
        response = await self._coordinator.send(OffsetFetchRequest(self._name, asked))
        offsets: dict[TopicPartition, int] = {}
        for topic, partitions in response.topics:
            for partition, offset, _, code in partitions:
                if code:
                    raise errors.for_code(code)(f"{topic}/{partition}: no commit told, code {code}")
                offsets[TopicPartition(topic, partition)] = offset
        return offsets


def _known(offsets: Mapping[TopicPartition, int]) -> dict[tuple[str, int], int]:
    return {partition: offset for partition, offset in offsets.items() if offset != NO_OFFSET}


def _by_topic(offsets: Mapping[tuple[str, int], _V]) -> dict[str, dict[int, _V]]:
    topics: defaultdict[str, dict[int, _V]] = defaultdict(dict)
    for (topic, partition), value in offsets.items():
        topics[topic][partition] = value
    return topics
