"""Sending replayed requests: each to its partition, acknowledged by all replicas in sync."""

import asyncio
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Protocol

from aiokafka import errors

from config.settings import Kafka
from daemon.kafka import client
from daemon.kafka.writing.plain_producer import PlainProducer
from daemon.values.errors import Exit, Fatal
from daemon.values.messages import Header

_OF_THE_RECORD = (errors.MessageSizeTooLargeError, errors.RecordListTooLargeError)
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


class Replayer(PlainProducer):
    """Sends replays, a few records by hand.

    Without idempotence: a record that the broker refuses must not end those behind it, and a repeat
    after a lost acknowledgement is no harm where everything is delivered at least once.
    """

    def __init__(self, kafka: Kafka, topics: Collection[str], *, base: Path) -> None:
        """`topics` are all it may send to."""
        super().__init__(kafka, topics, base=base, max_request_size=_LARGEST_BYTES)
        self.ended: Fatal | None = None
        """Why nothing more can be sent; a record that is too large ends nothing."""

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
