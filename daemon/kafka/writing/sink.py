"""Records to Kafka: batches with a delivery deadline of their own, each acknowledged."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from aiokafka import errors

from config.settings import Settings
from daemon.kafka import client, guards
from daemon.kafka.connecting import check_topics
from daemon.kafka.topics import partition_counts
from daemon.kafka.writing.partition_counts import Counts
from daemon.kafka.writing.producer import Abandoned, Producer, Replaced, fill
from daemon.kafka.writing.producers import Producers
from daemon.values.ports import OutgoingRecord, RecordTooLarge, SendDenied, SendFailed

_MOST_BATCH_BYTES = 512 * 2**10
"""At 200 bytes a reply 2,600 of them; half of what a broker takes by default (1 MiB)."""
_LEAST_BATCH_BYTES = 2**10
_METADATA_S = 5.0
_CLOSE_S = 5.0

_TOO_LARGE = (errors.MessageSizeTooLargeError, errors.RecordListTooLargeError)
_DENIED = (errors.TopicAuthorizationFailedError, errors.ClusterAuthorizationFailedError)


class KafkaSink:
    """Publishes with acks=all and idempotence; meets daemon.values.ports.Sink.

    A broker that is gone makes a send wait, up to `limits.publish`. A batch that the broker finds
    too large is halved until the culprit stands alone, and batches to that topic stay smaller.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        base: Path = Path(),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`base` is where relative secrets are looked up. Nothing is connected before `start`."""
        kafka, limits = settings.kafka, settings.limits
        self._settings = settings
        self._clock = clock
        self._publish_s = limits.publish
        self._producers = Producers(
            kafka,
            lambda: client.options(kafka, base=base),
            # So that a request without an answer is sent again before the deadline.
            request_timeout_s=min(kafka.request_timeout, limits.publish / 2),
            clock=clock,
        )
        self._counts = Counts(self._ask_count, clock=clock)
        self._batch_bytes = min(_MOST_BATCH_BYTES, limits.reply_bytes)
        self._smaller: dict[str, int] = {}

    async def start(self) -> None:
        """Reach a broker and see that the topics of the configuration exist; raises Fatal."""
        guards.install()
        await self._producers.start()
        producer = await self._producers.current()
        topics = {self._settings.replies.topic, self._settings.dead_letters.topic}
        await check_topics(producer.inner, topics, clock=self._clock)

    async def close(self) -> None:
        """Close; what is still on its way gets a moment."""
        await self._producers.close(_CLOSE_S)

    async def partition_count(self, topic: str) -> int | None:
        """Return how many partitions `topic` has, None when there is none, or none to be seen.

        Raises SendFailed when the broker does not answer.
        """
        try:
            return await self._counts.count(topic)
        except (errors.KafkaError, TimeoutError) as error:
            raise SendFailed(f"nobody says how many partitions {topic} has") from error

    async def _ask_count(self, topic: str) -> int | None:
        async with asyncio.timeout(_METADATA_S):
            producer = await self._producers.current()
        counts = await partition_counts(producer.inner, [topic], timeout_s=_METADATA_S, apart=True)
        return counts.get(topic)

    async def send(self, topic: str, partition: int, records: Sequence[OutgoingRecord]) -> None:
        """Publish `records` and return when the broker has them all; see daemon.values.ports.Sink."""
        refused: list[int] = []
        first = 0
        try:
            async with asyncio.timeout(self._publish_s):
                while first < len(records):
                    with suppress(Replaced):  # nothing was handed over: its successor gets it
                        first = await self._send_some(topic, partition, records, first, refused)
        except TimeoutError as error:
            raise SendFailed(
                f"{topic}/{partition} took nothing for {self._publish_s:g} s"
            ) from error
        if refused:
            raise RecordTooLarge(refused)

    async def _know(self, producer: Producer, topic: str, partition: int) -> None:
        try:
            await producer.know(topic, partition)
        except errors.KafkaError as error:
            self._counts.forget(topic)
            raise SendFailed(f"{topic} has no partition {partition}") from error

    async def _send_some(
        self,
        topic: str,
        partition: int,
        records: Sequence[OutgoingRecord],
        first: int,
        refused: list[int],
    ) -> int:
        """Send one batch of `records` from `first` on; return where the next one starts."""
        size_bytes = self._smaller.get(topic, self._batch_bytes)
        batch = fill(records, first, size_bytes=size_bytes, now_ms=time.time_ns() // 1_000_000)
        producer = await self._producers.current()
        await self._know(producer, topic, partition)
        try:
            await producer.send(topic, partition, batch)
        except _TOO_LARGE as error:
            self._producers.replace(producer, str(error), at_once=False)
            if batch.end > first + 1:
                self._smaller[topic] = max(_LEAST_BATCH_BYTES, batch.size_bytes // 2)
                return first
            refused.append(first)
        except _DENIED as error:
            self._producers.replace(producer, str(error), at_once=False)
            raise SendDenied(f"not allowed to write to {topic}") from error
        except Abandoned as error:
            raise SendFailed(f"{topic}/{partition}: the producer was replaced") from error
        except errors.KafkaError as error:
            self._producers.replace(producer, str(error), at_once=False)
            self._counts.forget(topic)
            raise SendFailed(f"{topic}/{partition}: {error}") from error
        except asyncio.CancelledError:
            self._producers.replace(producer, "no acknowledgement in time", at_once=True)
            raise
        return batch.end
