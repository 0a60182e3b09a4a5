"""What a full standard lane costs an urgent request, station by station: its patience and a slice."""

import asyncio
import math

import numpy as np
import pytest

from config.settings import LEAST_PATIENCE
from daemon.kafka.reading.room import Room
from daemon.values.outgoing import RecordRun
from tests.pipeline.doubling import Ones
from tests.pipeline.line import Line, busy, learn, now_s, slow_admission
from tests.pipeline.test_preparing import OnLoop, after, before

LINGER_S = 0.02
PATIENCE_S = LINGER_S
"""The urgent lane's, as nothing else is set."""
LANES = {
    "standard": {"topics": ["standard"], "max_rows": 64, "linger": 1.0, "max_waiting": 16_384},
    "urgent": {"topics": ["urgent"], "max_rows": 4, "linger": LINGER_S, "weight": 8},
}


async def longest_s(line, count=20, every_s=0.2):
    """Return how long the slowest of `count` urgent requests took, one after the other."""
    took_s = []
    for _ in range(count):
        pushed_s = now_s()
        (request,) = line.push("urgent", 7)
        await asyncio.sleep(every_s)
        took_s.append(line.end_of(request).at_s - pushed_s)
    return max(took_s)


@pytest.fixture
def slow_records():
    with slow_admission(1e-4):
        yield


@pytest.mark.usefixtures("slow_records")
@pytest.mark.parametrize("partitions", [1, 8])
async def test_fetch_and_admission(partitions):
    """20,000 records at 100 us are two seconds of the loop, a chunk of them 0.4 s."""
    async with Line(LANES, partitions=partitions) as line:
        alone_s = await longest_s(line)
        for number in range(partitions):
            line.push("standard", *range(20_000 // partitions), partition=number)
        full_s = await longest_s(line, count=10)
        left = line.source.lag_records()["standard"]

        assert left > 0, "the standard lane was not full all the time"
        assert full_s - alone_s <= PATIENCE_S + LEAST_PATIENCE


@pytest.mark.usefixtures("slow_records")
async def test_admission_on_a_loop_that_does_much_else():
    """Whatever comes between the pieces of a chunk: 10 ms each time that the loop turns."""
    async with Line(LANES) as line:
        other_work = asyncio.create_task(_keep_busy(0.01))
        alone_s = await longest_s(line)
        line.push("standard", *range(20_000))
        full_s = await longest_s(line, count=10)
        other_work.cancel()

        assert line.source.lag_records()["standard"] > 0, "the standard lane was not full"
        assert full_s - alone_s <= PATIENCE_S + LEAST_PATIENCE


async def _keep_busy(seconds):
    while True:
        busy(seconds)
        await asyncio.sleep(0)


BATCH_S = 2e-5
"""What it takes on a slow machine to find a batch of one record, and to read it by columns."""


@pytest.mark.parametrize("partitions", [1, 8])
async def test_reading_of_small_batches(monkeypatch, partitions):
    """Each record is a batch, of which so many are read in one turn of the loop as the source reads."""
    async with Line(LANES, partitions=partitions) as line:
        fetch = line.source.fetch

        async def fetch_slowly(topics, *, max_records, **options):
            most = min(max_records, Room(max_records, math.inf).batches)
            chunks = await fetch(topics, max_records=most, **options)
            busy(BATCH_S * sum(len(chunk.records) for chunk in chunks))
            return chunks

        monkeypatch.setattr(line.source, "fetch", fetch_slowly)
        alone_s = await longest_s(line)
        for number in range(partitions):
            line.push("standard", *[b"a" * 4] * (16_000 // partitions), partition=number)
        full_s = await longest_s(line, count=5, every_s=0.05)
        position = line.source.ledgers["standard", partitions - 1].position

        assert position < 16_000 // partitions, "all was read before the end"
        assert full_s - alone_s <= PATIENCE_S + LEAST_PATIENCE


ROW_S = 0.009


@pytest.mark.parametrize("place", [before, after])
async def test_transforms_in_threads(place):
    async with Line(LANES, transform=Ones(), transform_s=place(lambda _: 0.001)) as line:
        await stays_in_bounds(line, full_with=5_000, slice_s=LEAST_PATIENCE)


async def test_transforms_on_the_loop():
    async with Line(LANES, transform=OnLoop()) as line:
        await stays_in_bounds(line, full_with=5_000, slice_s=LEAST_PATIENCE)


async def test_batches():
    async with Line(LANES) as line:
        line.session.base_s, line.session.row_s = 0.0, ROW_S
        learn(line)
        await stays_in_bounds(line, full_with=640, slice_s=2 * ROW_S)


async def test_batches_beside_other_work():
    """Each run is 5 ms late, however many rows it has, as if starts cost that."""
    async with Line(LANES) as line:
        line.session.base_s, line.session.row_s = 0.0, ROW_S
        learn(line)
        line.session.late_s = 0.005
        line.push("standard", *[b"a" * 4] * 640)
        await longest_s(line, count=30)  # so many runs it learns from
        await line.quiet()
        await stays_in_bounds(line, full_with=640, slice_s=2 * ROW_S + 0.005)


@pytest.mark.parametrize("known", [True, False], ids=["costs are known", "nothing is known"])
async def test_lone_requests(known):
    """One of 2,000 rows runs for 18 s: by two rows, or by N while nobody knows what a row takes."""
    async with Line(LANES) as line:
        line.session.base_s, line.session.row_s = 0.0, ROW_S
        if known:
            learn(line)
        alone_s = await longest_s(line)
        body = np.arange(2_000, dtype="<f4")
        (lone,) = line.push("standard", body.tobytes())
        full_s = await longest_s(line, count=10, every_s=1.0)

        assert not line.ends()[lone], "the executor was free"
        assert full_s - alone_s <= PATIENCE_S + (2 if known else 64) * ROW_S
        await line.quiet()
        assert line.end_of(lone).value == (body * 2).tobytes()


@pytest.mark.parametrize("row_s", [1e-3, 1e-4], ids=["more than is made", "fewer"])
async def test_replies(monkeypatch, row_s):
    """The broker takes 5,000 a second, more than the model makes or fewer."""
    async with Line(LANES) as line:
        line.session.base_s, line.session.row_s = 0.0, row_s
        learn(line)
        send = line.sink.send

        async def send_slowly(topic, partition, records):
            runs = [each.count for each in records if isinstance(each, RecordRun)]
            await asyncio.sleep(2e-4 * (len(records) - len(runs) + sum(runs)))
            await send(topic, partition, records)

        monkeypatch.setattr(line.sink, "send", send_slowly)
        await stays_in_bounds(line, full_with=12_000, slice_s=64 * 2e-4)


async def stays_in_bounds(line, *, full_with, slice_s):
    """Fill the standard lane: an urgent request then takes its patience and a slice longer."""
    alone_s = await longest_s(line)
    line.push("standard", *[b"a" * 4] * full_with)
    full_s = await longest_s(line, count=10)

    assert line.line.in_flight_requests > 0, "the standard lane was not full all the time"
    assert full_s - alone_s <= PATIENCE_S + slice_s
