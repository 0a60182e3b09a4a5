"""How far this host's clock is ahead of the broker's, asked by a request that changes nothing.

Kafka stamps what it is asked about its quorum (DescribeQuorum v1, KIP-836, Kafka 3.3): the leader's
own row carries the time of the answer. Nothing else that everybody may ask for has a broker's time.
"""

import asyncio
import time
from collections.abc import Callable
from typing import NamedTuple

from aiokafka import errors
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Int64,
    Schema,
    TaggedFields,
)

_LOG = "__cluster_metadata"
_LONGEST_S = 5.0
"""Wait for the answer, which takes milliseconds; without one nothing is known of the clock. A guess."""

_REPLICAS = CompactArray(
    ("replica", Int32),
    ("log_end_offset", Int64),
    ("last_fetch_ms", Int64),
    ("last_caught_up_ms", Int64),
    ("tags", TaggedFields),
)


class _QuorumResponse(Response):  # type: ignore[misc]  # aiokafka has no types here
    """DescribeQuorum v1; aiokafka has none."""

    API_KEY = 55
    API_VERSION = 1
    SCHEMA = Schema(
        ("error_code", Int16),
        (
            "topics",
            CompactArray(
                ("topic", CompactString("utf-8")),
                (
                    "partitions",
                    CompactArray(
                        ("partition", Int32),
                        ("error_code", Int16),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("high_watermark", Int64),
                        ("voters", _REPLICAS),
                        ("observers", _REPLICAS),
                        ("tags", TaggedFields),
                    ),
                ),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _QuorumStruct(RequestStruct):  # type: ignore[misc]  # as above
    """DescribeQuorum v1."""

    API_KEY = 55
    API_VERSION = 1
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = _QuorumResponse
    SCHEMA = Schema(
        (
            "topics",
            CompactArray(
                ("topic", CompactString("utf-8")),
                ("partitions", CompactArray(("partition", Int32), ("tags", TaggedFields))),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _QuorumRequest(Request[_QuorumStruct]):  # type: ignore[misc]  # as above
    """DescribeQuorum v1."""

    API_KEY = 55

    def build(self, request_struct_class: type[_QuorumStruct]) -> _QuorumStruct:
        """Return what goes over the wire."""
        return request_struct_class([(_LOG, [(0, {})], {})], {})


class Difference(NamedTuple):
    """`ahead_s`: this host's clock minus the broker's, right within `error_s` either way."""

    ahead_s: float
    error_s: float


async def compare(
    inner: AIOKafkaClient, *, wall: Callable[[], float] = time.time
) -> Difference | None:
    """Return how far this host's clock is ahead; None when the broker does not say.

    It does not to those without Describe on the cluster, before Kafka 3.3, and with ZooKeeper.
    """
    node = inner.get_random_node()
    before_s = wall()
    try:
        async with asyncio.timeout(_LONGEST_S):
            response = await inner.send(node, _QuorumRequest())
    except (errors.KafkaError, NotImplementedError, TimeoutError):
        return None
    after_s = wall()
    if response.error_code:
        return None
    for _, partitions, _ in response.topics:
        for _, code, leader, _, _, voters, _, _ in partitions:
            for replica, _, _, caught_up_ms, _ in voters:
                if not code and replica == leader and caught_up_ms > 0:
                    middle_s = (before_s + after_s) / 2
                    return Difference(middle_s - caught_up_ms / 1000, (after_s - before_s) / 2)
    return None
