"""Which topic stands behind a name, the id that Kafka gives each topic when it is made, and who may use it.

A name and an offset do not say which request is meant: a topic that was deleted and made anew has
both again. Source: KIP-516; Kafka has had topic ids since 2.8.
"""

import asyncio
import base64
from collections.abc import Collection, Mapping
from io import BytesIO
from typing import NamedTuple, TypeAlias

from aiokafka import errors
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    AbstractType,
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

TopicIds: TypeAlias = Mapping[str, str]
"""Ids by topic, as Kafka's tools print them; topics that do not exist, or have none, are missing."""

_UUID_BYTES = 16
_NO_ID = bytes(_UUID_BYTES)
_TAGS = ("tags", TaggedFields)
_UNKNOWN_TOPIC = 3
_TOPIC_DENIED = 29
_READ, _WRITE = 1 << 3, 1 << 4
"""In the bits of a topic's operations: org.apache.kafka.common.acl.AclOperation."""
_NOT_TOLD = -(2**31)


class TopicState(NamedTuple):
    """What a broker tells of a topic; the id is empty when there is none."""

    topic_id: str
    absent: bool = False
    may_read: bool = True
    may_write: bool = True


class _Uuid(AbstractType[bytes]):  # type: ignore[misc]  # aiokafka has no types here
    @classmethod
    def encode(cls, value: bytes) -> bytes:
        return value

    @classmethod
    def decode(cls, data: BytesIO) -> bytes:
        return data.read(_UUID_BYTES)


class _MetadataResponse(Response):  # type: ignore[misc]  # as above
    """Metadata v10, the first to tell ids; aiokafka stops at v5."""

    API_KEY = 3
    API_VERSION = 10
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            CompactArray(
                ("node_id", Int32),
                ("host", CompactString("utf-8")),
                ("port", Int32),
                ("rack", CompactString("utf-8")),
                _TAGS,
            ),
        ),
        ("cluster_id", CompactString("utf-8")),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("topic", CompactString("utf-8")),
                ("topic_id", _Uuid),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", CompactArray(Int32)),
                        ("isr", CompactArray(Int32)),
                        ("offline_replicas", CompactArray(Int32)),
                        _TAGS,
                    ),
                ),
                ("authorized_operations", Int32),
                _TAGS,
            ),
        ),
        ("cluster_authorized_operations", Int32),
        _TAGS,
    )


class _MetadataStruct(RequestStruct):  # type: ignore[misc]  # as above
    """Metadata v10."""

    FLEXIBLE_VERSION = True
    API_KEY = 3
    API_VERSION = 10
    RESPONSE_TYPE = _MetadataResponse
    SCHEMA = Schema(
        ("topics", CompactArray(("topic_id", _Uuid), ("topic", CompactString("utf-8")), _TAGS)),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
        _TAGS,
    )


class _MetadataRequest(Request[_MetadataStruct]):  # type: ignore[misc]  # as above
    """Metadata v10 that creates nothing."""

    API_KEY = 3

    def __init__(self, topics: Collection[str]) -> None:
        self._topics = list(topics)

    def build(self, request_struct_class: type[_MetadataStruct]) -> _MetadataStruct:
        """Return what goes over the wire."""
        topics: list[tuple[bytes, str, dict[int, bytes]]]
        topics = [(_NO_ID, topic, {}) for topic in self._topics]
        return request_struct_class(topics, False, False, True, {})  # noqa: FBT003 - the wire's order


async def topic_ids(
    inner: AIOKafkaClient, topics: Collection[str], *, timeout_s: float
) -> TopicIds:
    """Return the present ids of `topics`; see `topic_states`."""
    states = await topic_states(inner, topics, timeout_s=timeout_s)
    return {topic: state.topic_id for topic, state in states.items() if state.topic_id}


async def topic_states(
    inner: AIOKafkaClient, topics: Collection[str], *, timeout_s: float
) -> Mapping[str, TopicState]:
    """Return what there is of `topics` now; nothing at all from a broker older than Kafka 2.8.

    Raises errors.KafkaError when nobody answers.
    """
    node = inner.get_random_node()
    if node is None:
        raise errors.KafkaConnectionError("no broker is known")
    try:
        async with asyncio.timeout(timeout_s):
            response = await inner.send(node, _MetadataRequest(topics))
    except TimeoutError:
        raise errors.RequestTimedOutError from None
    except NotImplementedError:
        return {}
    return {
        topic: _state(code, topic_id, operations)
        for code, topic, topic_id, _internal, _partitions, operations, *_ in response.topics
    }


def _state(code: int, topic_id: bytes, operations: int) -> TopicState:
    known = not code and operations != _NOT_TOLD
    hidden = code == _TOPIC_DENIED
    return TopicState(
        _shown(topic_id) if not code and topic_id != _NO_ID else "",
        absent=code == _UNKNOWN_TOPIC,
        may_read=not hidden and (not known or bool(operations & _READ)),
        may_write=not hidden and (not known or bool(operations & _WRITE)),
    )


def _shown(topic_id: bytes) -> str:
    return base64.urlsafe_b64encode(topic_id).decode().rstrip("=")
