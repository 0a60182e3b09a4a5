"""What is promised of answers and commits: at least once, or exactly once.

Both publish by the same sink and commit the same offsets. At least once is the case without a
transaction: answers first, and only then the commits that say that their requests are done.
"""

import os
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from aiokafka.structs import TopicPartition

from config.settings import Kafka, Settings
from daemon.kafka import client
from daemon.kafka.writing import transactions
from daemon.kafka.writing.sink import KafkaSink
from daemon.kafka.writing.transactional_ids import Transactional, TransactionalIds
from daemon.kafka.writing.transactions import Transactions
from daemon.loop.tasks import Tasks
from daemon.values.errors import Exit, Fatal
from daemon.values.outgoing import Outgoing


class Group(transactions.Group, Protocol):
    """The worker's place in its group; meets daemon.kafka.source.KafkaSource."""

    def commit_by(self, commit: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Commit so whenever it cannot wait for the committer, as when partitions are taken away."""

    async def commit(self) -> None:
        """Commit what is settled and not yet committed; bounded in time; raises Fatal."""

    def lease_valid(self) -> bool:
        """Whether the broker surely still holds this worker for a member."""


class _Published:
    """What both say of the sink by which their answers leave."""

    _sink: KafkaSink

    @property
    def trouble(self) -> str:
        """Why nothing can be published at the moment, and what to do; empty when all is well."""
        return self._sink.trouble

    @property
    def outage(self) -> str:
        """The same where only somebody outside can mend it; see daemon.values.ports.Delivery."""
        return self._sink.outage

    async def partition_count(self, topic: str) -> int | None:
        """Return how many partitions `topic` has; see daemon.values.ports.Delivery."""
        return await self._sink.partition_count(topic)


class AtLeastOnce(_Published):
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

    async def start(self) -> None:
        """Reach a broker and see that the topics of the configuration exist; raises Fatal."""
        await self._sink.start()

    async def close(self) -> None:
        """Close; what is still on its way gets a moment."""
        await self._sink.close()

    async def deliver(self, topic: str, partition: int, records: Sequence[Outgoing]) -> None:
        """Return when the broker has `records`; see daemon.values.ports.Delivery."""
        await self._sink.send(topic, partition, records)

    async def commit(self) -> None:
        """Commit what is settled; see daemon.values.ports.Delivery."""
        await self._group.commit()


class ExactlyOnce(_Published):
    """Answers and commits in transactions of one producer; meets daemon.values.ports.Delivery.

    What a worker leaves open when it ends is aborted: nobody who reads committed records sees it,
    and its requests are answered anew. See docs/decisions/0016-exactly-once.md.
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
        kafka = settings.kafka
        ids = TransactionalIds(Transactional(transactional_id(kafka), kafka.transaction_limit))
        self._sink = KafkaSink(
            settings,
            tasks=tasks,
            base=base,
            wall=wall,
            transactional=ids,
            # Who was put out of the group does not fence the one that has its place.
            may_follow=group.lease_valid,
        )
        self._group = group
        self._transactions = Transactions(
            kafka,
            group,
            self._sink.producers,
            ids,
            trouble=self._sink.causes,
            stall_s=settings.limits.stall,
            tasks=tasks,
        )
        group.commit_by(self.commit)

    async def start(self) -> None:
        """Reach a broker, fence who had the transactional id before, see that all topics exist.

        Raises Fatal, also when the broker lacks what this needs.
        """
        await self._sink.start()
        producer = await self._sink.producers.current()
        if missing := client.lacking_for_transactions(client.versions_of(producer.inner)):
            await self.close()
            raise Fatal(Exit.SETTINGS, no_exactly_once(missing))

    async def close(self) -> None:
        """Abort what is open, and close."""
        await self._transactions.close()
        await self._sink.close()

    async def deliver(self, topic: str, partition: int, records: Sequence[Outgoing]) -> None:
        """Return when the broker has `records` in the present transaction; see ports.Delivery."""
        generation = self._group.answering
        # A partition without a leader is waited for outside of any transaction.
        await self._sink.know(topic, partition)
        to = TopicPartition(topic, partition)
        async with self._transactions.sending(generation, to) as producer:
            await self._sink.send(topic, partition, records, by=producer)

    async def commit(self) -> None:
        """Commit what is settled, with the answers that settled it; see ports.Delivery."""
        await self._transactions.commit()


KafkaDelivery: TypeAlias = AtLeastOnce | ExactlyOnce


def kafka_delivery(settings: Settings, group: Group, *, tasks: Tasks, base: Path) -> KafkaDelivery:
    """Return the delivery that `kafka.delivery` names."""
    kind = ExactlyOnce if settings.kafka.delivery == "exactly-once" else AtLeastOnce
    return kind(settings, group, tasks=tasks, base=base)


def transactional_id(kafka: Kafka) -> str:
    """Return the name under which this worker's transactions fence those of its former life.

    Two jobs have two groups, and no name of an instance has a slash. Without a stable instance
    nobody takes over: the group's generation alone fences, and the broker aborts after a while.
    """
    return f"{kafka.group}/{kafka.instance_id or os.urandom(8).hex()}"


def no_exactly_once(missing: Sequence[str]) -> str:
    """Say what a broker lacks for `kafka.delivery = "exactly-once"`, and what to do."""
    return (
        f'kafka.delivery is "exactly-once", and the broker does not know {", ".join(missing)}: use '
        'Kafka 2.5 or newer, or "at-least-once"'
    )
