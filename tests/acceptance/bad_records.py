"""Records as they are sent to request topics, and the ends that come of them."""

import time
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from tests import raw_batches
from tests.acceptance.bad_models import GOOD
from tests.acceptance.kafka_input import RawBatch
from tests.bad_input import BadInput

_QUIET_S = 20
"""How long no end may come before those that are missing are given up."""
_AFTERMATH_S = 0.5
"""How long something may still come twice."""
_BATCH_BYTES = 1_000_000

Position = tuple[str, int, int]
"""Topic, partition, offset."""


class Sent(NamedTuple):
    """A record on a request topic; `answered_as` is what a good one is answered like."""

    position: Position
    answered_as: str
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]
    sent_ms: int


class End(NamedTuple):
    """A record on a reply topic or among the dead letters; `at_ms` is when it was published."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]
    at_ms: int

    def header(self, name):
        """The only header of that name, None without one."""
        values = [value for found, value in self.headers if found == name]
        assert len(values) <= 1, (name, values)
        return values[0] if values else None


class Sender:
    """Sends bad records, each between two good ones; an asynchronous context manager.

    `neighbours` are the good records right before and behind each bad one, and those that share
    its batch, by its name.
    """

    def __init__(self, bootstrap: str, prefix: str) -> None:
        self.bad: dict[str, Sent] = {}
        self.unreadable: dict[str, list[Position]] = {}
        self.neighbours: dict[str, list[Sent]] = {}
        self.positions: list[Position] = []
        self._bootstrap = bootstrap
        self._prefix = prefix
        self._producer = AIOKafkaProducer(
            bootstrap_servers=bootstrap,
            max_batch_size=_BATCH_BYTES,
            max_request_size=2 * _BATCH_BYTES,
        )

    async def __aenter__(self):
        await self._producer.start()
        return self

    async def __aexit__(self, *_):
        await self._producer.stop()

    async def send_records(self, lane: str, rows: Sequence[BadInput]) -> None:
        """Send `rows` of one lane in one batch to its partition 0."""
        with_good: list[BadInput | None] = [None]
        for row in rows:
            with_good += [row, None]
        sent = await self._send(lane, 0, with_good)
        for place, row in enumerate(rows):
            before, self.bad[row.name], behind = sent[2 * place : 2 * place + 3]
            self.neighbours[row.name] = [before, behind]

    async def send_batches(self, batches: Sequence[RawBatch]) -> None:
        """Send `batches` as they are to partition 1 of the lane `rows`."""
        topic = f"{self._prefix}rows"
        (before,) = await self._send("rows", 1, [None])
        for raw in batches:
            first = await raw_batches.publish(self._bootstrap, topic, 1, raw.batch)
            inside = [(topic, 1, first + place) for place in range(raw.count)]
            self.positions += inside
            self.unreadable[raw.name] = [inside[place] for place in raw.unreadable]
            good = [
                Sent(position, "json", None, None, [], 0)
                for place, position in enumerate(inside)
                if place not in raw.unreadable
            ]
            (behind,) = await self._send("rows", 1, [None])
            self.neighbours[raw.name] = [before, *good, behind]
            before = behind

    async def _send(self, lane, partition, rows: Sequence[BadInput | None]) -> list[Sent]:
        """Publish one batch, in which None is a good request.

        By the batch's builder, since the producer's own way refuses null key with null value.
        """
        topic = f"{self._prefix}{lane}"
        batch = self._producer.create_batch()
        now_ms = time.time_ns() // 1_000_000
        made = []
        for row in rows:
            value, headers = GOOD[lane] if row is None else (row.value, row.sent_headers)
            headers = [(name, self._renamed(name, text)) for name, text in headers]
            key, age_s = (None, 0.0) if row is None else (row.key, row.age_s)
            timestamp_ms = now_ms - int(age_s * 1000)
            added = batch.append(timestamp=timestamp_ms, key=key, value=value, headers=headers)
            assert added is not None, "more than one batch holds"
            made.append((key, value, headers, now_ms))
        batch.close()
        delivery = await self._producer.send_batch(batch, topic, partition=partition)
        first = (await delivery).offset
        sent = [
            Sent((topic, partition, first + place), lane, *each) for place, each in enumerate(made)
        ]
        self.positions += [each.position for each in sent]
        return sent

    def _renamed(self, name, value):
        if name == "reply-to" and value.startswith(b"bad."):
            return value.replace(b"bad.", self._prefix.encode(), 1)
        return value


async def collect(
    bootstrap: str, topics: Collection[str], positions: Collection[Position]
) -> Mapping[Position, list[End]]:
    """Read `topics` until each of `positions` has an end and nothing more comes."""
    ends = defaultdict(list)
    missing = set(positions)
    async with AIOKafkaConsumer(
        *topics, bootstrap_servers=bootstrap, auto_offset_reset="earliest"
    ) as consumer:
        heard_s = time.monotonic()
        while time.monotonic() - heard_s < (_QUIET_S if missing else _AFTERMATH_S):
            for records in (await consumer.getmany(timeout_ms=100)).values():
                heard_s = time.monotonic()
                for record in records:
                    position = _answered(dict(record.headers))
                    missing.discard(position)
                    ends[position].append(_end(record))
    return dict(ends)


def _end(record):
    return End(record.topic, record.key, record.value, list(record.headers), record.timestamp)


def _answered(headers) -> Position:
    if "dlq-code" in headers:
        topic, partition, offset = (headers[f"dlq-{it}"] for it in ("topic", "partition", "offset"))
    else:
        topic, partition, offset = headers["request-id"].rsplit(b"/", 2)
    return topic.decode(), int(partition), int(offset)
