"""What a full standard lane costs an urgent request, station by station: its patience and a slice."""

import asyncio

import pytest

from config.settings import LEAST_PATIENCE
from tests.pipeline.line import Line, now_s, slow_admission

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
