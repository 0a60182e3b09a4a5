"""Publishes the requests of one class, whole batches at a time, over a connection of its own.

What is due for a partition while its last batch is under way becomes its next one (create_batch,
send_batch): a fifth of the CPU that a send() for each request costs, and nobody waits for two round
trips to the broker, however slow it is. The connection is its own so that a backlog beside it makes
no urgent request wait.
"""

import asyncio
import time
from collections import deque

import numpy as np
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, KafkaTimeoutError
from aiokafka.producer.message_accumulator import BatchBuilder

from loadtest.plan.plan import Stream
from loadtest.scenario.rates import Times
from loadtest.traffic.clock import Clock
from loadtest.traffic.login import Options
from loadtest.traffic.recorder import Recorder
from loadtest.traffic.records import Counts
from loadtest.wire import CORRELATION_ID

# So that neither a backlog nor a catch-up keeps the event loop from everything else: 2 ms.
_CHUNK = 1000
# Kafka takes 1 MiB by default; a larger single request makes a batch of its own.
_BATCH_BYTES = 900 * 1024
_ACKNOWLEDGE_MS = 20_000
"""A guess: half the client's own, so that a run ends with a reason while one still looks."""


class Sender:
    """Sends requests of one stream to its topic.

    Sending raises KafkaTimeoutError of aiokafka when the broker takes nothing any more.
    """

    def __init__(self, broker: Options, stream: Stream, recorder: Recorder, clock: Clock) -> None:
        self._producer = AIOKafkaProducer(
            # A retry of the producer's own must not look like a request answered twice.
            enable_idempotence=True,
            max_batch_size=_BATCH_BYTES,
            request_timeout_ms=_ACKNOWLEDGE_MS,
            **broker,
        )
        self._stream = stream
        self._recorder = recorder
        self._clock = clock
        self._waiting: list[deque[Counts]] = []
        """By partition: requests that are due and in no batch yet."""
        self._publishing: dict[int, asyncio.Task[None]] = {}

    @property
    def is_idle(self) -> bool:
        """Whether the broker has, or has refused, everything that was sent."""
        return not self._publishing

    async def start(self) -> None:
        """Connect; raises KafkaError of aiokafka."""
        await self._producer.start()
        partitions = await self._producer.partitions_for(self._stream.topic)
        self._waiting = [deque() for _ in partitions]

    async def stop(self) -> None:
        """Hang up; what waits is not sent any more."""
        for task in [*self._publishing.values()]:
            task.cancel()
        await asyncio.gather(*self._publishing.values(), return_exceptions=True)
        await self._producer.stop()

    async def send_at(self, first: int, times_s: Times) -> None:
        """Send request `first` + i at `times_s[i]`, and at once what is already due then.

        Returns when the broker has all of them.
        """
        done = 0
        while done < len(times_s):
            await self._clock.reach(float(times_s[done]))
            due = int(np.searchsorted(times_s, self._clock.now_s(), side="right"))
            due = min(max(due, done + 1), done + _CHUNK)
            self.send(first + done, first + due)
            done = due
            await asyncio.sleep(0)
        await asyncio.gather(*self._publishing.values())

    def send(self, first: int, after: int) -> None:
        """Send the requests from `first` to before `after` now, over all partitions in turn."""
        self._recorder.hand(slice(first, after), self._clock.now_s())
        partitions = len(self._waiting)
        for offset in range(min(partitions, after - first)):
            numbers = np.arange(first + offset, after, partitions, dtype=np.int32)
            partition = int(numbers[0]) % partitions
            self._waiting[partition].append(numbers)
            publishing = self._publishing.get(partition)
            if publishing is None:
                self._publishing[partition] = asyncio.create_task(self._publish(partition))
            elif publishing.done():
                publishing.result()  # what broke it ends the run

    async def _publish(self, partition: int) -> None:
        """Send what waits for a partition, one batch at a time, until nothing waits."""
        waiting, most = self._waiting[partition], max(_CHUNK // len(self._waiting), 1)
        while waiting:
            numbers = _taken(waiting, most)
            batch = self._producer.create_batch()
            fitting = self._fill(batch, numbers)
            batch.close()
            if fitting < len(numbers):
                waiting.appendleft(numbers[fitting:])
            await self._send_batch(batch, numbers[:fitting], partition)
        del self._publishing[partition]

    async def _send_batch(self, batch: BatchBuilder, numbers: Counts, partition: int) -> None:
        """Return when the broker has the batch, or has refused it.

        Raises KafkaTimeoutError when it takes nothing and more waits for it.
        """
        try:
            await (await self._producer.send_batch(batch, self._stream.topic, partition=partition))
        except KafkaError as error:
            self._recorder.fail(numbers, repr(error))
            if isinstance(error, KafkaTimeoutError) and self._waiting[partition]:
                raise
        else:
            self._recorder.acknowledge(numbers, self._clock.now_s())

    def _fill(self, batch: BatchBuilder, numbers: Counts) -> int:
        """Return how many of `numbers` fit into the batch."""
        timestamp_ms = int(time.time() * 1000)
        stock, headers = self._stream.stock, self._stream.headers
        choices = self._recorder.choices_of(numbers).tolist()
        bad = self._recorder.bad_of(numbers).tolist()
        for index, number in enumerate(numbers.tolist()):
            choice = choices[index]
            value = stock.values[choice]
            added = batch.append(
                timestamp=timestamp_ms,
                key=None,
                value=value[:-1] if bad[index] else value,
                headers=[
                    (CORRELATION_ID, self._recorder.correlation(number)),
                    *stock.headers[choice],
                    *headers,
                ],
            )
            if added is None:
                return index
        return len(numbers)


def _taken(waiting: deque[Counts], most: int) -> Counts:
    """Take at most so many of what waits, in its order."""
    taken = [waiting.popleft()]
    count = len(taken[0])
    while waiting and count < most:
        taken.append(waiting.popleft())
        count += len(taken[-1])
    numbers: Counts = np.concatenate(taken)
    if count > most:
        waiting.appendleft(numbers[most:])
    return numbers[:most]
