"""At least once: answers first, and only then the commits that say that their requests are done."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from config.settings import Settings
from daemon.kafka.writing.sink import KafkaSink
from daemon.loop.tasks import Tasks
from daemon.values.ports import OutgoingRecord


class Group(Protocol):
    """The group that commits; meets daemon.kafka.source.KafkaSource."""

    async def commit(self) -> None:
        """Commit what is settled and not yet committed; bounded in time; raises Fatal."""


class AtLeastOnce:
    """An idempotent producer beside the group's own commits; meets daemon.values.ports.Delivery.

    A worker that ends between an acknowledged answer and its commit leaves a request that is
    answered again, by the same name. Nothing is committed whose answer the broker may not have.
    """

    def __init__(
        self,
        settings: Settings,
        group: Group,
        *,
        tasks: Tasks,
        base: Path = Path(),
        wall: Callable[[], float] = time.time,
    ) -> None:
        """`base` is where relative secrets are looked up. Nothing is connected before `start`."""
        self._sink = KafkaSink(settings, tasks=tasks, base=base, wall=wall)
        self._group = group

    @property
    def trouble(self) -> str:
        """Why nothing can be published at the moment, and what to do; empty when all is well."""
        return self._sink.trouble

    @property
    def outage(self) -> str:
        """The same where only somebody outside can mend it; see daemon.values.ports.Delivery."""
        return self._sink.outage

    async def start(self) -> None:
        """Reach a broker and see that the topics of the configuration exist; raises Fatal."""
        await self._sink.start()

    async def close(self) -> None:
        """Close; what is still on its way gets a moment."""
        await self._sink.close()

    async def partition_count(self, topic: str) -> int | None:
        """Return how many partitions `topic` has; see daemon.values.ports.Delivery."""
        return await self._sink.partition_count(topic)

    async def deliver(self, topic: str, partition: int, records: Sequence[OutgoingRecord]) -> None:
        """Return when the broker has `records`; see daemon.values.ports.Delivery."""
        await self._sink.send(topic, partition, records)

    async def commit(self) -> None:
        """Commit what is settled; see daemon.values.ports.Delivery."""
        await self._group.commit()
