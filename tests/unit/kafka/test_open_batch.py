"""The records of one batch: taken as far as there is room, and nothing of them held beyond that."""

import gc
import weakref

import pytest
from aiokafka.record.memory_records import _MemoryRecordsPy
from aiokafka.structs import TopicPartition

from daemon.kafka.reading.batch_reading import BatchReading
from daemon.kafka.reading.decompression import Unpacked
from daemon.kafka.reading.open_batch import OpenBatch, left_of
from daemon.kafka.reading.room import Room
from tests.raw_batches import bad_header_between, batch

P = TopicPartition("requests", 0)
MANY = 100
WIDE = 2**20


def opened(raw, *, first=0, is_sound=True, batch_reading=None):
    raw = bytes(raw)
    head = _MemoryRecordsPy(raw).next_batch()
    unpacked = Unpacked(memoryview(raw), is_sound)
    return OpenBatch(P, head, unpacked, first, batch_reading or BatchReading(1))


def take(open_batch, *, records=MANY, size_bytes=WIDE):
    taken = []
    is_over = open_batch.take(taken, Room(records, size_bytes))
    return [record.offset for record in taken], is_over


def test_it_goes_on_where_there_was_no_more_room():
    three = opened(batch(b"a", b"b", b"c"))

    assert take(three, records=2) == ([0, 1], False)
    assert three.next_offset == 2
    assert take(three) == ([2], True)


@pytest.mark.parametrize("size_bytes", [WIDE, 100], ids=["whole", "by bytes"])
def test_what_is_taken_in_many_parts_is_read_by_the_client_s_parser_alone(size_bytes, monkeypatch):
    """It takes a tenth of the time of the one for batches in which something is damaged."""
    monkeypatch.setattr("daemon.kafka.reading.open_batch.read_leniently", None)
    many = opened(batch(*[b"a" * 10] * 9))

    offsets = [take(many, records=2, size_bytes=size_bytes)[0] for _ in range(5)]

    assert offsets == [[0, 1], [2, 3], [4, 5], [6, 7], [8]]


def test_what_comes_before_the_first_offset_is_left_out():
    assert take(opened(batch(b"a", b"b", b"c"), first=2)) == ([2], True)


def test_a_batch_larger_than_what_is_left_waits_for_more_room():
    """It is taken whole then, which is faster than record by record."""
    two, room = opened(batch(b"a" * 900, b"b" * 900)), Room(MANY, 4_000)
    room.bytes = 1_000

    assert two.take([], room) is False
    assert (room.is_left, two.next_offset) == (False, 0)


def test_of_one_larger_than_any_room_as_many_records_are_taken_as_fit():
    assert take(opened(batch(*[b"a" * 900] * 4)), size_bytes=1_000) == ([0, 1], False)


def test_without_records_to_read_it_is_over():
    head = _MemoryRecordsPy(bytes(batch(b"a"))).next_batch()

    assert take(OpenBatch(P, head, None, 0, BatchReading(1))) == ([], True)


@pytest.mark.parametrize("is_sound", [True, False])
def test_an_unreadable_record_is_kept_apart(is_sound):
    batch_reading = BatchReading(1)
    raw = bad_header_between(b"a", b"b", b"c", bad=1)
    three = opened(raw, is_sound=is_sound, batch_reading=batch_reading)

    offsets = [*take(three)[0], *take(three)[0]]

    assert offsets == [0, 2]
    assert [stub.offset for stub in batch_reading.take()[P]] == [1]


def test_what_is_left_of_a_batch_is_named_offset_by_offset():
    head = _MemoryRecordsPy(bytes(batch(b"a", b"b", b"c"))).next_batch()

    assert left_of(head, 1, "damaged") == [(1, "damaged"), (2, "damaged")]


@pytest.mark.parametrize("is_sound", [True, False])
def test_its_bytes_go_with_it_and_need_no_collector(is_sound):
    gc.disable()
    try:
        batch_reading = BatchReading(1)
        two = opened(batch(b"a", b"b"), is_sound=is_sound, batch_reading=batch_reading)
        take(two, records=1)
        gone = weakref.ref(batch_reading)
        del two, batch_reading

        assert gone() is None
    finally:
        gc.enable()
