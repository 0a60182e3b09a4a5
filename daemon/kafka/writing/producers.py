"""The producer of the moment, and its successor made in the background."""

import asyncio
import time
from collections.abc import Callable, Coroutine

from aiokafka import errors

from config.settings import Kafka
from daemon.kafka import client
from daemon.kafka.writing.producer import Producer
from daemon.telemetry.events import Event
from daemon.telemetry.logs import log
from daemon.values.errors import Exit, Fatal

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 2.0
_START_S = 10.0
"""A producer starts in milliseconds; one that takes longer waits for a broker that is not there."""
_CLOSE_S = 5.0
"""How long what is on its way with a replaced producer may still arrive."""


class Producers:
    """Hands out a producer that works, for as long as there is one."""

    def __init__(
        self,
        kafka: Kafka,
        reach: Callable[[], client.Options],
        *,
        request_timeout_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`reach` reads secrets anew, so that a changed password comes into use."""
        self._kafka = kafka
        self._reach = reach
        self._request_timeout_s = request_timeout_s
        self._clock = clock
        self._producer: Producer | None = None
        self._there = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Make the first one; raises Fatal."""
        servers, deadline_s = (
            self._kafka.bootstrap_servers,
            self._clock() + self._kafka.start_timeout,
        )
        await client.wait_until_reachable(
            self._reach(), self._kafka.start_timeout, clock=self._clock
        )
        while (problem := await self._make()) is not None:
            client.raise_if_denied(problem, servers)
            if self._clock() > deadline_s:
                raise Fatal(
                    Exit.BROKER_UNAVAILABLE, f"no producer at {servers}: {problem}"
                ) from problem
            await asyncio.sleep(_FIRST_PAUSE_S)

    async def current(self) -> Producer:
        """Return the producer of the moment, waiting for one if need be."""
        while self._producer is None:
            await self._there.wait()
        return self._producer

    def replace(self, broken: Producer, reason: str, *, at_once: bool) -> None:
        """Use `broken` no more; `at_once`: not even for what is already on its way with it."""
        if broken is not self._producer:
            return
        log(Event.PRODUCER_REBUILT, reason=reason)
        self._producer = None
        self._there.clear()
        self._spawn(broken.abandon() if at_once else broken.close(_CLOSE_S))
        self._spawn(self._make_another())

    async def close(self, timeout_s: float) -> None:
        """Close, giving what is on its way at most `timeout_s`."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.close(timeout_s)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _make_another(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while await self._make() is not None:
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    async def _make(self) -> Exception | None:
        """Start a producer; return why there is none."""
        producer = Producer(self._reach(), request_timeout_s=self._request_timeout_s)
        try:
            async with asyncio.timeout(_START_S):
                await producer.start()
        except (errors.KafkaError, TimeoutError, OSError) as error:
            return error
        self._producer = producer
        self._there.set()
        return None

    def _spawn(self, coroutine: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
