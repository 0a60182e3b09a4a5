"""A backlog, published in the producer's own batches, and somebody who answers it whole."""

import asyncio
import time
from collections.abc import Sequence
from typing import NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder

from loadtest.bench.contestants import Contestant, Topics
from loadtest.bench.dresses import Dress, bare
from loadtest.bench.ground import Ground, Told, silent
from loadtest.bench.replies import Pace, read_back
from loadtest.bench.watch import ProcessSample, Watch, cpu_us_a_reply
from loadtest.bench.work import Decode, Floats, decode_raw
from loadtest.traffic.records import Account

_SEND_BYTES = 900 * 1024
"""Kafka takes 1 MiB by default."""
# Few enough that a backlog of some thousands reaches every partition, enough to be fast.
_SEND_RECORDS = 1000
_BARE = bare()


async def publish(
    bootstrap: str,
    topic: str,
    bodies: Sequence[bytes],
    count: int,
    *,
    dress: Dress = _BARE,
    told: Told = silent,
) -> None:
    """Publish `count` requests, dressed as 0, 1, ..., in turn over the partitions of `topic`.

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
            published += _fill(batch, bodies, range(published, last), dress)
            partition = partitions[turn % len(partitions)]
            acknowledgements.append(await producer.send_batch(batch, topic, partition=partition))
            turn += 1
            told(published)
        await asyncio.gather(*acknowledgements)


def _fill(batch: BatchBuilder, bodies: Sequence[bytes], numbers: range, dress: Dress) -> int:
    """Return how many of the requests `numbers` went into `batch` before it was full."""
    timestamp_ms = int(time.time() * 1000)
    for number in numbers:
        added = batch.append(
            timestamp=timestamp_ms,
            key=dress.key(number),
            value=bodies[number % len(bodies)],
            headers=dress.headers(number),
        )
        if added is None:
            return number - numbers.start
    return len(numbers)


class Backlog(NamedTuple):
    """A topic that holds `size` requests; request i is answered by `results[i % n]`.

    `replies` are the topics that requests name, if they do.
    """

    topic: str
    size: int
    results: Floats
    decode: Decode = decode_raw
    dress: Dress = _BARE
    replies: Sequence[str] = ()


class BacklogRun(NamedTuple):
    """What was seen of the process, and what its replies say."""

    samples: list[ProcessSample]
    pace: Pace
    account: Account

    @property
    def per_s(self) -> float:
        """Replies a second, see Pace."""
        return self.pace.per_s

    @property
    def cpu_us(self) -> float:
        """Microseconds of CPU a reply, see cpu_us_a_reply()."""
        return cpu_us_a_reply(self.samples)


async def fill(
    ground: Ground, what: str, bodies: list[bytes], count: int, dress: Dress = _BARE
) -> str:
    """Return a new topic with `count` requests in it, see publish()."""
    topic = await ground.topic("requests")
    with ground.bar(f"{what}: requests", count) as told:
        await publish(ground.bootstrap, topic, bodies, count, dress=dress, told=told)
    return topic


async def answer(
    ground: Ground, what: str, backlog: Backlog, contestant: Contestant, *, reads: bool = False
) -> BacklogRun:
    """Let `contestant` answer the whole backlog; raises WorkerFailed when it does not.

    `reads` as for Watch.
    """
    replies = backlog.replies or [await ground.topic("replies")]
    async with Watch(ground.bootstrap, *replies, reads=reads) as watch:
        with (
            contestant(Topics(backlog.topic, replies[0])) as process,
            ground.bar(what, backlog.size) as told,
        ):
            samples = await watch.until(backlog.size, process.pid, told)
    with ground.bar(f"{what}: replies", backlog.size) as told:
        back = await read_back(
            ground.bootstrap,
            *replies,
            sent=backlog.size,
            results=backlog.results,
            decode=backlog.decode,
            ids=backlog.dress.ids,
            told=told,
        )
    await ground.remove(*replies)
    return BacklogRun(samples, back.pace, back.account)
