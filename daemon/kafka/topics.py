"""What the cluster says of topics, by a request that never asks it to create them."""

import asyncio
from collections.abc import Collection, Mapping

from aiokafka import errors
from aiokafka.client import AIOKafkaClient, ConnectionGroup
from aiokafka.protocol.metadata import MetadataRequest

_UNKNOWN_TOPIC = 3
_INVALID_TOPIC = 17
_TOPIC_DENIED = 29


async def partition_counts(
    inner: AIOKafkaClient, topics: Collection[str], *, timeout_s: float, apart: bool = False
) -> Mapping[str, int | None]:
    """Return how many partitions each of `topics` has, None for those that do not exist.

    `apart`: on a connection of its own, not behind a Produce that the broker holds.
    Raises: errors.KafkaError; TopicAuthorizationFailedError when this client may not know.
    """
    node = inner.get_random_node()
    if node is None:
        raise errors.KafkaConnectionError("no broker is known")
    group = ConnectionGroup.COORDINATION if apart else ConnectionGroup.DEFAULT
    request = MetadataRequest(list(topics), allow_auto_topic_creation=False)
    try:
        async with asyncio.timeout(timeout_s):
            response = await inner.send(node, request, group=group)
    except TimeoutError:
        raise errors.RequestTimedOutError from None
    return {
        topic: _count(topic, code, len(partitions))
        for code, topic, _internal, partitions in response.topics
    }


def _count(topic: str, code: int, partitions: int) -> int | None:
    if code in {_UNKNOWN_TOPIC, _INVALID_TOPIC}:
        return None
    if code:
        raise errors.for_code(code)(topic)
    return partitions
