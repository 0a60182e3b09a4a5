"""Large batches are unpacked in a thread, one at a time, and taken as far as there is room."""

import asyncio
import struct

import cramjam
import pytest
from aiokafka.consumer.fetcher import READ_COMMITTED
from aiokafka.record.memory_records import _MemoryRecordsPy
from aiokafka.structs import TopicPartition

from daemon.kafka.reading.batch_reading import BatchReading
from daemon.kafka.reading.room import Room
from daemon.kafka.reading.tolerant_records import TolerantRecords
from tests.raw_batches import CODECS, batch, seal

_LIMIT_BYTES = 16 * 2**20
_BODY = bytes(2**20)
_LARGE = {name: batch(*[_BODY] * 4, codec=name) for name in CODECS if name != "none"}
_BASE = struct.Struct(">q")


class _Reading:
    """Partitions of one consumer, each with the batches that were fetched of it."""

    def __init__(self):
        self.batch_reading = BatchReading(_LIMIT_BYTES, ready=self._note)
        self._unpacked = asyncio.Event()

    def _note(self):
        self._unpacked.set()

    def records(self, *batches, number=0):
        at = 0
        raw = b""
        for each in batches:
            placed = bytearray(each)
            _BASE.pack_into(placed, 0, at)
            at += struct.unpack_from(">i", placed, 57)[0]
            raw += placed
        partition = TopicPartition("requests", number)
        return TolerantRecords(
            partition, _MemoryRecordsPy(raw), [], 0, self.batch_reading, None, None, READ_COMMITTED
        )

    async def take(self, records, most_bytes, *, beside=()):
        """Take once something could be taken; partitions `beside` are read too."""
        self.batch_reading.reads({records.partition, *beside})
        async with asyncio.timeout(20):
            while not (taken := records.take(Room(100, most_bytes))):
                await self._unpacked.wait()
                self._unpacked.clear()
        return [record.offset for record in taken]


@pytest.fixture
async def reading():
    return _Reading()


@pytest.mark.parametrize("codec", _LARGE)
async def test_a_large_batch_is_taken_as_far_as_there_is_room(reading, codec):
    records = reading.records(_LARGE[codec], batch(b"small"))

    assert records.take(Room(100, 2**20)) == []
    assert await reading.take(records, 2**20) == [0]
    assert await reading.take(records, 2 * 2**20 + 1) == [1, 2, 3]
    assert await reading.take(records, 2**20) == [4]
    assert records.ended


async def test_others_have_their_turn_at_the_end_of_a_large_batch(reading):
    records = reading.records(_LARGE["zstd"], batch(b"small"))

    assert await reading.take(records, 2**30) == [0, 1, 2, 3]


async def test_they_have_it_also_when_the_last_record_filled_the_room(reading):
    records = reading.records(_LARGE["zstd"], batch(b"small"))
    for offset in range(4):
        assert await reading.take(records, 1) == [offset]

    assert not records.is_open


async def test_one_large_batch_is_unpacked_at_a_time(reading):
    first = reading.records(_LARGE["zstd"])
    second = reading.records(_LARGE["zstd"], number=1)
    assert await reading.take(first, 1) == [0]
    reading.batch_reading.reads({first.partition, second.partition})

    assert second.take(Room(100, 1)) == []
    assert not second.holds_large
    assert await reading.take(first, 2**30) == [1, 2, 3]
    assert await reading.take(second, 2**30) == [0, 1, 2, 3]


async def test_a_partition_that_is_not_read_gives_up_the_place_and_repeats_nothing(reading):
    first = reading.records(_LARGE["zstd"])
    second = reading.records(_LARGE["zstd"], number=1)
    assert await reading.take(first, 1) == [0]

    assert await reading.take(second, 1) == [0]
    assert not first.holds_large
    assert await reading.take(first, 2**30) == [1, 2, 3]
    assert await reading.take(second, 2**30) == [1, 2, 3]


async def test_records_that_were_dropped_keep_no_place(reading):
    first = reading.records(_LARGE["zstd"])
    assert await reading.take(first, 1) == [0]
    second = reading.records(_LARGE["zstd"], number=1)

    del first

    assert await reading.take(second, 1, beside=[TopicPartition("requests", 0)]) == [0]


async def test_small_batches_pass_one_that_is_being_unpacked(reading):
    large = reading.records(_LARGE["gzip"])
    small = reading.records(batch(b"a", codec="gzip"), number=1)
    assert large.take(Room(100, 2**30)) == []

    assert [record.value for record in small.take(Room(100, 2**30))] == [b"a"]
    assert await reading.take(large, 2**30) == [0, 1, 2, 3]


async def test_a_large_batch_beyond_the_bound_is_unreadable_and_the_next_is_served(reading):
    bomb = batch(bytes(2 * _LIMIT_BYTES), b"also here", codec="zstd")
    records = reading.records(bomb, batch(b"next"))

    assert await reading.take(records, 2**30) == [2]
    (bad,) = reading.batch_reading.take().values()
    assert [offset for offset, _ in bad] == [0, 1]


async def test_a_record_that_unpacks_to_millions_of_headers_is_unreadable_alone(reading):
    """The client would make 5 GiB of objects of them."""
    evil = batch(b"a", b"b" * 2**20, b"c", headers=[[], [("name", b"x")], []])
    head, records = evil[:61], evil[61:]
    sent = records.index(b"\x02\x08name\x02x")  # one header
    swarm = _varint(4_000_000) + bytes(8_000_000)
    grown = _longer(records, sent, swarm)
    packed = bytes(cramjam.zstd.compress(bytes(grown)))
    struct.pack_into(">i", head, 8, 49 + len(packed))
    struct.pack_into(">h", head, 21, 4)
    records = reading.records(seal(bytearray(head) + packed))

    assert await reading.take(records, 2**30) == [0, 2]
    (bad,) = reading.batch_reading.take().values()
    assert bad == [(1, "more than 20000 headers")]


def _varint(number):
    """Zigzag, as Kafka writes it."""
    number, out = number << 1, b""
    while number >= 0x80:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def _longer(records, at, instead):
    """Put `instead` in place of the one header of the second record, which starts `at`."""
    first = 1 + (records[0] >> 1)  # the length of a short record takes one byte
    _, body = _read_varint(records, first)
    end = at + len(b"\x02\x08name\x02x")
    second = records[body:at] + instead
    return records[:first] + _varint(len(second)) + second + records[end:]


def _read_varint(data, at):
    number, shift = 0, 0
    while True:
        byte = data[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return number >> 1, at


async def test_a_record_is_counted_with_its_headers(reading):
    headers = [[("a", b"")] * 1_000, [("a", b"")] * 1_000]
    records = reading.records(batch(b"a", b"b", headers=headers))

    assert await reading.take(records, 100_000) == [0, 1]  # 6 KB in the log, and 300 KB of objects
    other = reading.records(*[batch(b"a", headers=headers[:1])] * 3)
    room = Room(100, 200_000)
    assert [record.offset for record in other.take(room)] == [0, 1]
    assert not room.is_left
