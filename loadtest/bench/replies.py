"""Reads every reply of a run back, once its worker has ended, and checks them all.

The one place of the load tester, with backlog.py, where requests and replies do not go through
traffic/: what is measured has the machine for itself while it answers (nobody reads beside it), and
millions of replies are compared by whole arrays afterwards, timed by the broker's clock.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from loadtest.bench.forms import Decode, decode_raw
from loadtest.bench.ground import PARTITIONS
from loadtest.bench.pace import Pace
from loadtest.bench.progress import Told, silent
from loadtest.bench.tally import Tally
from loadtest.bench.work import Floats
from loadtest.traffic.records import Account
from loadtest.wire import CORRELATION_ID

_POLL_MS = 1000
# A backlog is read in large pieces; the default of 1 MiB a partition is for services.
_FETCH_BYTES = 8 * 2**20


class ReadBack(NamedTuple):
    """What the replies of a run say: whether they are right, and when the broker had them."""

    account: Account
    pace: Pace


async def read_back(
    bootstrap: str,
    topic: str,
    *,
    sent: int,
    results: Floats,
    decode: Decode = decode_raw,
    see: Callable[[Sequence[ConsumerRecord]], None] | None = None,
    told: Told = silent,
) -> ReadBack:
    """Read `topic` from its start to its end and compare with `results`, see Tally.

    `see` is shown all records, for what else they tell. Raises a KafkaError of aiokafka.
    """
    tally, pace = Tally(sent, results), Pace()
    width = results.shape[1]
    async with AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        enable_auto_commit=False,
        max_partition_fetch_bytes=_FETCH_BYTES,
    ) as consumer:
        read = 0
        left = await _ends(consumer, topic)
        while left:
            chunk = await consumer.getmany(*left, timeout_ms=_POLL_MS)
            for records in chunk.values():
                _enter(tally, pace, records, decode, width)
                read += len(records)
                if see is not None:
                    see(records)
            for partition in [*left]:
                if await consumer.position(partition) >= left[partition]:
                    del left[partition]
            told(read)
    return ReadBack(tally.account(), pace)


async def _ends(consumer: AIOKafkaConsumer, topic: str) -> dict[TopicPartition, int]:
    """Assign all partitions from their start, and return where those end that are not empty."""
    partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    consumer.assign(partitions)
    await consumer.seek_to_beginning(*partitions)
    ends = await consumer.end_offsets(partitions)
    return {partition: end for partition, end in ends.items() if end > 0}


def _enter(
    tally: Tally, pace: Pace, records: Sequence[ConsumerRecord], decode: Decode, width: int
) -> None:
    tally.add(
        [_correlation(record) for record in records],
        decode([record.value for record in records], width),
    )
    pace.add(np.array([record.timestamp for record in records]))


def _correlation(record: ConsumerRecord) -> bytes | None:
    found: list[bytes] = [value for name, value in record.headers if name == CORRELATION_ID]
    return found[0] if found else None
