"""One daemon that is sent all bad input, good requests between, and what came of each record."""

import asyncio
import contextlib
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.structs import TopicPartition

from loadtest.processes.metrics import Metrics
from loadtest.processes.worker import Worker
from tests.acceptance import bad_models, kafka_input
from tests.acceptance.bad_models import LANES
from tests.acceptance.bad_records import End, Position, Sender, Sent, collect
from tests.acceptance.kafka_input import RawBatch
from tests.bad_input import BAD_INPUT

TABLE = [*BAD_INPUT, *kafka_input.RECORDS]
_READY_S = 60
_COMMIT_S = 5.0
"""How long commits may take to get to the end once everything is answered."""
_POLL_S = 0.25


class Story(NamedTuple):
    """What was sent and what came of it.

    `ends` are by the position of the record that they answer; `behind`: how far the group's commits
    were behind the ends of the logs when all was quiet; `strangers`: topics that nobody made. For
    the others see Sender.
    """

    prefix: str
    bad: Mapping[str, Sent]
    neighbours: Mapping[str, list[Sent]]
    unreadable: Mapping[str, list[Position]]
    ends: Mapping[Position, list[End]]
    behind: int
    strangers: set[str]
    livez: int
    metrics: Metrics
    exit_code: int
    log: str

    def only_end(self, position: Position) -> End:
        """What a record ended with; nothing may end twice."""
        ends = self.ends.get(position, [])
        assert len(ends) == 1, f"{position} has {len(ends)} ends"
        return ends[0]


def tell_of_input(bootstrap: str, folder: Path) -> Story:
    """Send the daemon everything that Kafka takes."""
    return asyncio.run(_tell_of_input(bootstrap, folder))


def tell_of_damage(
    bootstrap: str, folder: Path, batches: list[RawBatch], damage: Callable[[], None]
) -> Story:
    """Start the daemon on a log in which `damage` was done to `batches`."""
    return asyncio.run(_tell_of_damage(bootstrap, folder, batches, damage))


async def _tell_of_input(bootstrap, folder):
    async with _stage(bootstrap, folder) as (prefix, worker), Sender(bootstrap, prefix) as sender:
        worker.start()
        await asyncio.to_thread(worker.wait_until_ready, _READY_S)
        for lane in LANES:
            await sender.send_records(lane, [row for row in TABLE if row.lane == lane])
        await sender.send_batches(kafka_input.RAW_BATCHES)
        return await _end_of(bootstrap, prefix, worker, sender)


async def _tell_of_damage(bootstrap, folder, batches, damage):
    async with _stage(bootstrap, folder) as (prefix, worker), Sender(bootstrap, prefix) as sender:
        await sender.send_batches(batches)
        damage()
        worker.start()
        await asyncio.to_thread(worker.wait_until_ready, _READY_S)
        return await _end_of(bootstrap, prefix, worker, sender)


async def _end_of(bootstrap, prefix, worker, sender):
    topics = [f"{prefix}{name}" for name in ("replies", "replies.small", "dead")]
    ends = await collect(bootstrap, topics, sender.positions)
    behind = await _behind(bootstrap, prefix)
    livez, _ = worker.get("/livez")
    metrics = worker.metrics()
    exit_code = await asyncio.to_thread(worker.terminate, _READY_S)
    return Story(
        prefix,
        sender.bad,
        sender.neighbours,
        sender.unreadable,
        ends,
        behind,
        await _strangers(bootstrap, prefix),
        livez,
        metrics,
        exit_code,
        worker.log.read_text(),
    )


@contextlib.asynccontextmanager
async def _stage(bootstrap, folder):
    """A worker that is not started yet, and its topics."""
    prefix = f"t{secrets.token_hex(4)}."
    topics = _topics(prefix)
    worker = Worker(bad_models.write(folder, bootstrap, prefix))
    async with _admin(bootstrap) as admin:
        answer = await admin.create_topics(topics)
        assert all(error[1] == 0 for error in answer.topic_errors), answer
        try:
            yield prefix, worker
        finally:
            worker.close()
            await admin.delete_topics([topic.name for topic in topics])


def _topics(prefix):
    topics = [NewTopic(f"{prefix}{lane}", 2, 1) for lane in LANES]
    return [
        *topics,
        NewTopic(f"{prefix}replies", 3, 1),
        _limited(f"{prefix}replies.small", kafka_input.SMALL_BYTES),
        _limited(f"{prefix}dead", kafka_input.DEAD_BYTES),
    ]


async def _strangers(bootstrap, prefix):
    async with _admin(bootstrap) as admin:
        found = await admin.list_topics()
    return {name for name in found if name.startswith(prefix)} - {
        topic.name for topic in _topics(prefix)
    }


def _limited(name, most_bytes):
    return NewTopic(name, 1, 1, topic_configs={"max.message.bytes": str(most_bytes)})


@contextlib.asynccontextmanager
async def _admin(bootstrap):
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


async def _behind(bootstrap, prefix):
    partitions = [TopicPartition(f"{prefix}{lane}", number) for lane in LANES for number in (0, 1)]
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap) as consumer:
        ends = await consumer.end_offsets(partitions)
    behind = sum(ends.values())
    async with _admin(bootstrap) as admin:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_COMMIT_S):
                while behind:
                    offsets = await admin.list_consumer_group_offsets(
                        f"{prefix}group", partitions=partitions
                    )
                    behind = sum(end - max(offsets[each].offset, 0) for each, end in ends.items())
                    await asyncio.sleep(_POLL_S)
    return behind
