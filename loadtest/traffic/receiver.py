"""Reads reply topics, every partition of them, from their ends as they were at the start."""

import asyncio
import time
from collections.abc import Sequence
from typing import TypeAlias

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from loadtest.traffic.login import Options
from loadtest.traffic.recorder import Reply

_POLL_MS = 100
"""Between two looks whether the run is over, while no reply comes."""
# While replies are worked off the broker is not asked for other partitions; it answers such a
# request after this time at the latest.
_FETCH_WAIT_MS = 50
# 2 ms of work: requests must leave in time while replies pour in.
_CHUNK = 500
# Brokers learn of a new topic a moment after the controller has made it.
_CREATED_S = 1.5
_LOOK_S = 0.1
"""A guess: a topic is known some tenths after it was made."""

Ends: TypeAlias = dict[TopicPartition, int]


class TopicsMissing(Exception):
    """Topics that the scenario names do not exist."""


class Receiver:
    """A consumer without a group."""

    def __init__(self, broker: Options) -> None:
        self._broker = broker
        self._consumer = AIOKafkaConsumer(
            enable_auto_commit=False,
            fetch_max_wait_ms=_FETCH_WAIT_MS,
            isolation_level="read_committed",  # what a transaction may still take back is no reply
            **broker,
        )

    async def start(self, reply_topics: Sequence[str], request_topics: Sequence[str]) -> None:
        """Connect and stand at the ends; raises KafkaError of aiokafka, TopicsMissing."""
        partitions = await _partitions(self._broker, reply_topics, request_topics)
        await self._consumer.start()
        self._consumer.assign(partitions)
        for partition, end in (await self._consumer.end_offsets(partitions)).items():
            self._consumer.seek(partition, end)

    async def stop(self) -> None:
        """Hang up."""
        await self._consumer.stop()

    async def ends(self) -> Ends:
        """Return where the reply topics end now; raises KafkaError of aiokafka."""
        return dict(await self._consumer.end_offsets(self._consumer.assignment()))

    async def unread(self, ends: Ends) -> int:
        """Return how many records before `ends` were not read."""
        read = {each: await self._consumer.position(each) for each in ends}
        return sum(max(end - read[each], 0) for each, end in ends.items())

    async def poll(self) -> list[Reply]:
        """Return the next replies, none when none came for a while."""
        fetched = await self._consumer.getmany(timeout_ms=_POLL_MS, max_records=_CHUNK)
        return [record for records in fetched.values() for record in records]


async def _partitions(
    broker: Options, reply_topics: Sequence[str], request_topics: Sequence[str]
) -> list[TopicPartition]:
    """Return all partitions of the reply topics; raises TopicsMissing.

    Topics are looked for before any is named to the broker, which might create it.
    """
    admin = AIOKafkaAdminClient(**broker)
    try:
        await admin.start()
        wanted, until_s = {*reply_topics, *request_topics}, time.monotonic() + _CREATED_S
        while missing := sorted(wanted - set(await admin.list_topics())):
            if time.monotonic() > until_s:
                raise TopicsMissing(f"there is no topic {', '.join(missing)}")
            await asyncio.sleep(_LOOK_S)
        described = await admin.describe_topics(list(reply_topics))
    finally:
        await admin.close()
    return [
        TopicPartition(topic["topic"], partition["partition"])
        for topic in described
        for partition in topic["partitions"]
    ]
