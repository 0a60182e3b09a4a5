"""A small honest client: requests leave when they were meant to, and latency counts from then."""

import asyncio
import math
import time
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import NamedTuple, Self

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from loadtest.check import Checker, IsRight, Verdict, is_result
from loadtest.scenario.rates import Times
from loadtest.wire import CORRELATION_ID, Outgoing, Reply, read_reply

_POLL_MS = 200
# The topic's own limit is the one that counts.
_LARGEST_REQUEST_BYTES = 16 * 2**20
# After the last missing reply one more look shows whether something is answered twice.
_AFTERMATH_S = 0.3


class Exchange(NamedTuple):
    """A request and its first reply; times are time.monotonic() seconds."""

    request: Outgoing
    intended_s: float
    published_s: float
    reply: Reply | None

    @property
    def latency_s(self) -> float:
        """From the time it was meant to be sent until its first reply; raises without one."""
        if self.reply is None:
            raise ValueError(f"{self.request.correlation!r} has no reply")
        return self.reply.received_s - self.intended_s


class Run(NamedTuple):
    """What came of one run, in the order of its requests."""

    exchanges: list[Exchange]
    verdict: Verdict

    def latencies_s(self, topic: str | None = None) -> list[float]:
        """Return the latency of each result, of one request topic or of all."""
        return [
            exchange.latency_s
            for exchange in self.exchanges
            if exchange.reply is not None
            and is_result(exchange.reply)
            and topic in {None, exchange.request.topic}
        ]


class Client:
    """Publishes to any topic and reads every partition of some; an asynchronous context manager.

    It reads from the end of `reply_topics` (dead-letter topics among them) as it was on entering.
    """

    def __init__(self, bootstrap: str, reply_topics: Iterable[str]) -> None:
        self._reply_topics = tuple(reply_topics)
        self._producer = AIOKafkaProducer(
            bootstrap_servers=bootstrap, acks="all", max_request_size=_LARGEST_REQUEST_BYTES
        )
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap, enable_auto_commit=False, fetch_max_wait_ms=_POLL_MS
        )

    async def __aenter__(self) -> Self:
        """Connect, and mark where reading begins."""
        await self._producer.start()
        try:
            await self._consumer.start()
            await self._start_at_the_end()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        await self.close()

    async def close(self) -> None:
        """Send what is buffered and hang up."""
        await self._producer.stop()
        await self._consumer.stop()

    async def run(
        self,
        requests: Sequence[Outgoing],
        times_s: Times,
        *,
        patience_s: float,
        is_right: IsRight = is_result,
        progress: Callable[[int], None] | None = None,
    ) -> Run:
        """Publish each request at its time after now and collect replies until all are answered.

        Args:
            requests: with unique correlation ids.
            times_s: ascending, shape [len(requests)], see loadtest.scenario.arrivals.
            patience_s: give up when, after the last request, no reply came for so long.
            is_right: see loadtest.check.Checker.
            progress: told the number of requests answered so far.

        Raises a KafkaError of aiokafka when a request cannot be published.
        """
        checker = Checker(is_right)
        for request in requests:
            checker.sent(request.correlation)
        first: dict[bytes, Reply] = {}
        began_s = time.monotonic()
        publishing = asyncio.create_task(self._publish(requests, times_s, began_s))
        try:
            await self._collect(publishing, checker, first, patience_s, progress)
        finally:
            publishing.cancel()
        published_s = await publishing
        exchanges = [
            Exchange(request, began_s + float(after_s), sent_s, first.get(request.correlation))
            for request, after_s, sent_s in zip(requests, times_s, published_s, strict=True)
        ]
        return Run(exchanges, checker.verdict())

    async def _start_at_the_end(self) -> None:
        partitions = [
            TopicPartition(topic, number)
            for topic in self._reply_topics
            for number in await self._partitions_of(topic)
        ]
        self._consumer.assign(partitions)
        for partition, end in (await self._consumer.end_offsets(partitions)).items():
            self._consumer.seek(partition, end)

    async def _partitions_of(self, topic: str) -> set[int]:
        found: set[int] = await self._producer.partitions_for(topic)
        return found

    async def _publish(
        self, requests: Sequence[Outgoing], times_s: Times, began_s: float
    ) -> list[float]:
        """Return when each request was handed to the producer."""
        published_s: list[float] = []
        acknowledgements = []
        for request, after_s in zip(requests, times_s, strict=True):
            await _sleep_until(began_s + float(after_s))
            acknowledgements.append(
                await self._producer.send(
                    request.topic,
                    request.body,
                    key=request.key,
                    partition=request.partition,
                    headers=[(CORRELATION_ID, request.correlation), *request.headers],
                )
            )
            published_s.append(time.monotonic())
        await asyncio.gather(*acknowledgements)
        return published_s

    async def _collect(
        self,
        publishing: asyncio.Task[list[float]],
        checker: Checker,
        first: dict[bytes, Reply],
        patience_s: float,
        progress: Callable[[int], None] | None,
    ) -> None:
        heard_s = time.monotonic()
        while not (publishing.done() and self._is_over(checker, heard_s, patience_s)):
            if publishing.done():
                publishing.result()  # what could not be published ends the run here
            replies = await self._poll()
            if replies or not publishing.done():
                heard_s = time.monotonic()
            checker.received(replies)
            for reply in replies:
                if reply.correlation is not None:
                    first.setdefault(reply.correlation, reply)
            if progress:
                progress(len(first))

    @staticmethod
    def _is_over(checker: Checker, heard_s: float, patience_s: float) -> bool:
        quiet_s = time.monotonic() - heard_s
        return quiet_s > (patience_s if checker.open else _AFTERMATH_S)

    async def _poll(self) -> list[Reply]:
        fetched = await self._consumer.getmany(timeout_ms=_POLL_MS)
        now_s = time.monotonic()
        return [
            read_reply(record.headers, record.value, now_s)
            for records in fetched.values()
            for record in records
        ]


async def _sleep_until(due_s: float) -> None:
    """Return at or shortly after `due_s`, never before: an early request would flatter its latency.

    uvloop's timers count whole milliseconds, and may fire one early.
    """
    while (early_s := due_s - time.monotonic()) > 0:  # noqa: ASYNC110 - only the clock ends it
        await asyncio.sleep(math.ceil(early_s * 1000) / 1000)
