"""The group's commits, asked for and made by requests of our own whose every error code is read."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple, Protocol, Self, TypeAlias, TypeVar

from aiokafka import errors
from aiokafka.protocol.commit import OffsetCommitRequest
from aiokafka.structs import TopicPartition

from daemon.isolation.note import NO_NOTE, Note
from daemon.kafka.group.answered_runs import MOST_CHARACTERS, runs_of, text_of
from daemon.kafka.offset_requests import StableOffsetFetch, fetched_offsets
from daemon.scaling.remembered import LONGEST
from daemon.values.ledger import Edges
from daemon.windows.ready_by import Opening

_V = TypeVar("_V")

NO_OFFSET = -1
_TOPIC_ID = "topic-id"
_ANSWERED = "answered"
_SERVED = "served"
_OPENED = "opened"


class Commit(NamedTuple):
    """An offset, the id of the topic that it is of, which offsets beyond it are answered too, a note.

    All but the offset travels in the commit's metadata, and is empty when it was not said. The id:
    Kafka keeps offsets by name alone, and a topic that was deleted and made anew has both again.
    `served` is what workers served before, for those who scale (daemon/scaling/remembered.py): it is
    handed on from commit to commit as it is. `opened` is the last opening of the partition's lane that was
    brought forward.
    """

    offset: int
    topic_id: str = ""
    answered: Edges = ()
    note: Note = NO_NOTE
    served: str = ""
    opened: Opening | None = None

    @property
    def metadata(self) -> str:
        """What is committed beside the offset: `name=value`, by semicolons."""
        said = {
            _TOPIC_ID: self.topic_id,
            _ANSWERED: self._answered_text,
            _SERVED: self.served,
            _OPENED: "" if self.opened is None else self.opened.text,
        }
        parts = [f"{name}={value}" for name, value in said.items() if value]
        return ";".join([*parts, self.note.text] if self.note.text else parts)

    @property
    def has_room(self) -> bool:
        """Whether a broker takes the commit with all that is answered beyond it."""
        return len(self._answered_text) <= MOST_CHARACTERS

    @property
    def _answered_text(self) -> str:
        return text_of(self.offset, self.answered) if self.answered else ""

    @classmethod
    def of(cls, offset: int, metadata: str | None) -> Self:
        """Read a commit, whoever made it."""
        if not metadata:
            return cls(offset)
        said = dict(part.partition("=")[::2] for part in metadata.split(";"))
        answered = runs_of(offset, said[_ANSWERED]) if _ANSWERED in said else ()
        served = said.get(_SERVED, "")
        return cls(
            offset,
            said.get(_TOPIC_ID, ""),
            answered,
            Note.read(said),
            served if len(served) <= LONGEST else "",
            Opening.read(said.get(_OPENED, "")),
        )

    def is_of(self, topic_id: str) -> bool:
        """Whether the offset may be one of the topic with `topic_id`; so it is when one is unknown."""
        return not self.topic_id or not topic_id or self.topic_id == topic_id


NO_COMMIT = Commit(NO_OFFSET)
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

    async def seen(self, partitions: Collection[TopicPartition]) -> Commits:
        """Return the commits of `partitions` as they are just now, to look at.

        Those without a commit are missing. Raises errors.KafkaError.
        """
        return _told(
            await self._fetch(by_topic(dict.fromkeys(partitions)), stable=False), partitions
        )

    async def commits(self, partitions: Collection[TopicPartition]) -> Commits:
        """Return the commits of `partitions`; those without one are missing.

        Waits for no transaction that is being decided: it raises for its partitions, like any other
        failure, errors.KafkaError. That is never mistaken for "no commit".
        """
        commits = await self._fetch(by_topic(dict.fromkeys(partitions)), stable=True)
        return _told(commits, partitions)

    async def all_commits(self) -> Commits:
        """Return all commits that the group has, as they are just now; raises errors.KafkaError."""
        return _known(await self._fetch(None, stable=False))

    async def is_new(self) -> bool:
        """Whether the group has no commit at all; raises errors.KafkaError."""
        return not _known(await self._fetch(None, stable=True))

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
            for topic, partitions in by_topic(commits).items()
        ]
        request = OffsetCommitRequest(self._name, number, member, keep_ms, topics)
        response = await self._coordinator.send(request)
        codes = {code for _, partitions in response.topics for _, code in partitions} - {0}
        for code in sorted(codes):
            raise errors.for_code(code)(f"commit refused with code {code}")

    async def _fetch(
        self, topics: Mapping[str, Mapping[int, object]] | None, *, stable: bool
    ) -> dict[TopicPartition, Commit]:
        asked = None if topics is None else {topic: list(topics[topic]) for topic in topics}
        request = StableOffsetFetch(self._name, asked, stable=stable)
        response = await self._coordinator.send(request)
        commits: dict[TopicPartition, Commit] = {}
        for topic, partition, offset, metadata, code in fetched_offsets(response):
            if code:
                raise errors.for_code(code)(f"{topic}/{partition}: no commit told, code {code}")
            commits[TopicPartition(topic, partition)] = Commit.of(offset, metadata)
        return commits


def _told(
    commits: Mapping[TopicPartition, Commit], partitions: Collection[TopicPartition]
) -> dict[tuple[str, int], Commit]:
    if not commits.keys() >= set(partitions):
        raise errors.KafkaError("the coordinator did not answer for every partition")
    return _known(commits)


def _known(commits: Mapping[TopicPartition, Commit]) -> dict[tuple[str, int], Commit]:
    return {
        partition: commit for partition, commit in commits.items() if commit.offset != NO_OFFSET
    }


def by_topic(offsets: Mapping[tuple[str, int], _V]) -> dict[str, dict[int, _V]]:
    """Return what is known by partition as requests name it: topic by topic."""
    topics: defaultdict[str, dict[int, _V]] = defaultdict(dict)
    for (topic, partition), value in offsets.items():
        topics[topic][partition] = value
    return topics
