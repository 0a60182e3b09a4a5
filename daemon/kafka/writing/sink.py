"""Records to Kafka: batches with a delivery deadline of their own, each acknowledged."""

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path

from aiokafka import errors

from config.settings import Settings
from daemon.kafka import broker_clock, client, guards
from daemon.kafka.connecting import check_topics
from daemon.kafka.topics import partition_counts
from daemon.kafka.writing.load import BatchSizes, Load
from daemon.kafka.writing.partition_counts import PartitionCounts
from daemon.kafka.writing.producer import Abandoned, Producer, Replaced
from daemon.kafka.writing.producers import Producers
from daemon.kafka.writing.record_batch import RecordBatch
from daemon.kafka.writing.refusals import INVALID_TIMESTAMP, Meaning, Refused
from daemon.kafka.writing.transactional_ids import TransactionalIds
from daemon.loop.tasks import Tasks
from daemon.loop.trouble import Trouble
from daemon.values.outgoing import Outgoing
from daemon.values.ports import (
    RecordInvalid,
    RecordTooLarge,
    SendBlocked,
    SendDenied,
    SendFailed,
)

_MOST_BATCH_BYTES = 512 * 2**10
"""At 200 bytes a reply 2,600 of them; half of what a broker takes by default (1 MiB)."""
_METADATA_S = 5.0
"""As for one address at the start (daemon/kafka/client.py): answers take milliseconds."""
_CLOSE_S = 5.0
"""As a replaced producer has (producers.py): how long what is on its way may still arrive."""


class KafkaSink:
    """Publishes with acks=all and idempotence; the sending half of daemon.values.ports.Delivery.

    A broker that is gone makes a send wait, up to `limits.publish`. A batch that the broker finds
    too large is halved until the culprit stands alone, and batches to that topic stay smaller.
    What nothing else helps against, such as a wrong clock, is said once and tried again and again.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        tasks: Tasks,
        base: Path = Path(),
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        transactional: TransactionalIds | None = None,
        may_follow: Callable[[], bool] = lambda: True,
    ) -> None:
        """`base` is where relative secrets are looked up. Nothing is connected before `start`.

        `transactional` and `may_follow` as for Producers.
        """
        kafka, limits = settings.kafka, settings.limits
        self._start_s = kafka.start_timeout
        self._own_topics = settings.own_topics
        self._clock = clock
        self._wall = wall
        self._publish_s = limits.publish
        self.causes = Trouble(limits.unavailable, clock=clock)
        self._explaining = asyncio.Lock()
        self.producers = Producers(
            kafka,
            lambda: client.options(kafka, base=base),
            # So that a request without an answer is sent again before the deadline.
            request_timeout_s=min(kafka.request_timeout, limits.publish / 2),
            trouble=self.causes,
            tasks=tasks,
            transactional=transactional,
            may_follow=may_follow,
            clock=clock,
        )
        self._counts = PartitionCounts(self._ask_count, tasks=tasks, clock=clock)
        self._batch_sizes = BatchSizes(min(_MOST_BATCH_BYTES, limits.reply_bytes))

    @property
    def trouble(self) -> str:
        """Why nothing can be published at the moment, and what to do; empty when all is well."""
        return self.causes.reason

    @property
    def outage(self) -> str:
        """The same where only somebody outside can mend it; see ports.Delivery."""
        return self.causes.outage

    async def start(self) -> None:
        """Reach a broker and see that the topics of the configuration exist; raises Fatal."""
        guards.install()
        deadline_s = self._clock() + self._start_s
        await self.producers.start()
        producer = await self.producers.current()
        await check_topics(
            producer.inner,
            set(self._own_topics),
            deadline_s=deadline_s,
            clock=self._clock,
            to="write",
        )

    async def close(self) -> None:
        """Close; what is still on its way gets a moment."""
        await self.producers.close(_CLOSE_S)

    async def partition_count(self, topic: str) -> int | None:
        """Return how many partitions `topic` has, None when there is none.

        Raises SendFailed when the broker does not answer, SendDenied when it does not tell this client.
        """
        try:
            return await self._counts.count(topic)
        except errors.TopicAuthorizationFailedError as error:
            raise SendDenied(f"not allowed to see {topic}") from error
        except (errors.KafkaError, TimeoutError) as error:
            raise SendFailed(f"nobody says how many partitions {topic} has") from error

    async def _ask_count(self, topic: str) -> int | None:
        async with asyncio.timeout(_METADATA_S):
            producer = await self.producers.current()
        counts = await partition_counts(producer.inner, [topic], timeout_s=_METADATA_S, apart=True)
        return counts.get(topic)

    async def send(
        self,
        topic: str,
        partition: int,
        records: Sequence[Outgoing],
        *,
        by: Producer | None = None,
    ) -> None:
        """Publish `records` and return when the broker has them all; see ports.Delivery.deliver.

        `by` alone may send them, as they are of its transaction; else its successors do as well.
        """
        load = Load(records)
        try:
            async with asyncio.timeout(self._publish_s):
                while not load.done:
                    try:
                        await self._send_batch(topic, partition, load, by)
                    except Replaced as error:  # nothing was handed over
                        if by is not None:
                            reason = f"{topic}/{partition}: the producer was replaced"
                            raise SendFailed(reason, unsent=load.unsent) from error
        except TimeoutError as error:
            reason = f"{topic}/{partition} took nothing for {self._publish_s:g} s"
            raise SendFailed(reason, unsent=load.unsent) from error
        if load.invalid:
            raise RecordInvalid(load.why_invalid, refused=load.invalid, unsent=load.unsent)
        if load.too_large:
            raise RecordTooLarge(f"larger than {topic} takes", refused=load.too_large)

    async def _send_batch(
        self, topic: str, partition: int, load: Load, by: Producer | None
    ) -> None:
        """Send the next batch of `load`; raises SendError, Replaced."""
        batch = load.next_batch(
            size_bytes=self._batch_sizes.of(topic),
            now_ms=int(self._wall() * 1000),
            in_transaction=self.producers.transactional is not None,
        )
        producer = by or await self.producers.current()
        await self._know(producer, topic, partition, load.unsent)
        try:
            await producer.send(topic, partition, batch)
        except Refused as refused:
            await self._weigh(refused, producer, topic, batch, load)
        except Abandoned as error:
            reason = f"{topic}/{partition}: the producer was replaced"
            raise SendFailed(reason, unsent=load.unsent) from error
        except errors.KafkaError as error:
            self.producers.replace(producer, str(error), pause=True)
            self._counts.forget(topic)
            raise SendFailed(f"{topic}/{partition}: {error}", unsent=load.unsent) from error
        except asyncio.CancelledError:
            self.producers.replace(producer, "no acknowledgement in time", at_once=True)
            raise
        else:
            load.taken(batch)
            self.causes.end(topic)

    async def know(self, topic: str, partition: int) -> None:
        """Return once it is known who takes what is sent to `partition`; raises SendFailed."""
        try:
            async with asyncio.timeout(self._publish_s):
                while True:
                    with suppress(Replaced):
                        producer = await self.producers.current()
                        await self._know(producer, topic, partition, None)
                        return
        except TimeoutError as error:
            raise SendFailed(f"nobody leads {topic}/{partition}") from error

    async def _know(
        self, producer: Producer, topic: str, partition: int, unsent: Collection[int] | None
    ) -> None:
        try:
            await producer.know(topic, partition)
        except errors.KafkaError as error:
            self._counts.forget(topic)
            reason = f"{topic} has no partition {partition}"
            raise SendFailed(reason, unsent=unsent) from error

    async def _weigh(
        self, refused: Refused, producer: Producer, topic: str, batch: RecordBatch, load: Load
    ) -> None:
        """Make of a refusal what it means; raises SendError for all but what `load` can do about it."""
        match refused.meaning:
            case Meaning.TOO_LARGE:
                if batch.end > batch.first + 1:
                    self._batch_sizes.learn(topic, batch.size_bytes)
                load.refused_for_size(batch)
            case Meaning.INVALID:
                load.refused_as_invalid(batch, refused)
            case Meaning.DENIED:
                raise SendDenied(f"not allowed to write to {topic}", unsent=load.unsent)
            case Meaning.STANDING:
                raise SendBlocked(await self._explain(refused, topic), unsent=load.unsent)
            case Meaning.FENCED | Meaning.PASSING as meaning:
                fenced = meaning is Meaning.FENCED
                self.producers.replace(producer, str(refused), pause=True, fenced=fenced)
                self._counts.forget(topic)
                raise SendFailed(f"{topic}: {refused}", unsent=load.unsent)

    async def _explain(self, refused: Refused, topic: str) -> str:
        """Return why `topic` takes nothing, and what to do; for a topic of ours it is trouble."""
        own = topic in self._own_topics
        async with self._explaining:  # sends to all its partitions meet the cause at once
            if own and (known := self.causes.again(topic, refused.code)):
                return known
            reason = f"{topic} takes no answers: {refused}"
            if refused.code == INVALID_TIMESTAMP:
                reason = _clock_reason(topic, refused, await self._clock_ahead())
            if own:
                self.causes.begin(topic, refused.code, reason)
            return reason

    async def _clock_ahead(self) -> float | None:
        producer = await self.producers.current()
        difference = await broker_clock.compare(producer.inner, wall=self._wall)
        return None if difference is None else difference.ahead_s


def _clock_reason(topic: str, refused: Refused, ahead_s: float | None) -> str:
    """Say by how much this host's clock is wrong, as well as it is known."""
    least = ""
    if ahead_s is None:
        ahead_s, least = refused.clock_ahead_s, "at least "
    if ahead_s is None:
        said = "differs from the broker's"
    else:
        side = "ahead of" if ahead_s > 0 else "behind"
        said = f"is {least}{abs(ahead_s):.1f} s {side} the broker's"
    limit = "after" if (refused.clock_ahead_s or 0) >= 0 else "before"
    return (
        f"{topic} refuses the time of answers: this host's clock {said}; put it right, or raise "
        f"the topic's message.timestamp.{limit}.max.ms"
    )
