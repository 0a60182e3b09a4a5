"""Following topics from certain offsets on, and what shows that nothing more will come of a request."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from aiokafka import AIOKafkaConsumer, errors
from aiokafka.structs import TopicPartition

from config.settings import Kafka
from daemon.kafka import client
from daemon.kafka.group.committed import CommittedOffsets
from daemon.kafka.group.coordinator import Coordinator
from daemon.kafka.looking.log_offsets import Place, log_offsets
from daemon.kafka.looking.reader import reading
from daemon.values.messages import Record

_T = TypeVar("_T")

_LOOK_S = 10.0
"""Longest wait for an answer; the broker may be busy with a fetch of this client's."""
_POLL_S = 0.5
"""As reader.py has it."""

Positions = Mapping[tuple[str, int], int]
"""Offsets by topic and partition."""


class Tail:
    """Reads all partitions of some topics, and asks how far a group is."""

    def __init__(
        self, consumer: AIOKafkaConsumer, kafka: Kafka, *, told: Callable[[str], None]
    ) -> None:
        """`consumer` has the partitions assigned, and resets no offset; `told` hears what cannot be read."""
        self._consumer = consumer
        self._kafka = kafka
        self._told = told
        coordinator = Coordinator(consumer._client, kafka.group)
        self._group = CommittedOffsets(coordinator, kafka.group)

    async def ends(self, topics: Collection[str]) -> Positions | None:
        """Return where the logs of `topics` end, with transactions that are still open.

        None where not all is known. Raises Fatal when this client is refused.
        """
        partitions = await self._partitions(topics)
        ends = await self._offsets(partitions, Place.END)
        if ends is None or len(ends) < len(partitions):
            return None
        return {(each.topic, each.partition): offset for each, offset in ends.items()}

    async def committed(self, topic: str) -> Positions | None:
        """Return what the group has committed of `topic`; None where that is not known. Raises Fatal."""
        partitions = await self._partitions([topic])
        commits = await self._try(self._group.commits(partitions))
        if commits is None:
            return None
        return {place: commit.offset for place, commit in commits.items()}

    async def seek(self, positions: Positions) -> None:
        """Read from these offsets on; a partition that is not among them, from its start."""
        for each in self._consumer.assignment():
            place = (each.topic, each.partition)
            if place in positions:
                self._consumer.seek(each, positions[place])
            else:  # it was added meanwhile
                await self._consumer.seek_to_beginning(each)

    async def some(self, most: int) -> list[Record]:
        """Return up to `most` records that come next; none after a while without any. Raises Fatal."""
        try:
            fetched = await self._try(
                self._consumer.getmany(timeout_ms=client.milliseconds(_POLL_S), max_records=most)
            )
        except errors.OffsetOutOfRangeError:
            await self._read_anew()
            return []
        return [record for records in (fetched or {}).values() for record in records]

    async def _read_anew(self) -> None:
        """Go on at the start of logs that do not have what is to be read next; raises Fatal."""
        partitions = self._consumer.assignment()
        starts = await self._offsets(partitions, Place.START) or {}
        ends = await self._offsets(partitions, Place.END) or {}
        for each in starts.keys() & ends.keys():
            start, end = starts[each], ends[each]
            position = await self._consumer.position(each)
            if start <= position <= end:
                continue
            self._consumer.seek(each, start)
            name = f"{each.topic}/{each.partition}"
            if position < start:
                self._told(
                    f"{name}: {start - position:,} records were deleted before they were read"
                )
            else:
                self._told(f"{name} has lost its end, or was made anew: it is read from its start")

    async def positions(self) -> dict[tuple[str, int], int]:
        """Return what is to be read next of each partition."""
        return {
            (each.topic, each.partition): await self._consumer.position(each)
            for each in self._consumer.assignment()
        }

    async def _offsets(
        self, partitions: Collection[TopicPartition], place: Place
    ) -> Mapping[TopicPartition, int] | None:
        return await self._try(
            log_offsets(
                self._consumer._client, partitions, place, timeout_s=_LOOK_S, undecided=True
            )
        )

    async def _partitions(self, topics: Collection[str]) -> Sequence[TopicPartition]:
        for topic in topics:
            await self._consumer._client.add_topic(topic)
        return [
            TopicPartition(topic, number)
            for topic in topics
            for number in sorted(self._consumer.partitions_for_topic(topic) or ())
        ]

    async def _try(self, answer: Awaitable[_T]) -> _T | None:
        try:
            async with asyncio.timeout(_LOOK_S):
                return await answer
        except TimeoutError:
            return None
        except errors.OffsetOutOfRangeError:
            raise
        except errors.KafkaError as error:
            client.raise_if_denied(error, self._kafka.bootstrap_servers)
            return None


@asynccontextmanager
async def tail(
    kafka: Kafka,
    topics: Collection[str],
    *,
    base: Path,
    told: Callable[[str], None],
) -> AsyncIterator[Tail]:
    """Follow `topics`; raises Fatal when there is no broker, or one of them is missing.

    `told` hears of records that were deleted before they were read.
    """
    # "none": what was deleted before it was read must not be passed over in silence.
    async with reading(kafka, topics, base, auto_offset_reset="none") as consumer:
        yield Tail(consumer, kafka, told=told)
