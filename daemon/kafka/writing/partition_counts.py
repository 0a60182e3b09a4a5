"""How many partitions reply topics have, remembered for a while, absence too.

Requests name reply topics, so what is remembered is bounded, and asking for one that does not
exist costs nobody else anything.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from aiokafka import errors

from daemon.loop.tasks import Tasks

_COUNTED_S = 0.1
"""How long an added partition may go unnoticed. Who asks (line/outbox.py) remembers counts, and asks
anew where a partition is named that was not there; whoever names such ones costs ten requests a second."""
_ABSENT_S = 5.0
"""How long an absent topic stays absent: somebody may be creating it."""
_MOST_TOPICS = 1_000
"""A guess: many times the reply topics there are, unless requests make names up; those push out the oldest."""


class _Answer(NamedTuple):
    partitions: int | errors.KafkaError | None
    until_s: float


class PartitionCounts:
    """Partition counts by topic."""

    def __init__(
        self,
        ask: Callable[[str], Awaitable[int | None]],
        *,
        tasks: Tasks,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`ask` raises errors.KafkaError or TimeoutError when nobody answers."""
        self._ask = ask
        self._tasks = tasks
        self._clock = clock
        self._answers: dict[str, _Answer] = {}
        self._asking: dict[str, asyncio.Task[int | Exception | None]] = {}

    async def count(self, topic: str) -> int | None:
        """Return the partitions of `topic`, None when there is no such topic.

        Raises: errors.KafkaError, TimeoutError; TopicAuthorizationFailedError is remembered too.
        """
        known = self._answers.get(topic)
        if known is not None and self._clock() < known.until_s:
            return _count(known.partitions)
        asking = self._asking.get(topic)
        if asking is None:
            asking = self._tasks.start(self._look_up(topic), name=f"partitions of {topic}")
            self._asking[topic] = asking
            asking.add_done_callback(lambda _: self._asking.pop(topic))
        return _count(await asyncio.shield(asking))  # others may wait for it too

    def forget(self, topic: str) -> None:
        """Ask anew: what is known of `topic` turned out wrong."""
        self._answers.pop(topic, None)

    async def _look_up(self, topic: str) -> int | Exception | None:
        """Return the count, or why nobody says."""
        count: int | errors.KafkaError | None
        try:
            count = await self._ask(topic)
        except errors.TopicAuthorizationFailedError as error:
            count = error
        except (errors.KafkaError, TimeoutError) as error:
            return error
        age_s = _COUNTED_S if isinstance(count, int) else _ABSENT_S
        if len(self._answers) >= _MOST_TOPICS:
            del self._answers[next(iter(self._answers))]
        self._answers[topic] = _Answer(count, self._clock() + age_s)
        return count


def _count(answer: int | Exception | None) -> int | None:
    if isinstance(answer, Exception):
        raise answer
    return answer
