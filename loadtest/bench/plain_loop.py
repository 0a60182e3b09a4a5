"""The straight loop that many would write by hand; the daemon is measured against it.

Run as a process, `python -m loadtest.bench.plain_loop BOOTSTRAP GROUP REQUESTS REPLIES MODEL`, it
ends on SIGTERM. With `routed` behind these, replies go where the header reply-to says. It checks
nothing, answers no error, measures nothing, copies the headers, and leaves Python's collector as it
is. What it does, it does in the fastest way its libraries have: uvloop, whole chunks, one run for
each, replies in the producer's batches of explicit partitions.
"""

import asyncio
import sys
from collections.abc import Iterator

import numpy as np
import onnxruntime
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord

_POLL_MS = 1000
"""It has nothing else to do."""
# Kafka takes 1 MiB by default; larger batches are fewer sends.
_SEND_BYTES = 512 * 1024


async def relay(
    consumer: AIOKafkaConsumer,
    producer: AIOKafkaProducer,
    session: onnxruntime.InferenceSession,
    replies: str,
    *,
    routed: bool,
) -> None:
    """Answer for ever."""
    width = session.get_inputs()[0].shape[1]
    while True:
        chunk = await consumer.getmany(timeout_ms=_POLL_MS)
        if not chunk:
            continue
        body = b"".join([record.value for records in chunk.values() for record in records])
        rows = np.frombuffer(body, np.float32).reshape(-1, width)
        (answers,) = session.run(None, {"x": rows})
        acknowledgements = []
        start = 0
        for partition, records in chunk.items():
            values = answers[start : start + len(records)]
            start += len(records)
            number = partition.partition
            for topic, theirs, rows in _addressed(records, values, replies, routed=routed):
                acknowledgements += await _send(producer, topic, number, theirs, rows)
        await asyncio.gather(*acknowledgements)
        await consumer.commit()


def _addressed(
    records: list[ConsumerRecord], values: np.ndarray, replies: str, *, routed: bool
) -> Iterator[tuple[str, list[ConsumerRecord], np.ndarray]]:
    """Yield the records and rows for each topic."""
    if not routed:
        yield replies, records, values
        return
    places: dict[str, list[int]] = {}
    for place, record in enumerate(records):
        asked = dict(record.headers).get("reply-to")
        places.setdefault(asked.decode() if asked else replies, []).append(place)
    for topic, its in places.items():
        yield topic, [records[place] for place in its], values[its]


async def _send(
    producer: AIOKafkaProducer,
    topic: str,
    partition: int,
    records: list[ConsumerRecord],
    values: np.ndarray,
) -> list[asyncio.Future[object]]:
    """Send one reply a record to `topic` and the partition of the same number."""
    body = values.tobytes()
    size = len(body) // len(records)
    sent = []
    batch = producer.create_batch()
    for index, record in enumerate(records):
        reply = {
            "key": record.key,
            "value": body[index * size : (index + 1) * size],
            "headers": list(record.headers),
            "timestamp": None,
        }
        if batch.append(**reply) is None:
            sent.append(await producer.send_batch(batch, topic, partition=partition))
            batch = producer.create_batch()
            batch.append(**reply)
    sent.append(await producer.send_batch(batch, topic, partition=partition))
    return sent


async def main(
    bootstrap: str, group: str, requests: str, replies: str, model: str, routed: str = ""
) -> None:
    """Join the group and relay."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    consumer = AIOKafkaConsumer(
        requests,
        bootstrap_servers=bootstrap,
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", max_batch_size=_SEND_BYTES)
    async with consumer, producer:
        await relay(consumer, producer, session, replies, routed=bool(routed))


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
