"""Where to start reading a partition. The rule is pure; finding out asks and never guesses.

- The group has a commit for the partition: there.
- It has commits, but none for this one, so the partition was added: its start.
- The group has no commit at all: `kafka.start`, and the choice is committed at once for every
  partition of every member's topics, so that nobody takes the others for added ones. The group's
  leader does it; the others wait for its commit.
- An error, or no answer: nothing is known, so nothing is decided.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple, TypeAlias

from aiokafka.structs import TopicPartition

from daemon.kafka.group.committed import CommittedOffsets
from daemon.kafka.group.generation import Generation
from daemon.kafka.reading.consumer import Consumer
from daemon.telemetry.events import Event
from daemon.telemetry.logs import log
from daemon.values.errors import Exit, Fatal

Policy: TypeAlias = Literal["earliest", "latest", "refuse"]


class NotKnownYet(Exception):
    """The group's leader has not said yet where a new group starts."""


class Starts(NamedTuple):
    """Where to read from; `committed` is what the group has already."""

    positions: Mapping[tuple[str, int], int]
    committed: Mapping[tuple[str, int], int]


async def find_starts(
    consumer: Consumer, group: CommittedOffsets, generation: Generation, policy: Policy
) -> Starts:
    """Return where to read every partition of `generation` from.

    Raises: errors.KafkaError and NotKnownYet (ask again later), Fatal (`policy` refuses).
    """
    committed = dict(await group.offsets(generation.partitions))
    missing = generation.partitions - committed.keys()
    if missing and await group.is_new():
        committed = dict(await _start_group(consumer, group, generation, policy))
        missing = generation.partitions - committed.keys()
    added = await consumer.first_offsets(missing) if missing else {}
    for partition, offset in added.items():
        log(
            Event.POSITION_CHOSEN,
            topic=partition.topic,
            partition=partition.partition,
            offset=offset,
            reason="the partition was added",
        )
    return Starts({**committed, **added}, committed)


async def _start_group(
    consumer: Consumer, group: CommittedOffsets, generation: Generation, policy: Policy
) -> Mapping[tuple[str, int], int]:
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
    starts = await find(partitions)
    await group.commit(starts, number=generation.number, member=generation.member)
    log(Event.POSITION_CHOSEN, partitions=len(starts), start=policy, reason="the group is new")
    return starts


class Recovery(NamedTuple):
    """Where to go on in a partition whose log does not have the offset that was asked for."""

    position: int
    lost: int
    """Offsets that were deleted before they were read."""
    restarted: bool
    """The log is shorter than what was read: it was cut or made anew, and is read from its start."""


def recover(asked: int, *, first: int, end: int) -> Recovery:
    """Decide where to go on; the log has the offsets from `first` up to `end`. Pure."""
    if asked < first:
        return Recovery(first, first - asked, restarted=False)
    if asked > end:
        return Recovery(first, 0, restarted=True)
    return Recovery(asked, 0, restarted=False)
