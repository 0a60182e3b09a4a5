"""The group's commits, asked for and made by requests of our own whose every error code is read."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple, Protocol, Self, TypeAlias, TypeVar

from aiokafka import errors
from aiokafka.protocol.commit import OffsetCommitRequest, OffsetFetchRequest
from aiokafka.structs import TopicPartition

_V = TypeVar("_V")
Offsets: TypeAlias = Mapping[tuple[str, int], int]

NO_OFFSET = -1
_TOPIC_ID = "topic-id="


class Commit(NamedTuple):
    """An offset, and the id of the topic that it is of; empty when that was not said.

    The id travels in the commit's metadata: Kafka keeps offsets by name alone, and a topic that
    was deleted and made anew has both again.
    """

    offset: int
    topic_id: str = ""

    @property
    def metadata(self) -> str:
        """What is committed beside the offset."""
        return _TOPIC_ID + self.topic_id if self.topic_id else ""

    @classmethod
    def of(cls, offset: int, metadata: str | None) -> Self:
        """Read a commit, whoever made it."""
        said = (metadata or "").partition(";")[0]
        return cls(offset, said.removeprefix(_TOPIC_ID) if said.startswith(_TOPIC_ID) else "")

    def is_of(self, topic_id: str) -> bool:
        """Whether the offset may be one of the topic with `topic_id`; so it is when one is unknown."""
        return not self.topic_id or not topic_id or self.topic_id == topic_id


Commits: TypeAlias = Mapping[tuple[str, int], Commit]


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
        """Return the committed offsets of `partitions`; see `commits`."""
        commits = await self.commits(partitions)
        return {partition: commit.offset for partition, commit in commits.items()}

    async def commits(self, partitions: Collection[TopicPartition]) -> Commits:
        """Return the commits of `partitions`; those without one are missing.

        Raises errors.KafkaError, never mistaking a failure for "no commit".
        """
        commits = await self._fetch(_by_topic(dict.fromkeys(partitions)))
        if not commits.keys() >= set(partitions):
            raise errors.KafkaError("the coordinator did not answer for every partition")
        return _known(commits)

    async def is_new(self) -> bool:
        """Whether the group has no commit at all; raises errors.KafkaError."""
        return not _known(await self._fetch(None))

    async def commit(
        self,
        commits: Commits,
        *,
        number: int,
        member: str,
        keep_ms: int = OffsetCommitRequest.DEFAULT_RETENTION_TIME,
    ) -> None:
        """Make `commits` as `member` of the group's generation `number`.

        aiokafka's own commit names the generation of the moment it is sent, which need not be the
        one that the offsets are from. `keep_ms`: when they expire, counted from now; by default as
        the broker is set. Raises errors.KafkaError.
        """
        topics = [
            (topic, [(number, each.offset, each.metadata) for number, each in partitions.items()])
            for topic, partitions in _by_topic(commits).items()
        ]
        request = OffsetCommitRequest(self._name, number, member, keep_ms, topics)
        response = await self._coordinator.send(request)
        codes = {code for _, partitions in response.topics for _, code in partitions} - {0}
        for code in sorted(codes):
            raise errors.for_code(code)(f"commit refused with code {code}")

    async def _fetch(
        self, topics: Mapping[str, Mapping[int, object]] | None
    ) -> dict[TopicPartition, Commit]:
        asked = None if topics is None else [(topic, list(topics[topic])) for topic in topics]
        response = await self._coordinator.send(OffsetFetchRequest(self._name, asked))
        commits: dict[TopicPartition, Commit] = {}
        for topic, partitions in response.topics:
            for partition, offset, metadata, code in partitions:
                if code:
                    raise errors.for_code(code)(f"{topic}/{partition}: no commit told, code {code}")
                commits[TopicPartition(topic, partition)] = Commit.of(offset, metadata)
        return commits


def _known(commits: Mapping[TopicPartition, Commit]) -> dict[tuple[str, int], Commit]:
    return {
        partition: commit for partition, commit in commits.items() if commit.offset != NO_OFFSET
    }


def _by_topic(offsets: Mapping[tuple[str, int], _V]) -> dict[str, dict[int, _V]]:
    topics: defaultdict[str, dict[int, _V]] = defaultdict(dict)
    for (topic, partition), value in offsets.items():
        topics[topic][partition] = value
    return topics
