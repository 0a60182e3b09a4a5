"""Sending replayed requests: each to its partition, acknowledged by all replicas in sync."""

import asyncio
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from aiokafka import AIOKafkaProducer, errors

from config.settings import Kafka
from daemon.kafka import client, guards
from daemon.kafka.connecting import check_topics
from daemon.values.errors import Exit, Fatal
from daemon.values.messages import Header

_OF_THE_RECORD = (errors.MessageSizeTooLargeError, errors.RecordListTooLargeError)
_CLOSE_S = 5.0
_LARGEST_BYTES = 50 * 2**20
"""What a broker takes is the topic's to say; the client's own limit of 1 MiB would hide it."""


class Outgoing(Protocol):
    """What is sent; meets daemon.answering.replay.Replay."""

    @property
    def topic(self) -> str:
        """Where to."""

    @property
    def partition(self) -> int:
        """Which partition, if there is one of that number; else the key decides."""

    @property
    def key(self) -> bytes | None:
        """Its key."""

    @property
    def value(self) -> bytes:
        """Its body."""

    @property
    def headers(self) -> list[Header]:
        """Its headers."""


class Replayer:
    """Sends replays, a few records by hand; an async context manager.

    Without idempotence: a record that the broker refuses must not end those behind it, and a repeat
    after a lost acknowledgement is no harm where everything is delivered at least once.
    """

    def __init__(self, kafka: Kafka, topics: Collection[str], *, base: Path) -> None:
        """`topics` are all it may send to."""
        self._kafka = kafka
        self._topics = topics
        self._reach = client.options(kafka, base=base)
        self._producer = AIOKafkaProducer(
            **self._reach, acks="all", max_request_size=_LARGEST_BYTES
        )
        self.ended: Fatal | None = None
        """Why nothing more can be sent; a record that is too large ends nothing."""

    async def __aenter__(self) -> Self:
        """Connect; raises Fatal when there is no broker, or a topic is missing."""
        guards.install()
        await client.wait_until_reachable(self._reach, self._kafka.start_timeout)
        try:
            await self._producer.start()
            await check_topics(self._producer.client, self._topics, clock=time.monotonic)
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

    async def send(self, records: Sequence[Outgoing]) -> list[str]:
        """Send `records`; return for each why the broker does not have it, "" when it does.

        `ended` says afterwards whether there is any use in going on.
        """
        return await asyncio.gather(*[self._send(record) for record in records])

    async def _send(self, record: Outgoing) -> str:
        if record.topic not in self._topics:
            raise Fatal(Exit.INTERNAL, f"{record.topic} is not one of the topics to send to")
        limit_s = self._kafka.request_timeout
        try:
            async with asyncio.timeout(limit_s):
                numbers = await self._producer.partitions_for(record.topic)
                await self._producer.send_and_wait(
                    record.topic,
                    record.value,
                    key=record.key,
                    partition=record.partition if record.partition in numbers else None,
                    headers=record.headers,
                )
        except _OF_THE_RECORD as error:
            return str(error)
        except errors.KafkaError as error:
            return self._end(error, str(error))
        except TimeoutError as error:
            return self._end(error, f"not acknowledged within {limit_s:g} s, perhaps written")
        return ""

    def _end(self, error: BaseException, problem: str) -> str:
        servers = self._kafka.bootstrap_servers
        self.ended = client.denied(error, servers) or Fatal(
            Exit.BROKER_UNAVAILABLE, f"{servers} did not do as asked: {problem}"
        )
        return problem
