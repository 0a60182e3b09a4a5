"""Where to start reading a partition. The rule is pure; finding out asks and never guesses.

- The group has a commit for the partition: there.
- It has commits, but none for this one, so the partition was added: its start.
- It has one of a topic with another id, so the topic was deleted and made anew: its start.
- The group has no commit any more, but this process has read for it before: Kafka forgets the
  commits of a topic that is deleted, so that is the same.
- The group has no commit at all: `kafka.start`, and the choice is committed at once for every
  partition of every member's topics, so that nobody takes the others for added ones. The group's
  leader does it; the others wait for its commit.
- An error, or no answer: nothing is known, so nothing is decided.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal, NamedTuple, TypeAlias

from aiokafka.structs import TopicPartition

from daemon.kafka.group.committed import Commit, Commits, CommittedOffsets
from daemon.kafka.group.generation import Generation
from daemon.kafka.reading.consumer import Consumer
from daemon.kafka.topic_ids import TopicIds
from daemon.telemetry.events import Event
from daemon.telemetry.logs import log
from daemon.values.errors import Exit, Fatal

Policy: TypeAlias = Literal["earliest", "latest", "refuse"]


class NotKnownYet(Exception):
    """The group's leader has not said yet where a new group starts."""


class Starts(NamedTuple):
    """Where to read from; `committed` is what the group has already."""

    positions: Mapping[tuple[str, int], int]
    committed: Commits


async def find_starts(
    consumer: Consumer,
    group: CommittedOffsets,
    generation: Generation,
    policy: Policy,
    topic_ids: TopicIds,
    *,
    begun: bool,
) -> Starts:
    """Return where to read every partition of `generation` from.

    `topic_ids` are as they were before this call; `begun`: this process has read for the group.
    Raises: errors.KafkaError and NotKnownYet (ask again later), Fatal (`policy` refuses).
    """
    found = await group.commits(generation.partitions)
    committed = {
        partition: commit
        for partition, commit in found.items()
        if commit.is_of(topic_ids.get(partition[0], ""))
    }
    missing = generation.partitions - committed.keys()
    is_new = bool(missing) and not found and await group.is_new()
    if is_new and not begun:
        committed = dict(await _start_group(consumer, group, generation, policy, topic_ids))
        missing = generation.partitions - committed.keys()
    firsts = await consumer.first_offsets(missing) if missing else {}
    for partition, offset in firsts.items():
        anew = partition in found or (is_new and begun)
        log(
            Event.POSITION_CHOSEN,
            topic=partition.topic,
            partition=partition.partition,
            offset=offset,
            reason="the topic was made anew" if anew else "the partition was added",
        )
    positions = {partition: commit.offset for partition, commit in committed.items()}
    return Starts({**positions, **firsts}, committed)


async def _start_group(
    consumer: Consumer,
    group: CommittedOffsets,
    generation: Generation,
    policy: Policy,
    topic_ids: TopicIds,
) -> Commits:
    """Commit where the whole group starts, and return it."""
    if policy == "refuse":
        raise Fatal(
            Exit.SETTINGS,
            "the group has no commit and kafka.start is refuse: set it to earliest or latest, "
            "or commit the group's offsets first",
        )
    topics = consumer.led_topics
    if topics is None:
        raise NotKnownYet
    partitions = generation.partitions | {
        TopicPartition(topic, number)
        for topic in topics
        for number in consumer.partitions_of(topic)
    }
    find = consumer.first_offsets if policy == "earliest" else consumer.end_offsets
    starts = {
        partition: Commit(offset, topic_ids.get(partition.topic, ""))
        for partition, offset in (await find(partitions)).items()
    }
    await group.commit(starts, number=generation.number, member=generation.member)
    log(Event.POSITION_CHOSEN, partitions=len(starts), start=policy, reason="the group is new")
    return starts


class LogChange(StrEnum):
    """What happened to a log that does not have the offset that was asked for."""

    NONE = "it has the offset after all"
    CUT = "Kafka deleted what was not read yet"
    TRUNCATED = "the log was cut short behind what was read, as after a loss of brokers"
    MADE_ANEW = "the topic was deleted and made anew"


class Recovery(NamedTuple):
    """Where to go on in a log that changed; `lost` offsets were deleted before they were read."""

    position: int
    change: LogChange
    lost: int = 0


def recover(
    asked: int, *, first: int, end: int, same_topic: bool | None, unread: int = 0
) -> Recovery:
    """Decide where to go on; the log has the offsets from `first` up to `end`. Pure.

    `same_topic`: whether its topic is the one that `asked` is an offset of, None when that is
    unknown; then a log that is too short is read from its start: rather twice than not at all.
    `unread` offsets are known to have been behind `asked` before.
    """
    if same_topic is False or (same_topic is None and asked > end):
        return Recovery(first, LogChange.MADE_ANEW, unread)
    if asked < first:
        return Recovery(first, LogChange.CUT, first - asked)
    if asked > end:
        return Recovery(end, LogChange.TRUNCATED, unread)
    return Recovery(asked, LogChange.NONE)
