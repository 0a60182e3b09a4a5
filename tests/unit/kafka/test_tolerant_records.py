"""Batches read record by record; whatever is wrong with one is told, and nothing is raised."""

import mmap
import struct
from pathlib import Path

import pytest
from aiokafka.consumer.fetcher import READ_COMMITTED
from aiokafka.record.memory_records import _MemoryRecordsPy
from aiokafka.structs import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from daemon.kafka.reading.batch_reading import BatchReading
from daemon.kafka.reading.record_batches import MOST_STUBS, stubs_for
from daemon.kafka.reading.tolerant_records import TolerantRecords
from tests.raw_batches import (
    CODECS,
    LATER,
    bad_header_between,
    batch,
    long_time_behind_a_bad_header,
    replace,
    seal,
)

P = TopicPartition("requests", 0)
LIMIT_BYTES = 100_000
_BASE = _FIRST_MS = struct.Struct(">q")
_COUNT = struct.Struct(">i")
_LAST_DELTA_AT, _ATTRIBUTES_AT, _FIRST_MS_AT, _COUNT_AT = 23, 21, 27, 57


def _at(raw, offset):
    """Place a batch at `offset`, as the broker does."""
    _BASE.pack_into(raw, 0, offset)
    return bytes(raw)


def _read(*batches, first=0, batch_reading=None, most=None):
    """Return offsets read, offsets that were not with their reasons, and the position after."""
    batch_reading = batch_reading or BatchReading(LIMIT_BYTES)
    records = TolerantRecords(
        P, _MemoryRecordsPy(b"".join(batches)), [], first, batch_reading, None, None, READ_COMMITTED
    )
    read = []
    for record in records:
        read.append(record)
        if len(read) == most:
            break
    bad = batch_reading.take().get(P, [])
    return [record.offset for record in read], [stub.offset for stub in bad], records


def test_good_batches_are_read_whole():
    offsets, bad, records = _read(_at(batch(b"a", b"b"), 0), _at(batch(b"c"), 2))

    assert (offsets, bad, records.next_fetch_offset) == ([0, 1, 2], [], 3)


def test_a_record_has_all_that_was_sent():
    raw = batch(b"value", headers=[[("name", b"x"), ("empty", None)]], timestamp_ms=123)
    records = TolerantRecords(
        P, _MemoryRecordsPy(_at(raw, 7)), [], 7, BatchReading(1), None, None, READ_COMMITTED
    )

    (record,) = records

    assert (record.topic, record.partition, record.offset) == ("requests", 0, 7)
    assert (record.timestamp, record.key, record.value) == (123, None, b"value")
    assert record.headers == [("name", b"x"), ("empty", None)]


@pytest.mark.parametrize("bad", range(3))
def test_an_unreadable_record_hides_no_other(bad):
    raw = bad_header_between(b"a", b"b", b"c", bad=bad)

    offsets, unreadable, records = _read(_at(raw, 10), _at(batch(b"next"), 13))

    assert offsets == sorted({10, 11, 12, 13} - {10 + bad})
    assert unreadable == [10 + bad]
    assert records.next_fetch_offset == 14


def test_all_else_of_its_batch_is_read_as_the_client_does():
    names = [[("name", b"%d" % number)] for number in range(3)]
    raw = batch(b"a", None, b"c", headers=[[("evil", b"")], *names[1:]], timestamp_ms=55)
    good = batch(b"a", None, b"c", headers=[[("good", b"")], *names[1:]], timestamp_ms=55)

    raw = replace(raw, b"evil", b"\xff\xff\xff\xff")

    slow, fast = list(_records(_at(raw, 0))), list(_records(_at(good, 0)))

    assert [_content(record) for record in slow] == [_content(record) for record in fast[1:]]


@pytest.mark.parametrize("first_ms", [0, 2**62, 2**63 - 1, -(2**63)])
@pytest.mark.parametrize("last", [b"\x00", b"\x01", b"\x7e", b"\x7f"])
def test_a_time_of_more_than_64_bits_is_what_the_client_takes_it_for(first_ms, last):
    """An array of times has no room for more, and a broker takes what has them."""
    odd = long_time_behind_a_bad_header(b"a", b"b", b"c")
    odd = replace(odd, LATER[:-1] + b"\x7e", LATER[:-1] + last)
    _FIRST_MS.pack_into(odd, _FIRST_MS_AT, first_ms)
    good = replace(odd[:], b"\xff\xfe\xfd\xfc", b"good")

    slow, fast = list(_records(_at(seal(odd), 0))), list(_records(_at(good, 0)))

    assert [_content(record) for record in slow] == [_content(fast[0]), _content(fast[2])]


def _records(raw):
    return TolerantRecords(
        P, _MemoryRecordsPy(raw), [], 0, BatchReading(1), None, None, READ_COMMITTED
    )


def _content(record):
    return (record.offset, record.timestamp, record.key, record.value, record.headers)


def test_reading_can_stop_and_go_on_behind_an_unreadable_record():
    raw = _at(bad_header_between(b"a", b"b", b"c", b"d"), 0)

    offsets, bad, records = _read(raw, most=2)
    assert (offsets, bad, records.next_fetch_offset) == ([0, 2], [1], 3)

    offsets, bad, records = _read(raw, first=3)
    assert (offsets, bad, records.next_fetch_offset) == ([3], [], 4)


@pytest.mark.parametrize("codec", CODECS)
def test_compressed_batches_are_read(codec):
    offsets, bad, _ = _read(_at(batch(b"a" * 900, b"b" * 900, codec=codec), 0))

    assert (offsets, bad) == ([0, 1], [])


@pytest.mark.parametrize("codec", [name for name in CODECS if name != "none"])
def test_an_unreadable_record_in_a_compressed_batch_hides_no_other(codec):
    plain = bad_header_between(b"a" * 900, b"b" * 900, b"c" * 900)
    raw = _compressed(plain, codec)

    offsets, bad, _ = _read(_at(raw, 0))

    assert (offsets, bad) == ([0, 2], [1])


def _compressed(plain, codec):
    from aiokafka import codec as codecs  # noqa: PLC0415

    packed = getattr(codecs, f"{codec}_encode")(bytes(plain[61:]))
    raw = bytearray(plain[:61]) + packed
    struct.pack_into(">i", raw, 8, len(raw) - 12)
    struct.pack_into(">h", raw, _ATTRIBUTES_AT, CODECS[codec])
    return seal(raw)


@pytest.mark.parametrize("codec", [name for name in CODECS if name != "none"])
def test_a_batch_that_unpacks_to_more_than_the_bound_is_unreadable(codec):
    raw = batch(bytes(LIMIT_BYTES), b"also here", codec=codec)

    offsets, bad, records = _read(_at(raw, 0), _at(batch(b"next"), 2))

    assert (offsets, bad, records.next_fetch_offset) == ([2], [0, 1], 3)


def test_a_snappy_block_that_lies_about_its_length_is_unreadable():
    """15 bytes that claim 4 GiB end a process that believes them."""
    raw = batch(b"x" * 2_000, codec="snappy")[:61] + b"\xff\xff\xff\xff\x0f" + b"x" * 10
    struct.pack_into(">i", raw, 8, len(raw) - 12)

    offsets, bad, _ = _read(_at(seal(raw), 0))

    assert (offsets, bad) == ([], [0])


@pytest.mark.parametrize("codec", [5, 6, 7])
def test_a_batch_of_an_unknown_codec_is_unreadable(codec):
    raw = batch(b"a", b"b")
    struct.pack_into(">h", raw, _ATTRIBUTES_AT, codec)

    offsets, bad, _ = _read(_at(seal(raw), 0))

    assert (offsets, bad) == ([], [0, 1])


def test_a_batch_with_a_wrong_checksum_is_fetched_once_more():
    batch_reading = BatchReading(LIMIT_BYTES)
    raw = batch(b"a", b"b")
    raw[70] ^= 1
    spoilt = _at(raw, 4)

    offsets, bad, records = _read(
        _at(batch(b"ok"), 3), spoilt, first=3, batch_reading=batch_reading
    )
    assert (offsets, bad, records.next_fetch_offset) == ([3], [], 4)

    offsets, bad, records = _read(spoilt, first=4, batch_reading=batch_reading)
    assert (offsets, bad, records.next_fetch_offset) == ([], [4, 5], 6)


def test_a_batch_that_arrives_whole_the_second_time_is_read():
    batch_reading = BatchReading(LIMIT_BYTES)
    raw = batch(b"a", b"b")
    spoilt = bytearray(raw)
    spoilt[70] ^= 1

    _read(bytes(spoilt), batch_reading=batch_reading)
    offsets, bad, _ = _read(bytes(raw), batch_reading=batch_reading)

    assert (offsets, bad) == ([0, 1], [])


def test_a_batch_with_fewer_records_than_it_claims_is_told_to_its_end():
    raw = batch(b"a", b"b")
    _COUNT.pack_into(raw, _COUNT_AT, 5)
    _COUNT.pack_into(raw, _LAST_DELTA_AT, 4)

    offsets, bad, records = _read(_at(seal(raw), 0))

    assert (offsets, bad, records.next_fetch_offset) == ([0, 1], [2, 3, 4], 5)


def test_records_of_an_aborted_transaction_were_never_sent():
    raw = batch(b"a")
    struct.pack_into(">h", raw, _ATTRIBUTES_AT, 0x10)
    struct.pack_into(">q", raw, 43, 77)
    records = TolerantRecords(
        P,
        _MemoryRecordsPy(_at(seal(raw), 0) + _at(batch(b"b"), 1)),
        [(77, 0)],
        0,
        BatchReading(1),
        None,
        None,
        READ_COMMITTED,
    )

    assert [record.offset for record in records] == [1]


def test_stubs_are_one_an_offset_up_to_a_bound():
    few = list(stubs_for(10, 12, "why"))
    many = list(stubs_for(10, 10 + 50_000, "why"))

    assert [stub.offset for stub in few] == [10, 11, 12]
    assert len(many) == MOST_STUBS
    assert many[-1] == (10 + MOST_STUBS - 1, "why (and all up to offset 50010)")


@pytest.mark.parametrize("count", [MOST_STUBS - 1, MOST_STUBS, MOST_STUBS + 1])
def test_no_offset_is_left_out_at_the_bound(count):
    stubs = list(stubs_for(0, count - 1, "why"))

    assert len(stubs) == min(count, MOST_STUBS)
    assert ("and all up to" in stubs[-1].reason) == (count > MOST_STUBS)


def test_a_flood_of_unreadable_records_is_cut_short():
    count = MOST_STUBS + 500
    raw = batch(*[b""] * count, headers=[[("evil", b"")]] * count)
    raw = seal(bytearray(bytes(raw).replace(b"evil", b"\xff\xff\xff\xff")))

    offsets, bad, records = _read(_at(raw, 0))

    assert (offsets, len(bad), records.next_fetch_offset) == ([], MOST_STUBS, count)


@given(
    flips=st.lists(st.tuples(st.integers(61, 400), st.integers(1, 255)), min_size=1, max_size=8),
    first=st.integers(0, 9),
)
def test_whatever_the_bytes_nothing_is_raised_and_offsets_rise_within_the_batch(flips, first):
    raw = batch(*[b"%d" % number * 5 for number in range(10)], headers=[[("h", b"v")]] * 10)
    for at, mask in flips:
        if at < len(raw):
            raw[at] ^= mask

    offsets, bad, records = _read(_at(seal(raw), 0), _at(batch(b"next"), 10), first=first)

    told = sorted(offsets + bad)
    assert told == sorted(set(told))
    assert offsets == sorted(offsets)
    assert all(first <= offset <= 10 for offset in told)
    assert offsets[-1] == 10
    assert records.next_fetch_offset == 11


def test_the_room_to_unpack_takes_no_memory_before_it_is_used():
    before_pages = _resident_pages()

    batch_reading = BatchReading(256 * 2**20)

    assert _resident_pages() - before_pages < 32 * 2**20 // mmap.PAGESIZE
    assert batch_reading.take() == {}


def _resident_pages():
    statm = Path("/proc/self/statm")
    if not statm.exists():
        pytest.skip("only Linux tells it so")
    return int(statm.read_text().split()[1])
