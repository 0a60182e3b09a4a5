"""The reader who decides: it knows nothing of the worker and comes when all is over."""

import asyncio

from aiokafka import AIOKafkaConsumer, TopicPartition

from tests.acceptance.witness import entry_of

_WHOLE_S = 60.0
_POLL_MS = 200


async def read_log(bootstrap, topics):
    """Return all that is committed in `topics`, from their starts to their ends at this moment."""
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
                log += [entry_of(partition, record) for record in records]
        return log


async def _numbers(consumer, topic):
    await consumer._client._wait_on_metadata(topic)
    return consumer.partitions_for_topic(topic)
