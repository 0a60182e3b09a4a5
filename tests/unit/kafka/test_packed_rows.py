"""What is packed and unpacked as a whole is as the client library does it field by field."""

from io import BytesIO

import pytest
from aiokafka.protocol.offset import OffsetRequest_v3, OffsetResponse_v3
from aiokafka.protocol.types import (
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Int64,
    Schema,
    TaggedFields,
)
from hypothesis import given
from hypothesis import strategies as st

from daemon.kafka.looking.log_offsets import _ListOffsetsResponse, _ListOffsetsStruct
from daemon.kafka.offset_requests import _OffsetFetchResponse
from daemon.kafka.packed_rows import PackedRows

INT16, INT32, INT64 = (st.integers(-(2**bits), 2**bits - 1) for bits in (15, 31, 63))
NAMES = st.text(max_size=20)
_TAGS = ("tags", TaggedFields)
_COMMITS = Schema(
    ("throttle_time_ms", Int32),
    (
        "topics",
        CompactArray(
            ("topic", CompactString("utf-8")),
            (
                "partitions",
                CompactArray(
                    ("partition", Int32),
                    ("offset", Int64),
                    ("leader_epoch", Int32),
                    ("metadata", CompactString("utf-8")),
                    ("error_code", Int16),
                    _TAGS,
                ),
            ),
            _TAGS,
        ),
    ),
    ("error_code", Int16),
    _TAGS,
)


def _topics(*fields):
    return st.lists(st.tuples(NAMES, st.lists(st.tuples(*fields), max_size=5)), max_size=3)


@given(_topics(INT32, INT64))
def test_places_in_logs_are_asked_for_as_the_library_asks(topics):
    ours = _ListOffsetsStruct(-1, 1, topics)

    assert ours.encode() == OffsetRequest_v3(-1, 1, topics).encode()


@given(_topics(INT32, INT16, INT64, INT64))
def test_places_in_logs_are_read_as_the_library_reads_them(topics):
    theirs = OffsetResponse_v3(0, topics)

    assert _ListOffsetsResponse.decode(theirs.encode()).topics == topics


@given(
    st.lists(
        st.tuples(
            NAMES,
            st.lists(
                st.tuples(
                    INT32,
                    INT64,
                    INT32,
                    st.none() | st.text(max_size=200),
                    INT16,
                    st.just({}),
                ),
                max_size=5,
            ),
            st.just({}),
        ),
        max_size=3,
    )
)
def test_commits_are_read_as_the_library_reads_them(topics):
    encoded = _COMMITS.encode((0, topics, 7, {}))

    response = _OffsetFetchResponse.decode(encoded)

    assert (response.topics, response.error_code) == (_COMMITS.decode(BytesIO(encoded))[1], 7)


def test_fewer_rows_than_there_are_said_to_be_are_no_rows():
    rows = PackedRows("iq")
    whole = rows.encode([(1, 2), (3, 4)])

    with pytest.raises(ValueError, match="2 rows"):
        rows.decode(BytesIO(whole[:-12]))
