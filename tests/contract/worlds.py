"""Both ends of the line, as fakes and on a real Kafka, behind the same few words."""

import asyncio
import contextlib
import time
from pathlib import Path
from types import MappingProxyType

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, errors
from aiokafka.admin import RecordsToDelete
from aiokafka.structs import TopicPartition

from config.settings import Settings
from daemon.kafka.delivery import kafka_delivery
from daemon.kafka.group.committed import CommittedOffsets
from daemon.kafka.source import KafkaSource
from daemon.kafka.writing.sink import KafkaSink
from daemon.loop.tasks import Tasks
from tests import raw_batches
from tests.fakes import FakeDelivery, FakeSink, FakeSource, drained
from tests.ledgers import make_lane

PATIENCE_S = 20.0
"""How long a test waits for what must come; the machine may be busy."""


def settings_for(bootstrap, topics, *, limits=None, **kafka):
    """Settings of a worker with one lane; sessions of 2 s."""
    return Settings(
        kafka={
            "bootstrap_servers": bootstrap,
            "group": topics.group,
            "session_timeout": "2s",
            "heartbeat_interval": "200ms",
            "rebalance_timeout": "6s",
            "start_timeout": "20s",
            **kafka,
        },
        models={"m": {"path": "model.onnx"}},
        lanes={"l": {"topics": [f"{topics.prefix}requests"], "models": ["m"]}},
        replies={"topic": f"{topics.prefix}replies"},
        dead_letters={"topic": f"{topics.prefix}dead"},
        limits=limits or {"revoke": "2s"},
    )


EXACTLY_ONCE = {"delivery": "exactly-once"}


class Tally:
    """Counts for a test."""

    def __init__(self):
        self.rebalances = self.replays = self.losses = self.crashes = 0

    def rebalance(self):
        self.rebalances += 1

    def replayed(self, count):
        self.replays += count

    def lost(self, count):
        self.losses += count

    def crashed(self, count):
        self.crashes += count


class Workers:
    """Sources on one Kafka, left when the test ends."""

    def __init__(self, bootstrap, topics):
        self.bootstrap = bootstrap
        self.topics = topics
        self._stack = contextlib.AsyncExitStack()
        self.producer = None

    async def __aenter__(self):
        self.producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap)
        await self._stack.enter_async_context(self.producer)
        return self

    async def __aexit__(self, *_):
        await self._stack.aclose()

    def make(self, names=("requests",), *, drain=None, tally=None, limits=None, **kafka):
        """A source that `begin` starts; `drained` has what its drain was called with.

        `names` are its lanes: each that of a topic without its prefix, or the topics it has.
        """
        settings = settings_for(self.bootstrap, self.topics, limits=limits, **kafka)
        drained = []

        async def note(ledgers):
            drained.append(list(ledgers))
            if drain is not None:
                await drain(ledgers)

        lanes = [self._lane(name) for name in names]
        source = KafkaSource(settings, lanes, metrics=tally or Tally(), tasks=Tasks())
        source.begin, source.drained = lambda: source.start(note), drained
        return source

    def _lane(self, name):
        if isinstance(name, str):
            return make_lane(self.topics.prefix + name)
        return make_lane(topics=name)

    async def start(self, *args, **kafka):
        """A started source whose partitions are open."""
        source = self.make(*args, **kafka)
        await source.begin()
        self._stack.push_async_callback(source.leave)
        return source

    async def produce(self, topic, partition, *values, headers=None, timestamp_ms=None):
        for value in values:
            await self.producer.send_and_wait(
                topic,
                value,
                key=b"k",
                partition=partition,
                headers=headers or [],
                timestamp_ms=timestamp_ms,
            )

    async def committed(self, topic, partition):
        offsets = await self.topics.admin.list_consumer_group_offsets(
            self.topics.group, partitions=[TopicPartition(topic, partition)]
        )
        offset = offsets[TopicPartition(topic, partition)].offset if offsets else -1
        return None if offset < 0 else offset


async def gather(source, topics, count, *, settle=True, max_records=1_000):
    """Fetch until `count` records have come; return the chunks."""
    chunks, records = [], 0
    async with asyncio.timeout(PATIENCE_S):
        while records < count:
            for chunk in await source.fetch(topics, max_records=max_records, timeout_s=0.2):
                chunks.append(chunk)
                records += len(chunk.records) + len(chunk.unreadable)
                if settle:
                    chunk.ledger.settle(offsets_of(chunk))
    return chunks


async def leave_tidily(source):
    """Leave as a worker does that was told to stop: nobody suspects what it had in flight."""
    source.release()
    await source.commit()
    await source.leave()


def offsets_of(chunk):
    """All offsets of a chunk, in order."""
    return sorted([r.offset for r in chunk.records] + [u.offset for u in chunk.unreadable])


def values_of(chunks):
    """The values of all records, in the order they came."""
    return [record.value for chunk in chunks for record in chunk.records]


async def until(condition, patience_s=PATIENCE_S):
    """Wait until `condition()` holds."""
    async with asyncio.timeout(patience_s):
        while not condition():  # noqa: ASYNC110 - what is waited for is outside of this process
            await asyncio.sleep(0.01)


class FakeWorld:
    """One topic of requests with two partitions, in memory."""

    requests, replies = "requests", "replies"

    @contextlib.asynccontextmanager
    async def delivering(self, source):
        """A delivery that commits by `source`, and publishes to `replies`."""
        yield FakeDelivery(FakeSink({self.replies: 1}), source)

    async def produce(self, partition, *values, timestamp_ms=0):
        self.source.push(self.requests, partition, *values, timestamp=timestamp_ms)

    async def produce_unreadable_between(self, partition, first, last):
        self.source.push(self.requests, partition, first)
        self.source.push_unreadable(self.requests, partition)
        self.source.push(self.requests, partition, last)

    async def start(self, *, drain=None, **options):
        log = self.source.log if hasattr(self, "source") else None
        before = self.source if log else None
        self.source = FakeSource(**options)
        if before is not None:
            self.source.log, self.source.committed = before.log, before.committed
            self.source.notes, self.source.opened = before.notes, before.opened
        await self.source.start(drain or drained)
        self.source.assign((self.requests, 0), (self.requests, 1))
        return self.source

    async def produce_and_cut(self, source, partition, *values, before):
        await self.produce(partition, *values)
        self.source.cut(self.requests, partition, before)

    async def take_away(self, source):
        await source.revoke((self.requests, 0), (self.requests, 1))

    async def restart(self, source):
        await leave_tidily(source)
        return await self.start()

    async def committed(self, partition):
        return self.source.committed.get((self.requests, partition), 0)


class KafkaWorld:
    """The same on a real Kafka."""

    _kafka = MappingProxyType({})

    @contextlib.asynccontextmanager
    async def delivering(self, source):
        names = await self._workers.topics(replies=1, dead=1)
        self.replies = names.replies
        async with started_delivery(
            self._workers.bootstrap, self._workers.topics, source, **self._kafka
        ) as delivery:
            yield delivery

    def __init__(self, workers, requests):
        self._workers = workers
        self.requests = requests

    async def produce(self, partition, *values, timestamp_ms=None):
        await self._workers.produce(self.requests, partition, *values, timestamp_ms=timestamp_ms)

    async def produce_unreadable_between(self, partition, first, last):
        raw = raw_batches.bad_header_between(first, b"bad", last)
        await raw_batches.publish(self._workers.bootstrap, self.requests, partition, raw)

    async def start(self, *, drain=None, **kafka):
        return await self._workers.start(drain=drain, **self._kafka, **kafka)

    async def produce_and_cut(self, source, partition, *values, before):
        """Produce `values`, of which `source` fetches nothing until what is below `before` is gone."""
        client, place = source._consumer._client, TopicPartition(self.requests, partition)
        client.pause(place)
        await self.produce(partition, *values)
        await self._workers.topics.admin.delete_records({place: RecordsToDelete(before)})
        under_way = set(client._fetcher._pending_tasks)
        await until(lambda: all(task.done() for task in under_way))
        await source.fetch(
            [self.requests], max_records=1_000, timeout_s=0
        )  # drops what is buffered
        client.resume(place)

    async def take_away(self, source):
        """Another member joins; half of the partitions come back in a new generation."""
        await self._workers.start()

    async def restart(self, source):
        await leave_tidily(source)
        return await self._workers.start()

    async def committed(self, partition):
        return await self._workers.committed(self.requests, partition) or 0


class ExactlyOnceWorld(KafkaWorld):
    """The same, answers and commits in transactions."""

    _kafka = EXACTLY_ONCE

    async def start(self, **options):
        self._source = await super().start(**options)
        return self._source

    async def committed(self, partition):
        """What is committed once all transactions are decided; the admin client does not wait."""
        group = CommittedOffsets(self._source._consumer, self._workers.topics.group)
        place = TopicPartition(self.requests, partition)
        async with asyncio.timeout(PATIENCE_S):
            while True:
                with contextlib.suppress(errors.KafkaError):
                    return (await group.commits([place]))[place].offset
                await asyncio.sleep(0.01)


SMALL_BYTES = 50_000
"""What the topic `small` takes in one batch."""
TINY_BYTES = 600
"""What the topic `tiny` takes."""


class FakeDeliveries:
    """A delivery with a topic of two partitions, and some that do not take everything."""

    replies, small, tiny, keyed = "replies", "small", "tiny", "keyed"

    def __init__(self):
        self.sink = FakeSink({self.replies: 2, self.small: 1, self.tiny: 1, self.keyed: 1})
        self.delivery = FakeDelivery(self.sink, FakeSource())

    def limit_bytes(self):
        self.sink.largest_bytes |= {self.small: SMALL_BYTES, self.tiny: TINY_BYTES}

    def require_keys(self):
        self.sink.keyed.add(self.keyed)

    async def published(self, count, topic=None):
        return self.sink.sent_to(topic or self.replies)


class KafkaDeliveries:
    """The same on a real Kafka."""

    def __init__(self, bootstrap, names, delivery):
        self._bootstrap = bootstrap
        self.replies, self.small, self.delivery = names.replies, names.small, delivery
        self.tiny, self.keyed = names.tiny, names.keyed

    def limit_bytes(self):
        pass  # the topics have their limits

    def require_keys(self):
        pass  # the topic is compacted

    async def published(self, count, topic=None):
        return await read(self._bootstrap, topic or self.replies, count)


async def read(bootstrap, topic, count):
    """The first `count` records of a topic, in the order of each partition."""
    records = []
    async with AIOKafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    ) as consumer:
        async with asyncio.timeout(PATIENCE_S):
            while len(records) < count:
                for some in (await consumer.getmany(timeout_ms=100)).values():
                    records.extend(some)
    return records


@contextlib.asynccontextmanager
async def started_sink(bootstrap, topics, *, limits=None, wall=time.time, **kafka):
    """A sink that is closed in the end; nothing it did in the background failed."""
    tasks = Tasks()
    sink = KafkaSink(
        settings_for(bootstrap, topics, limits=limits, **kafka), tasks=tasks, wall=wall
    )
    await sink.start()
    try:
        yield sink
    finally:
        await sink.close()


@contextlib.asynccontextmanager
async def started_delivery(bootstrap, topics, source=None, **kafka):
    """A delivery that is closed in the end; it commits by `source`."""
    delivery = kafka_delivery(
        settings_for(bootstrap, topics, **kafka), source, tasks=Tasks(), base=Path()
    )
    await delivery.start()
    try:
        yield delivery
    finally:
        await delivery.close()
