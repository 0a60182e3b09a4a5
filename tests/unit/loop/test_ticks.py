"""Tasks that look again and again do so at the same moments, each as often as it says."""

import asyncio
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from daemon.loop.ticks import next_tick, wait_s

PERIODS = st.sampled_from([0.25, 0.5, 1.0, 2.0])


async def _times_s(period_s, *, begins_s, count):
    await asyncio.sleep(begins_s)
    times_s = []
    for _ in range(count):
        await next_tick(period_s)
        times_s.append(asyncio.get_running_loop().time())
    return times_s


async def test_a_period_is_kept():
    times_s = await _times_s(0.5, begins_s=0.1, count=4)
    assert [after - before for before, after in pairwise(times_s)] == [0.5] * 3


async def test_who_looks_seldom_looks_when_others_do():
    often, seldom = await asyncio.gather(
        _times_s(0.25, begins_s=0.1, count=12), _times_s(1.0, begins_s=0.3, count=2)
    )
    assert set(seldom) <= set(often)


@given(PERIODS, st.floats(0, 1e6))
def test_a_wait_is_half_a_period_at_least_and_one_and_a_half_at_most(period_s, now_s):
    assert period_s / 2 <= wait_s(period_s, now_s) <= 1.5 * period_s


@given(PERIODS, st.integers(1, 10**6))
def test_a_timer_that_rings_early_does_not_ring_twice(period_s, number):
    early_s = number * period_s - 0.001
    assert abs(wait_s(period_s, early_s) - period_s - 0.001) < 1e-6
