"""How fast the client asks, beside a bare producer and consumer of aiokafka that do the same.

    python clients/python/bench.py BOOTSTRAP [--questions 50000] [--repeat 5]

Both ask the same questions of the same process, which sends each body back at once: the broker and
that process cost both the same. They take turns; what is compared is pairs of runs that follow each
other, and how much of this process's time a question took. Topics are made, and deleted afterwards.
"""

import argparse
import asyncio
import multiprocessing
import secrets
import statistics
import struct
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tidemill_client import Client

_PARTITIONS = 4
_IN_FLIGHT = 1000
_BODY = bytes(64)
_PATIENCE_S = 120


class Run(NamedTuple):
    """What asking all questions once took."""

    wall_s: float
    cpu_s: float


class Topics(NamedTuple):
    """Where questions and replies go."""

    requests: str
    replies: str


async def measured(ask_all: Callable[[], Awaitable[None]]) -> Run:
    """Return what `ask_all` took."""
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    await asyncio.wait_for(ask_all(), _PATIENCE_S)
    return Run(time.perf_counter() - wall_s, time.process_time() - cpu_s)


async def by_client(bootstrap: str, topics: Topics, questions: int) -> Run:
    """Ask with the client."""
    async with Client(bootstrap, reply_topic=topics.replies) as client:

        async def ask_all() -> None:
            bodies = [_BODY] * questions
            async for answer in client.ask_many(topics.requests, bodies, in_flight=_IN_FLIGHT):
                answer.result()

        return await measured(ask_all)


async def by_hand(bootstrap: str, topics: Topics, questions: int) -> Run:
    """Ask with what many would write: a send for each, a dictionary, a consumer."""
    partition = secrets.randbelow(_PARTITIONS)
    where = TopicPartition(topics.replies, partition)
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", max_batch_size=256 * 1024)
    address = [
        ("reply-to", topics.replies.encode()),
        ("kafka_replyPartition", struct.pack(">i", partition)),
    ]
    waiting: dict[bytes, asyncio.Future[bytes]] = {}
    window = asyncio.Semaphore(_IN_FLIGHT)

    async def read() -> None:
        while True:
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                for record in records:
                    future = waiting.pop(dict(record.headers)["correlation-id"], None)
                    if future is not None:
                        future.set_result(record.value)
                        window.release()

    async def ask_all() -> None:
        futures = []
        for number in range(questions):
            await window.acquire()
            correlation = number.to_bytes(16, "big")
            futures.append(asyncio.get_running_loop().create_future())
            waiting[correlation] = futures[-1]
            headers = [("correlation-id", correlation), *address]
            await producer.send(topics.requests, _BODY, headers=headers)
        await asyncio.gather(*futures)

    async with consumer, producer:
        consumer.assign([where])
        await consumer.seek_to_end(where)
        reading = asyncio.create_task(read())
        run = await measured(ask_all)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    return run


def answer(bootstrap: str, topics: Topics) -> None:
    """Send every body back, in whole batches, until the process is ended."""
    asyncio.run(_answer(bootstrap, topics))


async def _answer(bootstrap: str, topics: Topics) -> None:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, max_batch_size=512 * 1024)
    async with consumer, producer:
        consumer.assign([TopicPartition(topics.requests, each) for each in range(_PARTITIONS)])
        while True:
            batches = {each: producer.create_batch() for each in range(_PARTITIONS)}
            for records in (await consumer.getmany(timeout_ms=1000, max_records=2000)).values():
                for record in records:
                    asked = dict(record.headers)
                    batches[struct.unpack(">i", asked["kafka_replyPartition"])[0]].append(
                        timestamp=None,
                        key=None,
                        value=record.value,
                        headers=[("correlation-id", asked["correlation-id"]), ("status", b"ok")],
                    )
            for partition, batch in batches.items():
                if batch.record_count():
                    batch.close()
                    await producer.send_batch(batch, topics.replies, partition=partition)


async def compared(bootstrap: str, topics: Topics, questions: int, repeat: int) -> float:
    """Print each pair of runs; return the median of their ratios."""
    print(f"{questions:,} questions of {len(_BODY)} bytes, {_IN_FLIGHT} in flight")
    print(
        f"{'by hand, 1/s':>14} {'client, 1/s':>14} {'ratio':>7} {'us CPU by hand':>15} {'client':>7}"
    )
    await by_client(bootstrap, topics, questions // 10)  # the answering process is up
    ratios = []
    for _ in range(repeat):
        hand = await by_hand(bootstrap, topics, questions)
        client = await by_client(bootstrap, topics, questions)
        ratios.append(hand.wall_s / client.wall_s)
        print(
            f"{questions / hand.wall_s:14,.0f} {questions / client.wall_s:14,.0f} "
            f"{ratios[-1]:7.2f} {hand.cpu_s / questions * 1e6:15.1f} "
            f"{client.cpu_s / questions * 1e6:7.1f}"
        )
    return statistics.median(ratios)


async def main(bootstrap: str, questions: int, repeat: int) -> float:
    """Make topics and let both ask; return the client's rate beside the bare pair's."""
    name = f"bench-{secrets.token_hex(4)}"
    topics = Topics(f"{name}.requests", f"{name}.replies")
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, _PARTITIONS, 1) for topic in topics])
        answering = multiprocessing.get_context("spawn").Process(
            target=answer, args=(bootstrap, topics), daemon=True
        )
        answering.start()
        try:
            ratio = await compared(bootstrap, topics, questions, repeat)
        finally:
            answering.terminate()
            answering.join()
    finally:
        await admin.delete_topics(list(topics))
        await admin.close()
    print(f"the client asks at {ratio:.2f} of the rate by hand")
    return ratio


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("bootstrap")
    parser.add_argument("--questions", type=int, default=50_000)
    parser.add_argument("--repeat", type=int, default=5)
    given = parser.parse_args()
    asyncio.run(main(given.bootstrap, given.questions, given.repeat))
