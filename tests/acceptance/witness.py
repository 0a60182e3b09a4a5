"""An independent witness: publishes numbered requests and reads the whole log of their replies."""

import asyncio
import itertools
import time
from contextlib import asynccontextmanager
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from loadtest.wire import CORRELATION_ID
from tests.checker import Checker, Reply, read_reply

PATIENCE_S = 30.0
"""How long may pass without any new reply; the machine may be busy."""
_AFTERMATH_S = 0.3
"""After the last missing reply one more look shows what is answered twice."""
_STEP_S = 0.01


class Entry(NamedTuple):
    """One record of a reply or dead-letter topic; `request` is the (partition, offset) it answers."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    request: tuple[int, int]
    reply: Reply


def entry_of(partition, record):
    """What a record of a reply or dead-letter topic says."""
    reply = read_reply(record.headers, record.value, time.monotonic())
    _, number, offset = reply.request_id.rsplit("/", 2)
    request = (int(number), int(offset))
    return Entry(*partition, record.offset, record.timestamp, request, reply)


class Witness:
    """Its requests have unique correlation ids; `answer` tells the right replies to a body.

    It reads what was committed, as every reader of answers that are given exactly once has to.
    """

    def __init__(self, bootstrap, requests, replies, *, answer):
        self._requests = requests
        self._answer = answer
        self._producer = AIOKafkaProducer(
            bootstrap_servers=bootstrap,
            acks="all",
            enable_idempotence=True,  # else a broker's restart could make two requests of one
            max_request_size=2**24,
            request_timeout_ms=300_000,  # what a broker is away for is a test's own choice
        )
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap,
            enable_auto_commit=False,
            fetch_max_wait_ms=100,
            isolation_level="read_committed",
        )
        self._reply_topics = replies
        self._numbers = itertools.count()
        self._bodies = {}
        self._reading = None
        self._came = asyncio.Event()
        self.log = []
        """All entries, those of one partition in their order."""
        self.answered = set()
        """Correlation ids with a reply."""

    async def __aenter__(self):
        await self._producer.start()
        await self._consumer.start()
        partitions = [
            TopicPartition(topic, number)
            for topic in self._reply_topics
            for number in await self._producer.partitions_for(topic)
        ]
        self._consumer.assign(partitions)
        await self._consumer.seek_to_beginning(*partitions)
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_):
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        await self._consumer.stop()
        await self._producer.stop()

    # Requests

    async def publish(self, bodies, *, topic=None, partition=None, headers=(), age_s=0.0):
        """Publish requests as fast as the broker takes them; return their correlation ids.

        Those of an age have waited for so long, by their timestamp.
        """
        to = {"topic": topic, "partition": partition, "headers": headers, "age_s": age_s}
        sent = [await self._send(body, **to) for body in bodies]
        await asyncio.gather(*[acknowledgement for _, acknowledgement in sent])
        return [correlation for correlation, _ in sent]

    async def look_for_partitions(self):
        """Notice partitions that were added to the topic of requests."""
        await self._producer.client.force_metadata_update()

    def expect(self, body):
        """Return the correlation id for a request that somebody else publishes."""
        correlation = b"%d" % next(self._numbers)
        self._bodies[correlation] = body
        return correlation

    async def _send(self, body, *, topic, partition, headers, age_s):
        correlation = self.expect(body)
        acknowledgement = await self._producer.send(
            topic or self._requests,
            body,
            partition=partition,
            timestamp_ms=int((time.time() - age_s) * 1000) if age_s else None,
            headers=[(CORRELATION_ID, correlation), *headers],
        )
        return correlation, acknowledgement

    @asynccontextmanager
    async def load(self, rate_per_s, body):
        """Publish `body(number)` for 0, 1, 2, ... at a steady rate for as long as the context lasts."""
        stop = asyncio.Event()
        task = asyncio.create_task(self._keep_publishing(rate_per_s, body, stop))
        try:
            yield
        finally:
            stop.set()
            await task

    async def _keep_publishing(self, rate_per_s, body, stop):
        began_s, published = time.monotonic(), 0
        while not stop.is_set():
            due = int((time.monotonic() - began_s) * rate_per_s)
            await self.publish([body(number) for number in range(published, due)])
            published = max(due, published)
            await asyncio.sleep(_STEP_S)

    # Replies

    async def start_over(self, topic):
        """Read `topic`, which was made anew, from its start."""
        partitions = [each for each in self._consumer.assignment() if each.topic == topic]
        await self._consumer.seek_to_beginning(*partitions)

    async def _read(self):
        while True:
            for partition, records in (await self._consumer.getmany(timeout_ms=100)).items():
                self.log += [entry_of(partition, record) for record in records]
                self.answered.update(entry.reply.correlation for entry in self.log[-len(records) :])
            self._came.set()

    async def until_answered(self, count):
        """Return when at least `count` requests are answered."""
        while len(self.answered) < count:
            await self._more(PATIENCE_S)

    async def until(self, correlation):
        """Return when the request is answered."""
        while correlation not in self.answered:
            await self._more(PATIENCE_S)

    async def until_all_answered(self, patience_s=PATIENCE_S):
        """Return when every request is answered, or nothing more came for so long."""
        try:
            while self.unanswered:
                await self._more(patience_s)
        except TimeoutError:
            return
        await asyncio.sleep(_AFTERMATH_S)

    async def _more(self, patience_s):
        """Wait for new entries; raises TimeoutError when there are none for `patience_s`."""
        before = len(self.log)
        async with asyncio.timeout(patience_s):
            while len(self.log) == before:
                self._came.clear()
                await self._came.wait()

    async def ends(self):
        """Where the logs of replies end at this moment, by topic and partition."""
        return await self._consumer.end_offsets(self._consumer.assignment())

    async def catch_up(self):
        """Return when everything that is in the logs at this moment is in `log`."""
        ends = await self.ends()
        async with asyncio.timeout(PATIENCE_S):
            for partition, end in ends.items():
                while await self._consumer.position(partition) < end:
                    self._came.clear()
                    await self._came.wait()

    @property
    def published(self):
        """The correlation ids of all requests so far."""
        return set(self._bodies)

    @property
    def unanswered(self):
        """The correlation ids that have no reply so far."""
        return self._bodies.keys() - self.answered

    def answered_offsets(self):
        """The offsets of requests that have a reply, as often as they have one, by partition."""
        found = {}
        for entry in self.log:
            number, offset = entry.request
            found.setdefault(number, []).append(offset)
        return {number: sorted(offsets) for number, offsets in found.items()}

    def body_of(self, entry):
        """What was asked."""
        return self._bodies[entry.reply.correlation]

    def verdict(self, log=None):
        """What became of every request, from its own log or another reader's."""
        checker = Checker(self._is_right)
        for correlation in self._bodies:
            checker.sent(correlation)
        checker.received(entry.reply for entry in (self.log if log is None else log))
        return checker.verdict()

    def _is_right(self, reply):
        right = self._answer(self._bodies[reply.correlation])
        return reply.body in right if isinstance(right, tuple) else reply.body == right
