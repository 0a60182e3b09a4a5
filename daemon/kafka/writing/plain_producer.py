"""A producer without idempotence, connected for as long as somebody sends by hand."""

import asyncio
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from aiokafka import AIOKafkaProducer

from config.settings import Kafka
from daemon.kafka import client, guards
from daemon.kafka.connecting import check_topics

_CLOSE_S = 5.0
"""As the daemon's own producer has it (daemon/kafka/writing/producers.py)."""


class PlainProducer:
    """What is sent is acknowledged by all replicas in sync; an async context manager.

    Without idempotence: it is for those whose repeats do no harm.
    """

    def __init__(
        self,
        kafka: Kafka,
        topics: Collection[str],
        *,
        base: Path,
        to: Literal["write"] | None = None,
        **options: int,
    ) -> None:
        """`topics` must exist, and for `to` take what this client writes; `options` are the client's."""
        self._kafka = kafka
        self._topics = topics
        self._to = to
        self._reach = client.options(kafka, base=base)
        self._producer = AIOKafkaProducer(**self._reach, acks="all", **options)

    async def __aenter__(self) -> Self:
        """Connect; raises Fatal when there is no broker, or a topic is missing."""
        guards.install()
        deadline_s = time.monotonic() + self._kafka.start_timeout
        try:
            await client.wait_until_reachable(self._reach, self._kafka.start_timeout)
            await self._producer.start()
            await check_topics(
                self._producer.client,
                self._topics,
                deadline_s=deadline_s,
                clock=time.monotonic,
                to=self._to,
            )
        except BaseException:
            await self._producer.stop()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close; what is on its way to a broker that is gone is given up after a while."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_S):
                await self._producer.stop()
