"""Record batches as no ordinary producer makes them, published as they are."""

import struct

from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c
from aiokafka.structs import TopicPartition

CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
_SENT_MS = 1_700_000_000_000
_CRC_AT = 17
_ATTRIBUTES_AT = 21
_PACKED_AT = 61
LATER_MS = 2**62
"""As far apart as times have to be for their difference to take ten bytes."""
LATER = b"\x80" * 9 + b"\x01"
"""The same as it is written. Of the last byte 64 bits have room for the lowest bit alone."""


def batch(*values, headers=None, codec="none", timestamp_ms=_SENT_MS):
    """One batch with a record for each value; `headers` are those of each record, in order."""
    builder = DefaultRecordBatchBuilder(2, CODECS[codec], 0, -1, -1, -1, 2**30)
    for offset, value in enumerate(values):
        own = list(headers[offset]) if headers else []
        builder.append(offset, timestamp_ms, None, value, own)
    built = bytearray(builder.build())
    return _timeless(built) if codec == "gzip" else built


def _timeless(raw):
    """Let gzip not tell when it packed, so that every process makes the same batch."""
    raw[_PACKED_AT + 4 : _PACKED_AT + 8] = bytes(4)
    return seal(raw)


def replace(raw, old, new):
    """Replace bytes of the same length once, and let the checksum agree."""
    assert len(old) == len(new)
    at = raw.index(old)
    raw[at : at + len(old)] = new
    return seal(raw)


def seal(raw):
    """Write the checksum that belongs to what is there."""
    struct.pack_into(">I", raw, _CRC_AT, calc_crc32c(bytes(raw[_ATTRIBUTES_AT:])))
    return raw


def bad_header_between(*values, bad=1):
    """A batch in which the record number `bad` has a header whose name is not UTF-8."""
    headers = [[("name" if number != bad else "evil", b"x")] for number in range(len(values))]
    return replace(batch(*values, headers=headers), b"evil", b"\xff\xfe\xfd\xfc")


def long_time_behind_a_bad_header(*values):
    """The same, and the last record's time differs from the first's in bits for which 64 have no room.

    A broker does not see these: the record is as old as the others.
    """
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 2**30)
    for offset, value in enumerate(values):
        is_last = offset == len(values) - 1
        time_ms = _SENT_MS + LATER_MS * is_last
        builder.append(offset, time_ms, None, value, [("evil", b"x")] if offset == 1 else [])
    raw = replace(bytearray(builder.build()), b"evil", b"\xff\xfe\xfd\xfc")
    return replace(raw, LATER, LATER[:-1] + b"\x7e")


async def publish(bootstrap, topic, partition, raw):
    """Produce `raw` as it is; return its first offset. Raises AssertionError when it is refused."""
    client = AIOKafkaClient(bootstrap_servers=bootstrap)
    await client.bootstrap()
    try:
        await client.set_topics([topic])
        leader = client.cluster.leader_for_partition(TopicPartition(topic, partition))
        request = ProduceRequest(
            transactional_id=None,
            required_acks=-1,
            timeout=10_000,
            topics=[(topic, [(partition, bytes(raw))])],
        )
        response = await client.send(leader, request)
    finally:
        await client.close()
    ((_, ((_, code, offset, *_rest),)),) = response.topics
    assert code == 0, code
    return offset
