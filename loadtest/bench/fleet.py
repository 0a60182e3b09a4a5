"""How cost grows: a supervisor of many workers, and its status page."""

import asyncio
import time

from loadtest.bench.contestants import LaneSetup, configured
from loadtest.bench.figures import Section, at_most, figure
from loadtest.bench.ground import Ground, Scale
from loadtest.bench.watch import busy_percent, watched
from loadtest.deployment.perceptrons import RELAY, write
from loadtest.processes.worker import Worker, WorkerFailed

_WORKERS = 64
_QUICK_WORKERS = 4
_ROWS = 64
_LINGER = "1s"
_START_TIMEOUT_S = 600.0
"""A guess: 64 workers start on two cores, each some seconds of CPU."""
_EXIT_TIMEOUT_S = 120.0
"""That of one worker and of those that had to wait for a core."""
_LOOK_S = 1.0
_SETTLE_S = 10.0
_WATCHED_S = 20
_QUICK_S = 5
_ASKED = 20
"""Pages asked for, one after the other: a p90 has two beyond it."""
_MOST_MS = 200.0
"""The page asks every 2 s; a tenth of that is not felt."""


async def fleet(ground: Ground, scale: Scale) -> Section:
    """Let a supervisor have many workers without traffic, and ask its page; raises WorkerFailed."""
    model, workers = write(RELAY, ground.folder), scale.pick(_WORKERS, _QUICK_WORKERS)
    lane = LaneSetup(await ground.topic("silent", workers), model, _ROWS, _LINGER)
    replies = await ground.topic("replies")
    settings = {"scaling.min_workers": str(workers), "scaling.max_workers": str(workers)}
    with configured(
        ground, {"standard": lane}, replies, does="supervise", settings=settings
    ) as supervisor:
        began_s = time.monotonic()
        supervisor.start()
        await _all_serve(ground, supervisor, workers)
        serving_s = time.monotonic() - began_s
        await asyncio.sleep(_SETTLE_S)
        seconds = scale.pick(_WATCHED_S, _QUICK_S)
        first, last = await watched(ground, "fleet", supervisor.pid, seconds)
        status_ms, status_bytes = await _asked(supervisor, "/status.json")
        metrics_ms, metrics_bytes = await _asked(supervisor, "/metrics")
        exit_code = await asyncio.to_thread(supervisor.terminate, _EXIT_TIMEOUT_S)
        if exit_code:
            raise WorkerFailed(f"the supervisor ended with {exit_code}")
    return Section(
        f"Growth: a supervisor of {workers} workers without traffic, on this machine",
        [
            figure("start until all serve", "s", [serving_s]),
            figure("supervisor, CPU", "% of a core", [busy_percent(first, last)]),
            figure("supervisor, RSS", "MiB", [last.rss_bytes / 2**20]),
            figure("/status.json, until it is there", "ms", status_ms, at_most(_MOST_MS)),
            figure("/status.json", "KiB", [status_bytes / 1024]),
            figure("/metrics, until it is there", "ms", metrics_ms),
            figure("/metrics", "KiB", [metrics_bytes / 1024]),
        ],
    )


async def _all_serve(ground: Ground, supervisor: Worker, workers: int) -> None:
    deadline_s = time.monotonic() + _START_TIMEOUT_S
    serving = 0
    with ground.bar("fleet: workers", workers) as told:
        while serving < workers:
            if time.monotonic() > deadline_s:
                raise WorkerFailed(
                    f"{serving} of {workers} workers serve after {_START_TIMEOUT_S:.0f} s"
                )
            await asyncio.sleep(_LOOK_S)
            if supervisor.http_port is not None:
                serving = int(supervisor.metrics().total("workers", state="serving"))
            told(serving)


async def _asked(supervisor: Worker, path: str) -> tuple[list[float], int]:
    """Return how long each of some answers took, in ms, and how many bytes the last one had."""
    took_ms, body = [], ""
    for _ in range(_ASKED):
        began_s = time.monotonic()
        status, body = await asyncio.to_thread(supervisor.get, path)
        took_ms.append((time.monotonic() - began_s) * 1000)
        if not status:
            raise WorkerFailed(f"{path} was not answered")
        await asyncio.sleep(_LOOK_S / 2)
    return took_ms, len(body)
