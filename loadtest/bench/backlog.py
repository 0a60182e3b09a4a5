"""Publishes a backlog: many requests with unique ids, in the producer's own batches."""

import asyncio
import time
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder

from loadtest.bench.progress import Told, silent
from loadtest.bench.tally import encode_id
from loadtest.wire import CORRELATION_ID, Header

_SEND_BYTES = 900 * 1024
# Few enough that a backlog of some thousands reaches every partition, enough to be fast.
_SEND_RECORDS = 1000


async def publish(
    bootstrap: str,
    topic: str,
    bodies: Sequence[bytes],
    count: int,
    *,
    headers: Sequence[Header] = (),
    told: Told = silent,
) -> None:
    """Publish `count` requests with the ids 0, 1, ... in turn over the partitions of `topic`.

    Request i has body i modulo their number. Raises a KafkaError of aiokafka.
    """
    async with AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", max_batch_size=_SEND_BYTES
    ) as producer:
        partitions = sorted(await producer.partitions_for(topic))
        acknowledgements = []
        published = turn = 0
        while published < count:
            batch = producer.create_batch()
            last = min(published + _SEND_RECORDS, count)
            published += _fill(batch, bodies, range(published, last), headers)
            partition = partitions[turn % len(partitions)]
            acknowledgements.append(await producer.send_batch(batch, topic, partition=partition))
            turn += 1
            told(published)
        await asyncio.gather(*acknowledgements)


def _fill(
    batch: BatchBuilder, bodies: Sequence[bytes], numbers: range, headers: Sequence[Header]
) -> int:
    """Return how many of the requests `numbers` went into `batch` before it was full."""
    timestamp_ms = int(time.time() * 1000)
    for number in numbers:
        added = batch.append(
            timestamp=timestamp_ms,
            key=None,
            value=bodies[number % len(bodies)],
            headers=[(CORRELATION_ID, encode_id(number)), *headers],
        )
        if added is None:
            return number - numbers.start
    return len(numbers)
