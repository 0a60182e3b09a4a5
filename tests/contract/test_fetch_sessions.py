"""A real Kafka keeps what is fetched, and need not be told again."""

import asyncio

import pytest

from daemon.kafka.reading.lane_fetches import _Ways
from tests.contract.worlds import PATIENCE_S, gather, values_of

pytestmark = pytest.mark.kafka


@pytest.fixture
def fetches(monkeypatch):
    """The fetches that were answered: how many partitions each named, and how many were told of."""
    seen = []
    send = _Ways._send

    async def noted(self, to, request):
        response = await send(self, to, request)
        if request.API_KEY == 1:
            seen.append((_partitions(request), _partitions(response)))
        return response

    monkeypatch.setattr(_Ways, "_send", noted)
    return seen


def _partitions(message):
    return sum(len(partitions) for _, partitions in message.topics)


async def test_a_fetch_that_finds_nothing_names_nothing_and_the_next_record_comes(
    workers, topics, fetches
):
    names = await topics(requests=8)
    source = await workers.start()
    async with asyncio.timeout(PATIENCE_S):
        while fetches[-1:] != [(0, 0)]:
            assert not await source.fetch([names.requests], max_records=10, timeout_s=0.2)
    assert sum(named for named, _ in fetches) == 8

    fetches.clear()
    await workers.produce(names.requests, 3, b"a")
    await workers.produce(names.requests, 5, b"b")
    assert sorted(values_of(await gather(source, [names.requests], 2))) == [b"a", b"b"]
    await workers.produce(names.requests, 3, b"c")
    assert values_of(await gather(source, [names.requests], 1)) == [b"c"]

    assert max(named for named, _ in fetches) <= 2
