"""Periods that end together, so that a process that idles is woken up less often.

Who looks again and again mostly finds nothing, and to be woken for it costs more than to look.
"""

import asyncio


async def next_tick(period_s: float) -> None:
    """Wait until the loop's clock is at a multiple of `period_s`, as whoever else waits so."""
    await asyncio.sleep(wait_s(period_s, asyncio.get_running_loop().time()))


def wait_s(period_s: float, now_s: float) -> float:
    """Return how long that takes: half a period at least, since timers may ring a little early."""
    return 1.5 * period_s - (now_s + period_s / 2) % period_s
