"""Publishing many requests by hand: whole batches to named partitions, with the offsets that they got."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from aiokafka import errors

from config.settings import Kafka
from daemon.kafka import client
from daemon.kafka.looking.cluster import Topic, look_at
from daemon.kafka.reason import reason_of
from daemon.kafka.writing.plain_producer import PlainProducer
from daemon.values.errors import Exit, Fatal
from daemon.values.messages import Header

_T = TypeVar("_T")

_BATCH_BYTES = 256 * 2**10
"""A quarter of what Kafka takes by default; a larger request makes a batch of its own."""
_AGAIN_S = 1.0
"""A guess: the client has tried for `kafka.request_timeout` by then, and each further try is told in a line."""


class Letter(NamedTuple):
    """What is sent: the caller's number for it, body and headers."""

    number: int
    value: bytes
    headers: Sequence[Header]


class NotTaken(Exception):
    """The broker did not say that it has what was sent; it may have it all the same."""


class Publisher(PlainProducer):
    """Sends to one topic, and now and then to others."""

    def __init__(
        self, kafka: Kafka, topic: str, *, base: Path, others: Collection[str] = ()
    ) -> None:
        """`others`: where else single records go."""
        topics = [topic, *others]
        super().__init__(kafka, topics, base=base, to="write", max_batch_size=_BATCH_BYTES)
        self._topic = topic

    async def look_at(self, *topics: str) -> Mapping[str, Topic | None]:
        """Return what is known of topics; raises Fatal."""
        try:
            return await look_at(self._producer.client, topics)
        except errors.KafkaError as error:
            servers = self._kafka.bootstrap_servers
            raise Fatal(
                Exit.BROKER_UNAVAILABLE, f"{servers} does not say what topics it has: {error!r}"
            ) from error

    async def publish(self, letters: Mapping[int, Sequence[Letter]]) -> list[tuple[int, int, int]]:
        """Send `letters` to their partitions; return partition, offset and number of each.

        Raises NotTaken, and Fatal when this client is refused.
        """
        sending = [self._to_partition(number, each) for number, each in letters.items()]
        outcomes = await asyncio.gather(*sending, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise self._meaning(outcome)
        return [place for places in outcomes if isinstance(places, list) for place in places]

    async def post(self, topic: str, key: bytes, value: bytes, headers: Sequence[Header]) -> None:
        """Send one record to `topic`, where its key says. Raises NotTaken, and Fatal when this client is refused."""
        try:
            await self._producer.send_and_wait(topic, value, key=key, headers=list(headers))
        except errors.KafkaError as error:
            raise self._meaning(error) from error

    async def _to_partition(
        self, partition: int, letters: Sequence[Letter]
    ) -> list[tuple[int, int, int]]:
        places: list[tuple[int, int, int]] = []
        while len(places) < len(letters):
            batch, count = self._filled(letters, len(places))
            sent = await self._producer.send_batch(batch, self._topic, partition=partition)
            first = (await sent).offset
            numbers = [each.number for each in letters[len(places) : len(places) + count]]
            places += [(partition, first + place, each) for place, each in enumerate(numbers)]
        return places

    def _filled(self, letters: Sequence[Letter], start: int) -> tuple[object, int]:
        """Return a batch of `letters` from `start` on, and how many it has place for."""
        batch = self._producer.create_batch()
        now_ms = round(time.time() * 1000)
        count = 0
        for letter in letters[start:]:
            if not batch.append(
                timestamp=now_ms, key=None, value=letter.value, headers=list(letter.headers)
            ):
                break
            count += 1
        batch.close()
        return batch, count

    def _meaning(self, error: BaseException) -> BaseException:
        if not isinstance(error, errors.KafkaError):
            return error
        refusal = client.denied(error, self._kafka.bootstrap_servers)
        if isinstance(error, errors.MessageSizeTooLargeError | errors.RecordListTooLargeError):
            refusal = Fatal(Exit.USAGE, f"{self._topic} takes no record as large as one of these")
        return refusal or NotTaken(reason_of(error))


async def until_taken(
    send: Callable[[], Awaitable[_T]], taker: str, told: Callable[[str], None]
) -> _T:
    """Send until the broker says that it has it; return what `send` does, and raise what else it raises.

    `told` hears of trouble with the `taker`.
    """
    while True:
        try:
            return await send()
        except NotTaken as trouble:
            told(f"{taker} takes nothing at the moment: {trouble}")
            await asyncio.sleep(_AGAIN_S)
