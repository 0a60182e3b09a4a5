"""Finding out where to read assigned partitions from, for as long as that takes."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from aiokafka import errors
from aiokafka.structs import TopicPartition

from config.settings import Kafka
from daemon.kafka import client
from daemon.kafka.group.committed import CommittedOffsets
from daemon.kafka.group.generation import Generation
from daemon.kafka.group.lease import Lease
from daemon.kafka.group.start_positions import NotKnownYet, find_starts, recover
from daemon.kafka.reading.consumer import Consumer
from daemon.telemetry.events import Event
from daemon.telemetry.logs import log
from daemon.values.ports import SourceMetrics

_RETRY_S = 0.2

_T = TypeVar("_T")


class Assigner:
    """Opens partitions; whoever gives a generation up cancels what runs here for it."""

    def __init__(
        self,
        kafka: Kafka,
        consumer: Consumer,
        group: CommittedOffsets,
        lease: Lease,
        *,
        metrics: SourceMetrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._kafka = kafka
        self._consumer = consumer
        self._group = group
        self._lease = lease
        self._metrics = metrics
        self._clock = clock

    async def open(self, generation: Generation) -> None:
        """Open all partitions of `generation`; raises Fatal."""
        await self._until_proven(generation)
        starts = await self._persist(
            lambda: find_starts(self._consumer, self._group, generation, self._kafka.start)
        )
        for partition in generation.partitions:
            position = starts.positions[partition]
            self._consumer.seek(partition, position)
            generation.open(partition, position, committed=starts.committed.get(partition))

    async def reopen(self, generation: Generation, partition: TopicPartition, asked: int) -> None:
        """Go on in the paused `partition`, whose log has no offset `asked`; raises Fatal."""
        first = await self._persist(lambda: self._consumer.first_offsets([partition]))
        end = await self._persist(lambda: self._consumer.end_offsets([partition]))
        recovery = recover(asked, first=first[partition], end=end[partition])
        if recovery.lost or recovery.restarted:
            self._metrics.lost(recovery.lost)
            log(
                Event.REQUESTS_LOST,
                topic=partition.topic,
                partition=partition.partition,
                asked=asked,
                offset=recovery.position,
                count=recovery.lost,
                restarted=recovery.restarted,
            )
        if recovery.position == asked:
            generation.resume(partition)
            return
        self._consumer.seek(partition, recovery.position)
        generation.reopen(partition, recovery.position)

    async def _until_proven(self, generation: Generation) -> None:
        """A join answered long ago proves nothing: wait for the first heartbeat if need be."""
        while not generation.proven:
            generation.proven = self._lease.valid(self._clock())
            await asyncio.sleep(0.0 if generation.proven else _RETRY_S)

    async def _persist(self, ask: Callable[[], Awaitable[_T]]) -> _T:
        """Ask until there is an answer; an error means that nothing is known."""
        while True:
            try:
                return await ask()
            except NotKnownYet:
                pass
            except errors.KafkaError as error:
                client.raise_if_denied(error, self._kafka.bootstrap_servers)
            await asyncio.sleep(_RETRY_S)
