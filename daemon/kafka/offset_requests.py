"""Requests about a group's offsets that the client library lacks, on its own protocol types.

aiokafka 0.14 stops at OffsetFetch v3 and TxnOffsetCommit v0: the one shows offsets that an open
transaction is about to change, the other moves them for whoever asks, a member of the group or not.
Source: KIP-447 and the message definitions of Apache Kafka 2.5 and later.
"""

from collections.abc import Mapping, Sequence
from io import BytesIO
from struct import Struct
from typing import NamedTuple

from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.commit import OffsetFetchRequest_v1, OffsetFetchRequest_v3
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Int64,
    Schema,
    TaggedFields,
    UnsignedVarInt32,
)
from aiokafka.structs import TopicPartition

UNSTABLE_OFFSET_COMMIT = 88
"""A transaction that is not decided yet has committed offsets for the partition: ask again."""

_TEXT = CompactString("utf-8")
_TAGS = ("tags", TaggedFields)
_NO_TAGS: Mapping[int, bytes] = {}


class _CommitRows:
    """The partitions of a topic in OffsetFetch v7: most of what is answered, so read at one go."""

    _PLACE, _CODE = Struct(">iqi"), Struct(">h")

    @classmethod
    def decode(cls, data: BytesIO) -> list[tuple[int, int, int, str | None, int, object]]:
        """Return number, offset, leader epoch, metadata, error code and tags of each."""
        return [
            (
                *cls._PLACE.unpack(data.read(cls._PLACE.size)),
                _TEXT.decode(data),
                *cls._CODE.unpack(data.read(cls._CODE.size)),
                TaggedFields.decode(data),
            )
            for _ in range(UnsignedVarInt32.decode(data) - 1)
        ]


class _OffsetFetchResponse(Response):  # type: ignore[misc]  # aiokafka has no types here
    """OffsetFetch v7."""

    API_KEY = 9
    API_VERSION = 7
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "topics",
            CompactArray(
                ("topic", _TEXT),
                ("partitions", _CommitRows),
                _TAGS,
            ),
        ),
        ("error_code", Int16),
        _TAGS,
    )


class _OffsetFetchStruct(RequestStruct):  # type: ignore[misc]  # as above
    """OffsetFetch v7."""

    FLEXIBLE_VERSION = True
    API_KEY = 9
    API_VERSION = 7
    RESPONSE_TYPE = _OffsetFetchResponse
    SCHEMA = Schema(
        ("group_id", _TEXT),
        ("topics", CompactArray(("topic", _TEXT), ("partitions", CompactArray(Int32)), _TAGS)),
        ("require_stable", Boolean),
        _TAGS,
    )


class FetchedOffset(NamedTuple):
    """What an OffsetFetch of any version says of a partition."""

    topic: str
    partition: int
    offset: int
    metadata: str | None
    error_code: int


class StableOffsetFetch(
    Request[OffsetFetchRequest_v1 | OffsetFetchRequest_v3 | _OffsetFetchStruct]  # type: ignore[misc]  # as above
):
    """OffsetFetch v7 where the broker has it: what no open transaction is about to change.

    An older broker answers v3, where a transaction that is being decided goes unseen.
    """

    API_KEY = 9

    def __init__(
        self, group: str, topics: Mapping[str, Sequence[int]] | None, *, stable: bool
    ) -> None:
        """Without `topics` all that the group has; not `stable`: as it is at the moment."""
        self._group = group
        self._topics = topics
        self._stable = stable

    def build(
        self,
        request_struct_class: type[
            OffsetFetchRequest_v1 | OffsetFetchRequest_v3 | _OffsetFetchStruct
        ],
    ) -> OffsetFetchRequest_v1 | OffsetFetchRequest_v3 | _OffsetFetchStruct:
        """Return what goes over the wire."""
        asked = (
            None
            if self._topics is None
            else [(each, list(self._topics[each])) for each in self._topics]
        )
        if request_struct_class is not _OffsetFetchStruct:
            return request_struct_class(self._group, asked)
        tagged = None if asked is None else [(*each, _NO_TAGS) for each in asked]
        return _OffsetFetchStruct(self._group, tagged, self._stable, _NO_TAGS)


def fetched_offsets(response: Response) -> list[FetchedOffset]:
    """Return what the answer to a StableOffsetFetch says; its own error code is the caller's."""
    has_tags = response.API_VERSION >= _OffsetFetchResponse.API_VERSION
    offsets = []
    for topic, partitions, *_ in response.topics:
        for fields in partitions:
            number, offset, *_epoch, metadata, code = fields[:-1] if has_tags else fields
            offsets.append(FetchedOffset(topic, number, offset, metadata, code))
    return offsets


class _TxnOffsetCommitResponse(Response):  # type: ignore[misc]  # as above
    """TxnOffsetCommit v3."""

    API_KEY = 28
    API_VERSION = 3
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "topics",
            CompactArray(
                ("topic", _TEXT),
                ("partitions", CompactArray(("partition", Int32), ("error_code", Int16), _TAGS)),
                _TAGS,
            ),
        ),
        _TAGS,
    )


class _TxnOffsetCommitStruct(RequestStruct):  # type: ignore[misc]  # as above
    """TxnOffsetCommit v3."""

    FLEXIBLE_VERSION = True
    API_KEY = 28
    API_VERSION = 3
    RESPONSE_TYPE = _TxnOffsetCommitResponse
    SCHEMA = Schema(
        ("transactional_id", _TEXT),
        ("group_id", _TEXT),
        ("producer_id", Int64),
        ("producer_epoch", Int16),
        ("generation_id", Int32),
        ("member_id", _TEXT),
        ("group_instance_id", _TEXT),
        (
            "topics",
            CompactArray(
                ("topic", _TEXT),
                (
                    "partitions",
                    CompactArray(
                        ("partition", Int32),
                        ("offset", Int64),
                        ("leader_epoch", Int32),
                        ("metadata", _TEXT),
                        _TAGS,
                    ),
                ),
                _TAGS,
            ),
        ),
        _TAGS,
    )


class Committer(NamedTuple):
    """Who commits: one life of a transactional producer, as a member of a group's generation."""

    transactional_id: str
    producer_id: int
    producer_epoch: int
    group: str
    generation: int
    member: str
    instance: str | None


class FencedOffsetCommit(Request[_TxnOffsetCommitStruct]):  # type: ignore[misc]  # as above
    """TxnOffsetCommit v3: refused from whom the group's generation does not know any more."""

    API_KEY = 28

    def __init__(
        self, committer: Committer, topics: Mapping[str, Sequence[tuple[int, int, str]]]
    ) -> None:
        """`topics` has number, offset and metadata of partitions."""
        self._committer = committer
        self._topics = topics

    def build(self, request_struct_class: type[_TxnOffsetCommitStruct]) -> _TxnOffsetCommitStruct:
        """Return what goes over the wire."""
        by = self._committer
        topics = [
            (
                topic,
                [(number, offset, -1, said, _NO_TAGS) for number, offset, said in each],
                _NO_TAGS,
            )
            for topic, each in self._topics.items()
        ]
        return request_struct_class(
            by.transactional_id,
            by.group,
            by.producer_id,
            by.producer_epoch,
            by.generation,
            by.member,
            by.instance,
            topics,
            _NO_TAGS,
        )


def commit_codes(response: Response) -> dict[TopicPartition, int]:
    """Return the error codes in the answer to a FencedOffsetCommit."""
    return {
        TopicPartition(topic, number): code
        for topic, partitions, *_ in response.topics
        for number, code, *_ in partitions
    }
