"""The first contact: a consumer that is connected, and topics that exist."""

import asyncio
from collections.abc import Callable, Collection
from typing import Literal

from aiokafka import errors
from aiokafka.client import AIOKafkaClient

from config.settings import Kafka
from daemon.kafka import client
from daemon.kafka.group.lease import Lease
from daemon.kafka.reading.batch_reading import BatchReading
from daemon.kafka.reading.consumer import Consumer
from daemon.kafka.reason import reason_of
from daemon.kafka.topic_ids import topic_states
from daemon.kafka.topics import partition_counts
from daemon.telemetry.events import Event
from daemon.telemetry.logs import log
from daemon.values.errors import Exit, Fatal

_RETRY_S = 0.2
"""Between two tries; a guess: a broker takes seconds to start, and a topic some tenths to get around."""
_ANSWER_S = 5.0
"""Wait for an answer, which takes milliseconds; as for one address at the start (daemon/kafka/client.py)."""
_SILENT_S, _SAID_EVERY_S = 2.0, 10.0
"""Whoever waits longer for topics is told which, and again each time so long has passed."""


async def connect(
    kafka: Kafka,
    reach: client.Options,
    batch_reading: BatchReading,
    lease: Lease,
    *,
    deadline_s: float,
    clock: Callable[[], float],
) -> Consumer:
    """Return a connected consumer; raises Fatal."""
    while True:
        consumer = Consumer(kafka, reach, batch_reading, lease, clock=clock)
        try:
            await consumer.start()
        except errors.KafkaError as error:
            servers = kafka.bootstrap_servers
            client.raise_if_denied(error, servers)
            if clock() > deadline_s:
                raise Fatal(
                    Exit.BROKER_UNAVAILABLE, f"no broker at {servers}: {reason_of(error)}"
                ) from error
            await asyncio.sleep(_RETRY_S)
        else:
            return consumer


async def check_topics(
    inner: AIOKafkaClient,
    topics: Collection[str],
    *,
    deadline_s: float,
    clock: Callable[[], float],
    to: Literal["read", "write"] | None = None,
) -> None:
    """Return once all `topics` exist; raises Fatal when they do not, or this client may not use them.

    That they do not is believed at `deadline_s`, since a new topic takes a moment to get around: a broker
    that was told to make 3,000 partitions tells of the next topic after 20 s, when it has made them.
    `to`: what for; None asks for no more than that they may be seen.
    """
    say_s = clock() + _SILENT_S
    while missing := await _missing(inner, topics):
        now_s = clock()
        if now_s > deadline_s:
            raise Fatal(
                Exit.SETTINGS,
                f"these topics do not exist; create them: {', '.join(missing)}",
            )
        if now_s >= say_s:
            log(Event.TOPICS_AWAITED, topics=missing, left_s=round(deadline_s - now_s))
            say_s = now_s + _SAID_EVERY_S
        await asyncio.sleep(_RETRY_S)
    if to is not None:
        await _check_rights(inner, topics, to)


async def _check_rights(
    inner: AIOKafkaClient, topics: Collection[str], to: Literal["read", "write"]
) -> None:
    try:
        states = await topic_states(inner, topics, timeout_s=_ANSWER_S)
    except errors.KafkaError:
        return  # what may not be used is found out when it is
    for topic, state in states.items():
        if to == "read" and not state.may_read:
            raise Fatal(Exit.DENIED, f"topic {topic}: {client.MAY_NOT_READ}")
        if to == "write" and not state.may_write:
            raise Fatal(Exit.DENIED, f"topic {topic}: {client.MAY_NOT_WRITE}")


async def _missing(inner: AIOKafkaClient, topics: Collection[str]) -> list[str]:
    """Return those of `topics` that do not exist; all of them when nobody says."""
    try:
        counts = await partition_counts(inner, topics, timeout_s=_ANSWER_S)
    except errors.TopicAuthorizationFailedError as error:
        raise Fatal(Exit.DENIED, f"topic {error.args[0]}: {client.MAY_NOT_SEE}") from error
    except errors.KafkaError:
        return sorted(topics)
    return sorted(topic for topic in topics if counts.get(topic) is None)
