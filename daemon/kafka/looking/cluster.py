"""What the cluster says of topics to one who is about to use them: rights and limits."""

from collections.abc import Collection, Mapping
from math import inf
from typing import NamedTuple

from aiokafka import errors
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.admin import DescribeConfigsRequest
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Int16, Int32, Schema, String

_READ, _WRITE = 1 << 3, 1 << 4
"""Bits of org.apache.kafka.common.acl.AclOperation."""
_TOPIC = 2
_UNKNOWN_TOPIC = 3
_DENIED = 29


class _MetadataResponse(Response):  # type: ignore[misc]  # aiokafka has no types here
    """Metadata v8; aiokafka stops at v5, which tells no rights."""

    API_KEY = 3
    API_VERSION = 8
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            Array(
                ("node_id", Int32),
                ("host", String("utf-8")),
                ("port", Int32),
                ("rack", String("utf-8")),
            ),
        ),
        ("cluster_id", String("utf-8")),
        ("controller_id", Int32),
        (
            "topics",
            Array(
                ("error_code", Int16),
                ("topic", String("utf-8")),
                ("is_internal", Boolean),
                (
                    "partitions",
                    Array(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", Array(Int32)),
                        ("isr", Array(Int32)),
                        ("offline_replicas", Array(Int32)),
                    ),
                ),
                ("authorized_operations", Int32),
            ),
        ),
        ("cluster_authorized_operations", Int32),
    )


class _MetadataStruct(RequestStruct):  # type: ignore[misc]  # as above
    """Metadata v8."""

    API_KEY = 3
    API_VERSION = 8
    RESPONSE_TYPE = _MetadataResponse
    SCHEMA = Schema(
        ("topics", Array(String("utf-8"))),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
    )


class _MetadataRequest(Request[_MetadataStruct]):  # type: ignore[misc]  # as above
    """Metadata v8 that creates nothing and asks for rights."""

    API_KEY = 3

    def __init__(self, topics: Collection[str]) -> None:
        self._topics = list(topics)

    def build(self, request_struct_class: type[_MetadataStruct]) -> _MetadataStruct:
        """Return what goes over the wire."""
        return request_struct_class(self._topics, False, False, True)  # noqa: FBT003 - the wire's order


class Topic(NamedTuple):
    """A topic as this client sees it; what it may not know is None.

    `retention_s`: how long records are kept; inf: for ever, as far as time goes. `most_ahead_s`,
    `most_behind_s`: what a record's time may differ from the broker's clock.
    """

    partitions: int
    may_read: bool
    may_write: bool
    largest_bytes: int | None
    compacted: bool | None
    most_ahead_s: float | None = None
    most_behind_s: float | None = None
    retention_s: float | None = None


async def look_at(inner: AIOKafkaClient, topics: Collection[str]) -> Mapping[str, Topic | None]:
    """Return what is known of `topics`, None for those that do not exist or may not be seen.

    Raises: errors.KafkaError; NotImplementedError when the broker is older than Kafka 2.3.
    """
    node = inner.get_random_node()
    response = await inner.send(node, _MetadataRequest(topics))
    settings = await _settings(inner, topics)
    found: dict[str, Topic | None] = dict.fromkeys(topics)
    for code, topic, _internal, partitions, operations in response.topics:
        if code not in {_UNKNOWN_TOPIC, _DENIED}:
            found[topic] = Topic(
                len(partitions),
                bool(operations & _READ),
                bool(operations & _WRITE),
                *_limits(settings.get(topic)),
            )
    return found


_SETTINGS = (
    "max.message.bytes",
    "cleanup.policy",
    "retention.ms",
    "message.timestamp.type",
    "message.timestamp.after.max.ms",
    "message.timestamp.before.max.ms",
)
"""The last two since Kafka 3.6; an older broker refuses no time by default."""


async def _settings(
    inner: AIOKafkaClient, topics: Collection[str]
) -> Mapping[str, Mapping[str, str]]:
    """Return what is set for each topic whose settings may be read."""
    request = DescribeConfigsRequest([(_TOPIC, topic, list(_SETTINGS)) for topic in topics])
    try:
        response = await inner.send(inner.get_random_node(), request)
    except errors.KafkaError:
        return {}
    return {
        topic: {entry[0]: entry[1] for entry in entries}
        for code, _message, _type, topic, entries in response.resources
        if not code
    }


def _limits(
    settings: Mapping[str, str] | None,
) -> tuple[int | None, bool | None, float | None, float | None, float | None]:
    """Return the largest batch, whether it is compacted, how far times may be off, and the retention."""
    if settings is None:
        return None, None, None, None, None
    ahead_s, behind_s = inf, inf
    if settings.get("message.timestamp.type") != "LogAppendTime":
        ahead_s = float(settings.get("message.timestamp.after.max.ms", inf)) / 1000
        behind_s = float(settings.get("message.timestamp.before.max.ms", inf)) / 1000
    compacted = "compact" in settings["cleanup.policy"]
    retention_ms = float(settings["retention.ms"]) if "delete" in settings["cleanup.policy"] else -1
    retention_s = retention_ms / 1000 if retention_ms >= 0 else inf
    return int(settings["max.message.bytes"]), compacted, ahead_s, behind_s, retention_s
