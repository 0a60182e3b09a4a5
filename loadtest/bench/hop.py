"""The bare hop: how long a message takes through Kafka alone, seen beside the daemon's work."""

import asyncio
import time
from types import TracebackType
from typing import Self

from aiokafka import AIOKafkaConsumer, TopicPartition

from loadtest.bench.ground import PARTITIONS
from loadtest.wire import CORRELATION_ID

_POLL_MS = 200


class Hop:
    """Reads the topic of requests from its end and notes when each came; a context manager.

    `received_s` holds time.monotonic() by correlation id.
    """

    def __init__(self, bootstrap: str, topic: str) -> None:
        self._partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap, enable_auto_commit=False, fetch_max_wait_ms=_POLL_MS
        )
        self._reading: asyncio.Task[None] | None = None
        self.received_s: dict[bytes, float] = {}

    async def __aenter__(self) -> Self:
        """Connect and begin to read."""
        await self._consumer.start()
        self._consumer.assign(self._partitions)
        for partition, end in (await self._consumer.end_offsets(self._partitions)).items():
            self._consumer.seek(partition, end)
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Hang up."""
        if self._reading is not None:
            self._reading.cancel()
        await self._consumer.stop()

    async def _read(self) -> None:
        while True:
            chunk = await self._consumer.getmany(timeout_ms=_POLL_MS)
            now_s = time.monotonic()
            for records in chunk.values():
                for record in records:
                    self.received_s[dict(record.headers)[CORRELATION_ID]] = now_s
