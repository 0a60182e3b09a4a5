"""The network between worker and broker has holes, is slow, is cut, or loses answers."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from loadtest.kafka.proxy import PRODUCE, Proxy

pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]

_LATENCY_S = 0.3
_SLOW_S = 15
_CUTS = 15
_SWALLOWS_S = 10


@asynccontextmanager
async def _through_a_proxy(spare, spare_trial, fault_row):
    async with Proxy(spare.ports) as proxy, spare_trial(through=proxy.bootstrap) as running:
        await running.start(2)
        async with running.load():
            async with running.fault():
                yield proxy
            await running.more_answers(100)
        await running.judge(fault_row)


@pytest.mark.parametrize(
    ("hole_s", "ways"),
    [
        pytest.param(
            5,
            ("requests",),
            marks=pytest.mark.fault_row("a hole in the network", "5 s, to the broker", promise=6),
        ),
        pytest.param(
            5,
            ("answers",),
            marks=pytest.mark.fault_row("a hole in the network", "5 s, from the broker", promise=6),
        ),
        pytest.param(
            20,
            ("requests",),
            marks=pytest.mark.fault_row("a hole in the network", "20 s, to the broker", promise=6),
        ),
        pytest.param(
            20,
            ("answers",),
            marks=pytest.mark.fault_row(
                "a hole in the network", "20 s, from the broker", promise=6
            ),
        ),
        pytest.param(
            60,
            ("requests", "answers"),
            marks=pytest.mark.fault_row("a hole in the network", "60 s, both ways", promise=6),
        ),
    ],
)
async def test_a_hole(spare, spare_trial, fault_row, hole_s, ways):
    async with _through_a_proxy(spare, spare_trial, fault_row) as proxy:
        proxy.fall_silent(**{way: way in ways for way in ("requests", "answers")})
        await asyncio.sleep(hole_s)
        proxy.release()


@pytest.mark.fault_row("a slow network", "300 ms latency for 15 s", promise=6)
async def test_latency(spare, spare_trial, fault_row):
    async with _through_a_proxy(spare, spare_trial, fault_row) as proxy:
        proxy.delay(_LATENCY_S)
        await asyncio.sleep(_SLOW_S)
        proxy.delay(0)


@pytest.mark.fault_row("connections are cut", "all of them every second, 15 times", promise=2)
async def test_cuts(spare, spare_trial, fault_row):
    async with _through_a_proxy(spare, spare_trial, fault_row) as proxy:
        for _ in range(_CUTS):
            proxy.reset()
            await asyncio.sleep(1)


@pytest.mark.parametrize(
    "hang_up",
    [
        pytest.param(
            True,
            marks=pytest.mark.fault_row(
                "the broker's answers to Produce are lost", "and the connection, 10 s", promise=2
            ),
        ),
        pytest.param(
            False,
            marks=pytest.mark.fault_row(
                "the broker's answers to Produce are lost", "in silence, 10 s", promise=2
            ),
        ),
    ],
)
async def test_lost_answers(spare, spare_trial, fault_row, hang_up):
    async with _through_a_proxy(spare, spare_trial, fault_row) as proxy:
        proxy.swallow(PRODUCE, hang_up=hang_up)
        await asyncio.sleep(_SWALLOWS_S)
        proxy.release()
        proxy.reset()
        assert proxy.swallowed
