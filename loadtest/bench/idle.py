"""Idle: what a warm worker without traffic costs, and how soon it is ready."""

import asyncio
import time

from loadtest.bench.contestants import LaneSetup, daemon
from loadtest.bench.figures import Section, at_most, figure
from loadtest.bench.ground import Ground, Scale
from loadtest.bench.watch import busy_percent, watched
from loadtest.deployment.perceptrons import RELAY, write

_PARTITIONS = 24
"""A guess at a usual topic: it divides among 2, 3, 4, 6 and 8 workers."""
_ROWS = 64
_LINGER = "1s"
# First fetches, metadata, the first commit: they belong to the start.
_SETTLE_S = 5.0
_WATCHED_S = 30
_QUICK_S = 10
_LOOKS_PER_S = 1
_READY_S = 3.0
"""A target, chosen well below the session timeout (10 s), after which a worker is missed."""
_MOST_PERCENT = 1.0
"""Of a core: a target, chosen so that a hundred idle workers fit on one."""


async def idle(ground: Ground, scale: Scale) -> Section:
    """Start a worker on silent topics and watch it, several times; raises WorkerFailed."""
    lane = LaneSetup(
        await ground.topic("silent", _PARTITIONS), write(RELAY, ground.folder), _ROWS, _LINGER
    )
    replies = await ground.topic("replies")
    seconds = scale.pick(_WATCHED_S, _QUICK_S)
    ready_s, percent, rss_mib = [], [], []
    for number in range(1, scale.repeat + 1):
        began_s = time.monotonic()
        with daemon(ground, {"standard": lane}, replies) as worker:
            worker.wait_until_ready()
            ready_s.append(time.monotonic() - began_s)
            await asyncio.sleep(_SETTLE_S)
            what = f"idle: {number} of {scale.repeat}"
            first, last = await watched(ground, what, worker.pid, seconds)
        percent.append(busy_percent(first, last))
        rss_mib.append(last.rss_bytes / 2**20)
    return Section(
        f"Idle: warm model, {_PARTITIONS} partitions, no traffic",
        [
            figure("start until ready", "s", ready_s, at_most(_READY_S)),
            figure("CPU", "% of a core", percent, at_most(_MOST_PERCENT)),
            figure("RSS", "MiB", rss_mib),
        ],
    )
