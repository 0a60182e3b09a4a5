"""The producer of the moment, and its successor made in the background."""

import asyncio
import time
from collections.abc import Callable

from aiokafka import errors

from config.settings import Kafka
from daemon.kafka import client
from daemon.kafka.reason import reason_of
from daemon.kafka.writing.producer import HeldUp, Producer
from daemon.kafka.writing.transactional_ids import Transactional, TransactionalIds
from daemon.loop.tasks import Tasks
from daemon.loop.trouble import Trouble
from daemon.telemetry.events import Event
from daemon.telemetry.logs import log
from daemon.values.errors import Exit, Fatal

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 2.0
"""Guesses: what a first successor meets may be over at once; what lasts costs a connection every two seconds."""
_START_S = 10.0
"""A producer starts in milliseconds; one that takes longer waits for a broker that is not there."""
_SUBJECT = "producer"
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
        trouble: Trouble,
        tasks: Tasks,
        transactional: TransactionalIds | None = None,
        may_follow: Callable[[], bool] = lambda: True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`reach` reads secrets anew, so that a changed password comes into use; raises Fatal.

        `transactional`: their ids; a successor fences whoever has its id, and so is made only once
        `may_follow`.
        """
        self.replaced: Callable[[Producer, str, bool], bool] | None = None
        """Told of a producer that is used no more, why, and whether another one fenced it; says
        whether it gets a successor."""
        self.transactional = transactional
        self._may_follow = may_follow
        self._kafka = kafka
        self._reach = reach
        self._request_timeout_s = request_timeout_s
        self._trouble = trouble
        self._clock = clock
        self._producer: Producer | None = None
        self._there = asyncio.Event()
        self._pause_s = 0.0
        self._making = Tasks(tasks)
        self._ending = Tasks(tasks)

    async def start(self) -> None:
        """Make the first one; raises Fatal."""
        servers = self._kafka.bootstrap_servers
        deadline_s = self._clock() + self._kafka.start_timeout
        await client.wait_until_reachable(
            self._reach(), self._kafka.start_timeout, clock=self._clock
        )
        while (problem := await self._make()) is not None:
            if (refusal := self._refusal(problem)) is not None:
                raise refusal from problem
            if self._clock() > deadline_s:
                raise Fatal(
                    Exit.BROKER_UNAVAILABLE, f"no producer at {servers}: {reason_of(problem)}"
                ) from problem
            await asyncio.sleep(_FIRST_PAUSE_S)

    @property
    def present(self) -> Producer | None:
        """The producer of the moment, if there is one."""
        return self._producer

    async def current(self) -> Producer:
        """Return the producer of the moment, waiting for one if need be."""
        while self._producer is None:
            await self._there.wait()
        return self._producer

    def replace(
        self,
        broken: Producer,
        reason: str,
        *,
        at_once: bool = False,
        pause: bool = False,
        fenced: bool = False,
    ) -> None:
        """Use `broken` no more.

        `at_once`: not even for what is already on its way with it. `pause`: its successor may fare
        no better, so those that never brought anything follow each other more and more slowly.
        `fenced`: by another producer with its id.
        """
        if broken is not self._producer:
            return
        log(Event.PRODUCER_REBUILT, reason=reason)
        # What is on its way in a transaction counts for nothing once that is in doubt.
        at_once = at_once or self.transactional is not None
        self._producer = None
        self._there.clear()
        if not pause or broken.acknowledged:
            self._pause_s = 0.0
        pause_s = self._pause_s
        if pause:
            self._pause_s = _longer(self._pause_s)
        self._ending.start(
            broken.abandon() if at_once else broken.close(_CLOSE_S), name="end of a producer"
        )
        if self.replaced is None or self.replaced(broken, reason, fenced):
            self._making.start(self._make_another(pause_s), name="next producer")

    async def close(self, timeout_s: float) -> None:
        """Close, giving what is on its way at most `timeout_s`."""
        await self._making.close()
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.close(timeout_s)
        await self._ending.finish(timeout_s)

    async def _make_another(self, pause_s: float) -> None:
        """Make the next one, however long it takes: what stands in its way may pass by itself."""
        await asyncio.sleep(pause_s)
        while not self._may_follow():  # noqa: ASYNC110 -- time alone takes it away, so nothing tells
            await asyncio.sleep(_FIRST_PAUSE_S)
        pause_s = _FIRST_PAUSE_S
        while (problem := await self._make()) is not None:
            refusal = self._refusal(problem)
            if refusal is not None:
                self._trouble.meet(
                    _SUBJECT,
                    str(refusal),
                    f"no producer: {refusal}",
                    exit_code=refusal.exit_code,
                )
            else:
                reason = f"no producer: {reason_of(problem)}"
                self._trouble.meet(_SUBJECT, type(problem), reason)
            await asyncio.sleep(pause_s)
            pause_s = _longer(pause_s)
        self._trouble.end(_SUBJECT)

    def _refusal(self, problem: Exception) -> Fatal | None:
        """Return what `problem` ended a start with; None when it may be a broker that is not there."""
        if isinstance(problem, Fatal):
            return problem
        return client.denied(problem, self._kafka.bootstrap_servers)

    async def _make(self) -> Exception | None:
        """Make the next one; return why there is none."""
        ids = self.transactional
        made = await self._started(None if ids is None else ids.present)
        if isinstance(made, HeldUp) and ids is not None:
            self._making.start(self._free(ids.hold_up(), ids), name="id that is held up")
        if isinstance(made, Exception):
            return made
        self._producer = made
        self._there.set()
        return None

    async def _started(self, transactional: Transactional | None) -> Producer | Exception:
        """Return a producer that is started, or why there is none."""
        try:
            producer = Producer(
                self._reach(),
                request_timeout_s=self._request_timeout_s,
                transactional=transactional,
            )
            async with asyncio.timeout(_START_S):
                await producer.start()
        except (Fatal, HeldUp, errors.KafkaError, TimeoutError, OSError) as error:
            return error
        return producer

    async def _free(self, held_up: Transactional, ids: TransactionalIds) -> None:
        """Give `held_up` back once its last transaction has ended in all its partitions."""
        free: Producer | Exception = HeldUp()
        while isinstance(free, Exception):
            await asyncio.sleep(_LONGEST_PAUSE_S)
            if self._may_follow():
                free = await self._started(held_up)
        ids.free(held_up)
        await free.close(_CLOSE_S)


def _longer(pause_s: float) -> float:
    return min(max(2 * pause_s, _FIRST_PAUSE_S), _LONGEST_PAUSE_S)
