"""Where logs start and end, asked of each partition's leader by requests of our own."""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from enum import IntEnum

from aiokafka import errors
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Int8, Int32, Schema, String
from aiokafka.structs import TopicPartition

from daemon.kafka.packed_rows import PackedRows

_CONSUMER = -1
"""The replica id of one who is no broker."""
_READ_UNCOMMITTED, _READ_COMMITTED = 0, 1
_NO_RECORD = -1


class _ListOffsetsResponse(Response):  # type: ignore[misc]  # aiokafka has no types here
    """ListOffsets v3, with number, error code, time and offset of each partition."""

    API_KEY = 2
    API_VERSION = 3
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("topics", Array(("topic", String("utf-8")), ("partitions", PackedRows("ihqq")))),
    )


class _ListOffsetsStruct(RequestStruct):  # type: ignore[misc]  # as above
    """ListOffsets v3, which brokers have since Kafka 2.0, with number and place of each partition."""

    API_KEY = 2
    API_VERSION = 3
    RESPONSE_TYPE = _ListOffsetsResponse
    SCHEMA = Schema(
        ("replica_id", Int32),
        ("isolation_level", Int8),
        ("topics", Array(("topic", String("utf-8")), ("partitions", PackedRows("iq")))),
    )


class ListOffsets(Request[_ListOffsetsStruct]):  # type: ignore[misc]  # as above
    """ListOffsets for thousands of partitions."""

    API_KEY = 2

    def __init__(
        self, isolation: int, topics: Sequence[tuple[str, Sequence[tuple[int, int]]]]
    ) -> None:
        """`topics` has number and place of partitions."""
        self._isolation = isolation
        self._topics = topics

    def build(self, request_struct_class: type[_ListOffsetsStruct]) -> _ListOffsetsStruct:
        """Return what goes over the wire."""
        return request_struct_class(_CONSUMER, self._isolation, self._topics)


class Place(IntEnum):
    """A place in a log, as ListOffsets names it."""

    END = -1
    START = -2


async def log_ends(
    inner: AIOKafkaClient,
    partitions: Collection[TopicPartition],
    *,
    as_of_s: float | None,
    timeout_s: float,
) -> Mapping[TopicPartition, int]:
    """Return END of the logs, or what it was at `as_of_s`: the first offset that is not older.

    None: now. Those are missing of which nothing is known within twice `timeout_s`. Raises
    errors.TopicAuthorizationFailedError.
    """
    if as_of_s is None:
        return await log_offsets(inner, partitions, Place.END, timeout_s=timeout_s)
    as_of_ms = round(as_of_s * 1000)
    then = await log_offsets(inner, partitions, as_of_ms, timeout_s=timeout_s)
    unchanged = [partition for partition, offset in then.items() if offset == _NO_RECORD]
    now = await log_offsets(inner, unchanged, Place.END, timeout_s=timeout_s) if unchanged else {}
    return {**{each: offset for each, offset in then.items() if offset != _NO_RECORD}, **now}


async def log_offsets(
    inner: AIOKafkaClient,
    partitions: Collection[TopicPartition],
    place: int,
    *,
    timeout_s: float,
    undecided: bool = False,
) -> Mapping[TopicPartition, int]:
    """Return `place` of the logs, or the first offset that is not older than `place` milliseconds.

    _NO_RECORD stands where none is so young; those are missing of which nothing is known within `timeout_s`.

    END is what a worker can read up to: the first open transaction holds it back, as it holds the
    worker, unless `undecided` is to count too. Markers of transactions count. Raises
    errors.TopicAuthorizationFailedError.
    """
    isolation = _READ_UNCOMMITTED if undecided else _READ_COMMITTED
    leaders: defaultdict[int, list[TopicPartition]] = defaultdict(list)
    for partition in partitions:
        leader = inner.cluster.leader_for_partition(partition)
        if leader is not None and leader >= 0:
            leaders[leader].append(partition)
    if sum(map(len, leaders.values())) < len(partitions):
        inner.force_metadata_update()
    answers = await asyncio.gather(
        *(_ask(inner, leader, led, place, isolation, timeout_s) for leader, led in leaders.items())
    )
    return {partition: offset for answer in answers for partition, offset in answer.items()}


async def _ask(
    inner: AIOKafkaClient,
    leader: int,
    partitions: Collection[TopicPartition],
    place: int,
    isolation: int,
    timeout_s: float,
) -> dict[TopicPartition, int]:
    topics: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    for topic, number in partitions:
        topics[topic].append((number, place))
    request = ListOffsets(isolation, list(topics.items()))
    try:
        async with asyncio.timeout(timeout_s):
            response = await inner.send(leader, request)
    except (errors.KafkaError, TimeoutError):
        inner.force_metadata_update()
        return {}
    return _told(inner, response.topics)


def _told(
    inner: AIOKafkaClient, topics: Collection[tuple[str, Collection[tuple[int, int, int, int]]]]
) -> dict[TopicPartition, int]:
    offsets: dict[TopicPartition, int] = {}
    for topic, partitions in topics:
        for number, code, _timestamp, offset in partitions:
            if not code:
                offsets[TopicPartition(topic, number)] = offset
                continue
            error = errors.for_code(code)
            if error is errors.TopicAuthorizationFailedError:
                raise error(topic)
            inner.force_metadata_update()  # its leader has moved, or the topic was made anew
    return offsets
