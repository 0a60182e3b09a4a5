"""The whole line in real time, a real model in its own threads, between two ends without Kafka."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from prometheus_client import generate_latest

from config.settings import Settings
from daemon.inference.models import Models
from daemon.line.assembly import assemble
from daemon.line.lanes import make_lanes
from daemon.loop.tasks import Tasks
from daemon.telemetry.metrics import Metrics
from loadtest.processes.metrics import Metrics as Scrape
from tests.fakes import FakeDelivery, FakeSink, FakeSource
from tests.pipeline.line import Idle

MODEL, TOPIC = "m", "requests"
_LONGEST_S = 120.0


class Answered(NamedTuple):
    """What came of requests of one row each: outputs in their order, none for an error.

    `sizes` counts runs by their rows, `busy` is the share of `seconds` that the executors were.
    """

    outputs: Sequence[np.ndarray | None]
    seconds: float
    sizes: Counter
    busy: float


def settings_of(path, device, *, max_rows=64, executors=1, **model):
    """Settings of one model in one lane that takes raw rows."""
    return Settings(
        kafka={"group": "g"},
        models={MODEL: {"path": str(path), "device": device, **model}},
        lanes={
            "l": {
                "topics": [TOPIC],
                "models": [MODEL],
                "max_rows": max_rows,
                "linger": 0.02,
                "content_type": "application/octet-stream",
                "max_bytes": 2**28,
                "max_waiting_bytes": 2**30,
            }
        },
        replies={"topic": "replies"},
        dead_letters={"topic": "dead"},
        limits={"executors": executors},
    )


def stuck(error):
    """Nothing of a proof may be."""
    raise AssertionError(error)


async def serve(
    settings: Settings, bursts: Sequence[np.ndarray], *, pause_s: float = 0.0, before=None
) -> Answered:
    """Return what comes of `bursts`, each (rows, ...) pushed `pause_s` after the one before.

    `before(models)` is called once they are warm.
    """
    models = Models(settings, Path(), on_stuck=stuck)
    models.load()
    try:
        if before is not None:
            before(models)
        return await _serve(settings, models, bursts, pause_s)
    finally:
        for model in models.serving.values():
            model.close()


async def _serve(settings, models, bursts, pause_s):
    sizes = Counter()
    session = models.serving[MODEL].session
    call = session._call
    session._call = lambda inputs, place: (sizes.update([_rows(inputs)]), call(inputs, place))[1]
    lanes = make_lanes(settings, models)
    source, sink = FakeSource(lanes), FakeSink({"replies": 1, "dead": 1})
    stop, tasks, metrics = asyncio.Event(), Tasks(), Metrics()
    line = assemble(
        settings,
        models,
        metrics,
        tasks,
        lanes,
        source=source,
        delivery=FakeDelivery(sink, source),
        gc_policy=Idle(),
        moved=lambda: None,
        isolating=lambda *, on: None,
    )
    await line.start()
    source.assign((TOPIC, 0))
    running = asyncio.get_running_loop().create_task(line.run(stop, hands_back=lambda: False))
    count = sum(map(len, bursts))
    try:
        began_s = time.monotonic()
        for burst in bursts:
            source.push(TOPIC, 0, *[row.tobytes() for row in burst])
            await asyncio.sleep(pause_s)
        async with asyncio.timeout(_LONGEST_S):
            while len(sink.published) < count:
                tasks.check()
                await asyncio.sleep(0.001)
        seconds = time.monotonic() - began_s
    finally:
        stop.set()
        await asyncio.wait([running])
        line.close()
        await tasks.close()
    running.result()
    busy_s = Scrape(generate_latest(metrics.registry).decode()).total("executor_busy_seconds_total")
    return Answered(_outputs(sink, count), seconds, sizes, busy_s / seconds)


def _rows(inputs):
    return len(next(iter(inputs.values())))


def _outputs(sink, count):
    outputs = [None] * count
    for reply in sink.published:
        if reply.header("status") == b"ok":
            offset = int(reply.header("request-id").rpartition(b"/")[2])
            outputs[offset] = np.frombuffer(reply.value, "<f4")
    return outputs
