"""How cost grows: a worker with many partitions, on a broker with many topics."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from loadtest.bench.contestants import LaneSetup, daemon
from loadtest.bench.figures import BenchFigure, Section, at_most, figure, ratios
from loadtest.bench.ground import Ground, Scale, by_turns
from loadtest.bench.growth import MOST_GROWTH
from loadtest.bench.watch import busy_percent, watched
from loadtest.deployment.perceptrons import RELAY, write

_PARTITIONS = (1, 10, 100, 1_000)
_QUICK_PARTITIONS = (1, 100)
_TOPICS = 10_000
_QUICK_TOPICS = 500
_ROWS = 64
_LINGER = "1s"
_READY_TIMEOUT_S = 120.0
"""Twice the usual: this group has a thousand partitions to be told of."""
# First fetches, metadata, the first commit: they belong to the start.
_SETTLE_S = 5.0
_WATCHED_S = 10
_QUICK_S = 5


class _Start(NamedTuple):
    """A worker that has nothing to do."""

    ready_s: float
    rss_mib: float
    percent: float


async def breadth(ground: Ground, scale: Scale) -> Section:
    """Start workers on more and more silent partitions, then among many topics; raises WorkerFailed."""
    model = write(RELAY, ground.folder)
    replies = await ground.topic("replies")
    seconds = scale.pick(_WATCHED_S, _QUICK_S)

    def on(topic: str) -> Callable[[str], Awaitable[_Start]]:
        lane = LaneSetup(topic, model, _ROWS, _LINGER)
        return lambda what: _started(ground, f"breadth: {what}", lane, replies, seconds)

    topics = {
        _named(partitions): await ground.topic("silent", partitions)
        for partitions in scale.pick(_PARTITIONS, _QUICK_PARTITIONS)
    }
    starts = await by_turns(scale.repeat, {what: on(each) for what, each in topics.items()})
    most, own = scale.pick(_TOPICS, _QUICK_TOPICS), list(topics.values())[1]
    others = await ground.topics("other", most)
    starts |= await by_turns(scale.repeat, {f"among {most:,} topics": on(own)})
    await ground.remove(*topics.values(), *others)
    return Section(
        f"Growth: a worker of 1 to {[*topics][-1]} without traffic, and of {[*topics][1]}"
        f" among {most:,} topics",
        list(_figures(starts)),
    )


def _named(partitions: int) -> str:
    return f"{partitions:,} partition{'s'[: partitions > 1]}"


async def _started(
    ground: Ground, what: str, lane: LaneSetup, replies: str, seconds: int
) -> _Start:
    began_s = time.monotonic()
    with daemon(ground, {"standard": lane}, replies) as worker:
        worker.wait_until_ready(_READY_TIMEOUT_S)
        ready_s = time.monotonic() - began_s
        await asyncio.sleep(_SETTLE_S)
        first, last = await watched(ground, what, worker.pid, seconds)
    return _Start(ready_s, last.rss_bytes / 2**20, busy_percent(first, last))


def _figures(starts: Mapping[str, Sequence[_Start]]) -> Iterator[BenchFigure]:
    for what, each in starts.items():
        yield figure(f"start until ready, {what}", "s", [start.ready_s for start in each])
    for what, each in starts.items():
        yield figure(f"RSS, {what}", "MiB", [start.rss_mib for start in each])
    for what, each in starts.items():
        yield figure(f"CPU, {what}", "% of a core", [start.percent for start in each])
    _, alone, *_, among = starts.values()
    yield figure(
        f"RSS, {[*starts][-1]} / few",
        "",
        ratios([start.rss_mib for start in among], [start.rss_mib for start in alone]),
        at_most(MOST_GROWTH),
    )
