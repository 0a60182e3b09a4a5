"""The reader who decides: it knows nothing of the worker and comes when all is over."""

import asyncio
import struct
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from loadtest.kafka.leaders import GROUPS
from tests.acceptance.witness import entry_of

_WHOLE_S = 60.0
_POLL_MS = 200
_OF_OFFSETS = {0, 1}
"""Versions of keys that name a group's partition; 2 is a group's members."""
_OFFSET = struct.Struct(">hq")
"""The version of a commit's value, and its offset."""


class Commit(NamedTuple):
    """An offset that a group committed, as it lies in Kafka's own topic."""

    group: str
    topic: str
    partition: int
    offset: int


async def read_log(bootstrap, topics):
    """Return all that is committed in `topics`, from their starts to their ends at this moment."""
    return [entry_of(*each) for each in await _records(bootstrap, topics)]


async def read_commits(bootstrap, group):
    """Return each commit of `group`, in order.

    The log has them all, and a coordinator that stood still, or was one until now, has old ones to
    tell for a moment.
    """
    records = [record for _, record in await _records(bootstrap, [GROUPS])]
    return [each for each in map(_commit, records) if each is not None and each.group == group]


def _commit(record):
    """What a record of Kafka's own topic says; None of members, and of an offset that is forgotten."""
    version = int.from_bytes(record.key[:2])
    if version not in _OF_OFFSETS or record.value is None:
        return None
    group, rest = _string(record.key[2:])
    topic, rest = _string(rest)
    _, offset = _OFFSET.unpack_from(record.value)
    return Commit(group, topic, int.from_bytes(rest[:4]), offset)


def _string(data):
    """A string of Kafka's protocol, and what follows it."""
    end = 2 + int.from_bytes(data[:2])
    return data[2:end].decode(), data[end:]


async def _records(bootstrap, topics):
    """All committed records, each with its partition; of one partition in order."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, enable_auto_commit=False, isolation_level="read_committed"
    )
    async with consumer, asyncio.timeout(_WHOLE_S):
        partitions = [
            TopicPartition(topic, number)
            for topic in topics
            for number in sorted(await _numbers(consumer, topic))
        ]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        ends = await consumer.end_offsets(partitions)
        log = []
        while not all([await consumer.position(each) >= end for each, end in ends.items()]):
            for partition, records in (await consumer.getmany(timeout_ms=_POLL_MS)).items():
                log += [(partition, record) for record in records]
        return log


async def _numbers(consumer, topic):
    await consumer._client._wait_on_metadata(topic)
    return consumer.partitions_for_topic(topic)
