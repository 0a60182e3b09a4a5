"""aiokafka as this client uses it: what it is made with, and how it is left.

Its private names are used here alone, and only to leave it. What it gets wrong for a client that
must not hang, as found in aiokafka 0.14.0:

- `stop()` of a consumer raises the cancellation of its own fetches while no broker answers;
- `stop()` of a producer waits for what no broker takes;
- naming a topic to it asks the broker to create that topic;
- it has no name for what a topic says that takes no such record (producer.py);
- it asks the bootstrap servers once, and a consumer whose fetching has died says nothing: so both
  are made anew when they were silent for long (reply_reader.py, outbox.py).
"""

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any, TypeAlias

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, errors
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.metadata import MetadataRequest

from tidemill_client.errors import NotSent

Options: TypeAlias = Mapping[str, Any]
"""Keyword arguments that every client of aiokafka takes."""

TROUBLE = (errors.KafkaError, OSError, asyncio.TimeoutError)
"""What aiokafka raises where a broker does not do what it is asked for."""
REQUEST_S = 10.0
"""How long a broker may take for one answer, before it is taken for one that hangs."""
_METADATA_AGE_MS = 30_000
"""A guess: how long an added partition may go unnoticed by many clients, each of which asks as often."""
_GOODBYE_S = 2.0
"""How long leaving may take; a broker that lives takes milliseconds."""
_TOPIC_S = 2.0
"""How long a topic may be unknown: brokers learn of a new one a moment after it was made."""
_LOOK_S = 0.2
"""Between two looks for a topic that is unknown; ten of them in `_TOPIC_S`."""
_LOGIN = frozenset(
    {
        "client_id",
        "connections_max_idle_ms",
        "security_protocol",
        "ssl_context",
        "sasl_mechanism",
        "sasl_plain_username",
        "sasl_plain_password",
        "sasl_kerberos_service_name",
        "sasl_kerberos_domain_name",
        "sasl_oauth_token_provider",
    }
)
DENIED = (
    errors.TopicAuthorizationFailedError,
    errors.GroupAuthorizationFailedError,
    errors.ClusterAuthorizationFailedError,
)


def options(bootstrap_servers: str, login: Options) -> Options:
    """Return what clients are made with; raises TypeError for what is no matter of reaching a broker."""
    unknown = sorted(login.keys() - _LOGIN)
    if unknown:
        raise TypeError(f"Client takes no {', '.join(unknown)}; of aiokafka's: {sorted(_LOGIN)}")
    return {
        "bootstrap_servers": bootstrap_servers,
        "client_id": "tidemill-client",
        "request_timeout_ms": round(REQUEST_S * 1000),
        "metadata_max_age_ms": _METADATA_AGE_MS,
        **login,
    }


def unavailable(reach: Options, error: BaseException) -> NotSent:
    """Return what it means that no broker let this client in."""
    servers = reach["bootstrap_servers"]
    why = str(error) or type(error).__name__
    return NotSent("broker_unavailable", f"{servers}: {why} (aiokafka's log has each attempt)")


async def partitions_of(client: AIOKafkaClient, topic: str) -> list[int]:
    """Return the partitions of `topic`, which is not created by asking.

    Raises NotSent where there is none, or it may not be seen, and errors.KafkaError.
    """
    loop = asyncio.get_running_loop()
    until_s = loop.time() + _TOPIC_S
    while True:
        code, partitions = await _described(client, topic)
        error = errors.for_code(code)
        if error is errors.NoError and partitions:
            return partitions
        if error in DENIED:
            raise NotSent("topic_denied", f"not allowed to see {topic}: grant Describe on it")
        if loop.time() > until_s:
            raise NotSent("unknown_topic", f"there is no topic {topic}")
        await asyncio.sleep(_LOOK_S)


async def _described(client: AIOKafkaClient, topic: str) -> tuple[int, list[int]]:
    node = client.get_random_node()
    request = MetadataRequest([topic], allow_auto_topic_creation=False)
    told = (await client.send(node, request)).to_object()["topics"]
    code: int = told[0]["error_code"]
    return code, sorted(each["partition"] for each in told[0]["partitions"])


def reply_consumer(reach: Options) -> AIOKafkaConsumer:
    """Return what reads replies, of no group, that is to be started and assigned."""
    return AIOKafkaConsumer(
        enable_auto_commit=False,
        auto_offset_reset="earliest",  # what retention deleted is gone; what is left is read
        isolation_level="read_committed",  # what a transaction may still take back is no reply
        **reach,
    )


async def started(consumer: AIOKafkaConsumer) -> AIOKafkaConsumer:
    """Return `consumer`, connected; raises what is TROUBLE."""
    try:
        await whole(consumer.start())
    except BaseException:
        await leave(consumer)
        raise
    return consumer


async def whole(starting: Coroutine[Any, Any, None]) -> None:
    """Wait for `starting`; who is cancelled lets it end first: of half a start a connection is left."""
    task = asyncio.create_task(starting)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task], timeout=_GOODBYE_S)
        await _end(task)
        raise


def client_of(consumer: AIOKafkaConsumer) -> AIOKafkaClient:
    """Return what `consumer` speaks to brokers by."""
    return consumer._client


async def leave(consumer: AIOKafkaConsumer) -> None:
    """Stop `consumer`, whether or not a broker answers."""
    await _within(_GOODBYE_S, consumer.stop())
    await _within(_GOODBYE_S, consumer._client.close())


async def abandon(producer: AIOKafkaProducer) -> None:
    """Stop `producer`; what it has not sent within seconds it fails with errors.ProducerClosed."""
    await _within(_GOODBYE_S, producer.stop())
    sender = producer._sender
    if sender.sender_task is not None and not sender.sender_task.done():
        await producer.client.close()  # ends what its sender waits for
        await _within(_GOODBYE_S, sender.close())
    await _within(_GOODBYE_S, producer.client.close())
    accumulator = producer._message_accumulator
    queued = [batch for batches in accumulator._batches.values() for batch in batches]
    accumulator._pending_batches.update(queued)  # it takes them out of there once they are done
    for batch in [*accumulator._pending_batches]:
        if not batch.future.done():
            batch.future.set_exception(errors.ProducerClosed())
            batch.future.exception()  # seen: whoever waited for it may be gone


async def _within(limit_s: float, ending: Coroutine[Any, Any, None]) -> None:
    """Wait for `ending` so long."""
    task = asyncio.create_task(ending)
    try:
        await asyncio.wait([task], timeout=limit_s)
    finally:
        await _end(task)


async def _end(task: "asyncio.Task[None]") -> None:
    """End `task`; whatever it raises does not matter to who leaves."""
    task.cancel()
    await asyncio.wait([task], timeout=_GOODBYE_S)
    if task.done() and not task.cancelled():
        task.exception()
