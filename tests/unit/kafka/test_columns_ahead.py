"""Batches read by columns hold what they hold when they are read record by record."""

import math
import struct
from unittest import mock

import pytest
from aiokafka.consumer.fetcher import READ_COMMITTED
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import _MemoryRecordsPy
from aiokafka.structs import TopicPartition
from hypothesis import example, given
from hypothesis import strategies as st

from daemon.kafka.reading import columns_ahead
from daemon.kafka.reading.batch_reading import BatchReading
from daemon.kafka.reading.column_reading import LEAST_RECORDS
from daemon.kafka.reading.room import MOST_BATCHES, Room
from daemon.kafka.reading.tolerant_records import TolerantRecords
from daemon.values.record_columns import RecordColumns
from tests.raw_batches import CODECS, bad_header_between, batch, replace, seal

P = TopicPartition("requests", 0)
LIMIT_BYTES = 2**20


def wide():
    return Room(1_000, math.inf)


_ATTRIBUTES_AT, _LAST_DELTA_AT, _MAX_MS_AT = 21, 23, 35
ID, OCTETS = "correlation-id", ("content-type", b"application/octet-stream")
CONTROL, TRANSACTIONAL, APPENDED = 0x20, 0x10, 0x08


def built(records, *, codec="none", first=0, attributes=0):
    """A batch of (timestamp, key, value, headers) at offset `first`."""
    builder = DefaultRecordBatchBuilder(2, CODECS[codec], 0, -1, -1, -1, 2**30)
    for offset, (timestamp_ms, key, value, headers) in enumerate(records):
        builder.append(offset, timestamp_ms, key, value, headers)
    raw = bytearray(builder.build())
    (given_,) = struct.unpack_from(">h", raw, _ATTRIBUTES_AT)
    struct.pack_into(">h", raw, _ATTRIBUTES_AT, given_ | attributes)
    return placed(raw, first)


def placed(raw, first):
    struct.pack_into(">q", raw, 0, first)
    return bytes(seal(raw))


def alike(count, *, first=0, **options):
    """Records as requesters send them: keys and ids of several lengths."""
    sent = [
        (1_000 + place // 3, b"k%d" % (place * 7), b"%064d" % place, [(ID, b"%d" % place), OCTETS])
        for place in range(count)
    ]
    return built(sent, first=first, **options)


def reader(*batches, first=0, aborted=(), batch_reading=None):
    return TolerantRecords(
        P,
        _MemoryRecordsPy(b"".join(batches)),
        aborted,
        first,
        batch_reading or BatchReading(LIMIT_BYTES),
        None,
        None,
        READ_COMMITTED,
    )


def shown(records):
    return [
        (
            each.topic,
            each.partition,
            each.offset,
            each.timestamp,
            each.key,
            each.value,
            each.headers,
        )
        for each in records
    ]


def read(batches, rooms, *, least, first=0):
    """Return all records, what could not be read, and the position after each take."""
    batch_reading = BatchReading(LIMIT_BYTES)
    records = reader(*batches, first=first, batch_reading=batch_reading)
    found, positions = [], []
    with mock.patch.object(columns_ahead, "LEAST_RECORDS", least):
        while not records.ended:
            most, size_bytes = rooms[len(positions) % len(rooms)]
            taken = records.take(Room(most, size_bytes))
            assert len(taken) <= most
            found += shown(taken)
            positions.append(records.next_fetch_offset)
            assert not taken or positions[-1] > taken[-1].offset
            assert len(positions) < 1_000
    return found, batch_reading.take().get(P, []), positions[-1:]


texts = st.one_of(st.none(), st.binary(max_size=3), st.just(b"x" * 70))
headers = st.lists(
    st.tuples(st.sampled_from(["a", "bb", "\xfc"]), st.one_of(st.none(), st.binary(max_size=3))),
    max_size=2,
)
record = st.tuples(st.integers(0, 2**40), texts, texts, headers)
records_alike = st.builds(lambda sent, count: [sent] * count, record, st.integers(1, 5))
batches = st.lists(
    st.tuples(
        st.one_of(records_alike, st.lists(record, min_size=1, max_size=4)),
        st.sampled_from(["none", "none", "lz4"]),
        st.sampled_from([0, 0, 0, 3]),
        st.sampled_from([0, 0, 0, APPENDED]),
        st.sampled_from([0, 0, 0, 0, 1]),
    ),
    min_size=1,
    max_size=5,
)
rooms = st.lists(
    st.tuples(st.integers(1, 6), st.sampled_from([1, 80, 2**20])), min_size=1, max_size=3
)


@given(batches, rooms, st.integers(0, 3))
def test_columns_are_what_is_read_record_by_record(sent, rooms, first):
    log, offset = [], 0
    for records, codec, gap, attributes, bad in sent:
        offset += gap
        if bad:
            log.append(placed(bad_header_between(b"a", b"b", b"c"), offset))
            offset += 3
        else:
            log.append(built(records, codec=codec, first=offset, attributes=attributes))
            offset += len(records)

    by_columns = read(log, rooms, least=1, first=first)

    assert by_columns == read(log, rooms, least=math.inf, first=first)


neighbours = st.one_of(
    st.tuples(st.sampled_from([0, 1, 40, 57, 58, 200, 264]), st.integers(1, 150)),
    st.tuples(st.sampled_from([8_180, 8_190]), st.integers(1, 30)),
)


@given(st.lists(st.lists(neighbours, min_size=1, max_size=4), min_size=1, max_size=3))
@example([[(200, 100), (264, 20)]])  # the first byte of both lengths is the same
def test_neighbours_as_long_as_each_other_are_told_from_what_follows(sent):
    log, first = [], 0
    for lengths in sent:
        values = [bytes(length) for length, count in lengths for _ in range(count)]
        log.append(built([(0, None, value, []) for value in values], first=first))
        first += len(values)

    with mock.patch.object(columns_ahead, "LEAST_RECORDS", 1):
        taken = reader(*log).take(Room(1_000_000, math.inf))

    assert isinstance(taken, RecordColumns)
    assert shown(taken) == read(log, [(1_000_000, math.inf)], least=math.inf)[0]


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("size", [LEAST_RECORDS, 10])
def test_what_is_laid_out_alike_is_read_by_columns_however_small_its_batches(size, codec):
    log = [alike(size, first=first, codec=codec) for first in range(0, 20 * size, size)]

    taken = reader(*log).take(Room(1_000_000, math.inf))

    assert isinstance(taken, RecordColumns)
    assert taken.offsets == range(20 * size)


@pytest.mark.parametrize("kind", [RecordColumns, list], ids=["by columns", "record by record"])
def test_of_very_many_small_batches_only_some_are_read_at_a_time(kind):
    log = [alike(2, first=first) for first in range(0, 2_000, 2)]
    if kind is list:
        log = [built([(0, None, b"x", [(f"a{at}", b"")])] * 2, first=2 * at) for at in range(1_000)]
    records, taken = reader(*log), []
    while not records.ended:
        taken.append(records.take(wide()))

    assert all(isinstance(each, kind) for each in taken)
    assert max(map(len, taken)) == 2 * MOST_BATCHES
    assert [each.offset for some in taken for each in some] == list(range(2_000))


def test_nothing_more_is_read_in_a_room_whose_batches_are_used_up():
    room, log = wide(), [alike(2, first=first) for first in range(0, 2_000, 2)]
    reader(*log).take(room)

    assert room.records > 0
    assert not room.is_left
    assert reader(*log).take(room) == []


def test_fewer_records_are_read_one_by_one():
    taken = reader(alike(LEAST_RECORDS - 1)).take(wide())

    assert isinstance(taken, list)
    assert len(taken) == LEAST_RECORDS - 1


def test_what_there_is_no_room_for_is_taken_next_without_being_read_again():
    records = reader(alike(300))

    first, second = records.take(Room(200, math.inf)), records.take(wide())

    assert (first.offsets, second.offsets) == (range(200), range(200, 300))
    assert first.values.data is second.values.data
    assert (records.ended, records.next_fetch_offset) == (True, 300)


def test_the_last_record_alone_passes_the_bytes():
    room = Room(1_000, 64 * 10)

    taken = reader(alike(300)).take(room)

    sizes = [len(each.key) + len(each.value) for each in taken]
    assert sum(sizes[:-1]) < 640 <= sum(sizes)
    assert room.bytes == 640 - sum(sizes)


def test_what_is_odd_is_not_tried_twice():
    odd = [(0, None, b"x", [("a", b"1")] if place % 2 else [("b", b"1")]) for place in range(300)]
    records = reader(built(odd))

    with mock.patch.object(columns_ahead, "read_columns", return_value=None) as tried:
        while not records.ended:
            records.take(Room(50, math.inf))

    assert tried.call_count == 1


@pytest.mark.parametrize("attributes", [CONTROL, CONTROL | TRANSACTIONAL])
def test_markers_are_no_records(attributes):
    commit = (0, struct.pack(">hh", 0, 1), bytes(6), [])
    marker = built([commit], first=200, attributes=attributes)
    log = [alike(200), marker, alike(200, first=201)]
    records = reader(*log)

    taken = [records.take(wide()) for _ in range(2)]

    assert [[each.offset for each in some] for some in taken] == [
        [*range(200)],
        [*range(201, 401)],
    ]


def test_what_a_transaction_wrote_is_read_where_none_was_aborted():
    taken = reader(alike(200, attributes=TRANSACTIONAL)).take(wide())

    assert isinstance(taken, RecordColumns)


def test_a_batch_whose_checksum_is_wrong_ends_what_is_read_by_columns():
    damaged = bytearray(alike(200, first=200))
    damaged[-1] ^= 1
    records = reader(alike(200), bytes(damaged), alike(200, first=400))

    taken = records.take(wide())

    assert (taken.offsets, records.next_fetch_offset) == (range(200), 200)
    assert list(records.take(wide())) == []


def test_columns_keep_no_more_than_their_own_records_alive():
    log = alike(200) + alike(200, first=200)
    taken = reader(log).take(wide())

    assert len(taken.values.data) < len(log)


@pytest.mark.parametrize("places", [slice(0, 0), slice(3, 4), slice(2, 9), slice(None, None, 3)])
def test_a_part_of_columns_is_that_part_of_the_records(places):
    columns = reader(alike(LEAST_RECORDS)).take(wide())

    assert shown(columns[places]) == shown(columns)[places]
    assert shown([columns[3]]) == shown(columns)[3:4]


def test_what_claims_more_records_than_it_holds_is_read_as_before():
    raw = bytearray(alike(200))
    struct.pack_into(">i", raw, 57, 10**6)
    struct.pack_into(">i", raw, _LAST_DELTA_AT, 10**6 - 1)
    raw = bytes(seal(raw))

    assert read([raw], [(1_000, 2**20)], least=1) == read([raw], [(1_000, 2**20)], least=math.inf)


def test_a_name_that_is_no_text_is_left_to_who_reports_it():
    raw = replace(
        bytearray(batch(b"a", b"b", headers=[[("evil", b"x")]] * 2)), b"evil", b"\xff\xfe\xfd\xfc"
    )
    raw = placed(raw, 0)

    assert read([raw], [(1_000, 2**20)], least=1) == read([raw], [(1_000, 2**20)], least=math.inf)
