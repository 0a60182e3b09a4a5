"""Records as they come by columns, made of such as come alone."""

import struct

from aiokafka.record.default_records import DefaultRecordBatchBuilder

from daemon.kafka.reading.column_reading import read_columns
from tests.raw_batches import seal


def columns_of(records):
    """The same records, which are neighbours in one partition, by columns; None: they are not alike."""
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 2**30)
    for delta, each in enumerate(records):
        builder.append(delta, each.timestamp, each.key, each.value, list(each.headers))
    raw = bytearray(builder.build())
    struct.pack_into(">q", raw, 0, records[0].offset)
    return read_columns(records[0].topic, records[0].partition, [memoryview(bytes(seal(raw)))])
