"""Reads every reply of a run back, once its worker has ended, and checks and times them all.

The one place of the load tester, with backlog.py, where requests and replies do not go through
traffic/: what is measured has the machine for itself while it answers (nobody reads beside it), and
millions of replies are compared by whole arrays afterwards, timed by the broker's clock.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from loadtest.bench.dresses import BINARY_IDS, Ids
from loadtest.bench.ground import PARTITIONS, Told, silent
from loadtest.bench.work import Decode, Floats, decode_raw
from loadtest.traffic.records import Account
from loadtest.wire import CORRELATION_ID

_POLL_MS = 1000
"""All that will come is there: one empty answer is an end."""
# A backlog is read in large pieces; the default of 1 MiB a partition is for services.
_FETCH_BYTES = 8 * 2**20
TOLERANCE = 1e-5
"""How far values may be off: ONNX Runtime's last bits differ with the size of a batch."""


class Tally:
    """Counts replies by the number of their request."""

    def __init__(self, sent: int, results: Floats, ids: Ids = BINARY_IDS) -> None:
        """Expect `results[i % n]` for request i; `results` is float32 [n, width]."""
        self._results = results
        self._ids = ids
        self._replies = np.zeros(sent, np.int64)
        self._wrong = 0
        self._unknown = 0

    def add(self, ids: Sequence[bytes | None], values: Floats) -> None:
        """Enter replies; `values` is float32 [len(ids), width], NaN where there were none."""
        numbers = self._ids.numbers(ids)
        known = (numbers >= 0) & (numbers < len(self._replies))
        if not known.all():
            self._unknown += int(np.count_nonzero(~known))
            numbers, values = numbers[known], values[known]
        np.add.at(self._replies, numbers, 1)
        off = np.abs(values - self._results[numbers % len(self._results)])
        # So that NaN is wrong.
        self._wrong += len(numbers) - int(np.count_nonzero((off <= TOLERANCE).all(axis=1)))

    def account(self) -> Account:
        """Return what was found so far."""
        lost = int(np.count_nonzero(self._replies == 0))
        answered = len(self._replies) - lost
        repeated = int(self._replies.sum()) - answered
        return Account(len(self._replies), lost, repeated, self._wrong, self._unknown)


class Pace:
    """Counts replies by LogAppendTime, in milliseconds.

    The first send is where the time begins: how long its replies took nobody knows, so they do not
    count. Neither does the start of the process, then.
    """

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}

    def add(self, timestamps_ms: npt.NDArray[np.int64]) -> None:
        """Enter replies."""
        for timestamp_ms, count in zip(*np.unique(timestamps_ms, return_counts=True), strict=True):
            self._counts[int(timestamp_ms)] = self._counts.get(int(timestamp_ms), 0) + int(count)

    @property
    def per_s(self) -> float:
        """Replies a second; raises ValueError when all came in one millisecond."""
        if len(self._counts) < 2:  # noqa: PLR2004 - a duration has two ends
            raise ValueError("a pace needs replies at two times")
        first_ms, last_ms = min(self._counts), max(self._counts)
        after_first = sum(self._counts.values()) - self._counts[first_ms]
        return after_first / ((last_ms - first_ms) / 1000)


class ReadBack(NamedTuple):
    """What the replies of a run say: whether they are right, and when the broker had them."""

    account: Account
    pace: Pace


async def read_back(
    bootstrap: str,
    *topics: str,
    sent: int,
    results: Floats,
    decode: Decode = decode_raw,
    ids: Ids = BINARY_IDS,
    see: Callable[[Sequence[ConsumerRecord]], None] | None = None,
    told: Told = silent,
) -> ReadBack:
    """Read `topics` from their start to their end and compare with `results`, see Tally.

    `see` is shown all records, for what else they tell. Raises a KafkaError of aiokafka.
    """
    tally, pace = Tally(sent, results, ids), Pace()
    width = results.shape[1]
    async with AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        enable_auto_commit=False,
        max_partition_fetch_bytes=_FETCH_BYTES,
        isolation_level="read_committed",
    ) as consumer:
        read = 0
        left = await _ends(consumer, topics)
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


async def _ends(consumer: AIOKafkaConsumer, topics: Sequence[str]) -> dict[TopicPartition, int]:
    """Assign all partitions from their start, and return where those end that are not empty."""
    partitions = [TopicPartition(topic, number) for topic in topics for number in range(PARTITIONS)]
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
