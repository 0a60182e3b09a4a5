"""Publishes the requests of one class, whole chunks at a time, over a connection of its own.

A chunk becomes one batch for each partition (create_batch, send_batch): a fifth of the CPU that a
send() for each request costs. The connection is its own so that a backlog beside it makes no
urgent request wait.
"""

import asyncio
import time
from functools import partial

import numpy as np
from aiokafka import AIOKafkaProducer
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
        self._partitions = 0
        self.pending = 0
        """Batches that the broker has not acknowledged."""

    async def start(self) -> None:
        """Connect; raises KafkaError of aiokafka."""
        await self._producer.start()
        self._partitions = len(await self._producer.partitions_for(self._stream.topic))

    async def stop(self) -> None:
        """Hang up."""
        await self._producer.stop()

    async def send_at(self, first: int, times_s: Times) -> None:
        """Send request `first` + i at `times_s[i]`, and at once what is already due then."""
        done = 0
        while done < len(times_s):
            await self._clock.reach(float(times_s[done]))
            due = int(np.searchsorted(times_s, self._clock.now_s(), side="right"))
            due = min(max(due, done + 1), done + _CHUNK)
            await self.send(first + done, first + due)
            done = due

    async def send(self, first: int, after: int) -> None:
        """Send the requests from `first` to before `after` now, over all partitions in turn."""
        for offset in range(min(self._partitions, after - first)):
            numbers = np.arange(first + offset, after, self._partitions, dtype=np.int32)
            partition = int(numbers[0]) % self._partitions
            while len(numbers):
                numbers = numbers[await self._send_batch(numbers, partition) :]

    async def _send_batch(self, numbers: Counts, partition: int) -> int:
        """Send as many of `numbers` as fit into a batch; return how many."""
        batch = self._producer.create_batch()
        fitting = self._fill(batch, numbers)
        batch.close()
        sent = numbers[:fitting]
        acknowledged = await self._producer.send_batch(
            batch, self._stream.topic, partition=partition
        )
        self._recorder.hand(sent, self._clock.now_s())
        self.pending += 1
        acknowledged.add_done_callback(partial(self._acknowledged, sent))
        return fitting

    def _fill(self, batch: BatchBuilder, numbers: Counts) -> int:
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

    def _acknowledged(self, numbers: Counts, future: asyncio.Future[object]) -> None:
        self.pending -= 1
        error = None if future.cancelled() else future.exception()
        if future.cancelled() or error is not None:
            self._recorder.fail(numbers, repr(error))
        else:
            self._recorder.acknowledge(numbers, self._clock.now_s())
