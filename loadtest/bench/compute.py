"""Compute: a model that keeps the processor busy; how much of it gets through the daemon?"""

import asyncio
import itertools
from pathlib import Path

from loadtest.bench.backlog import Backlog, BacklogRun, answer, fill
from loadtest.bench.contestants import one_lane
from loadtest.bench.figures import Section, at_least, figure, ratios
from loadtest.bench.ground import Ground, Scale
from loadtest.bench.raw_model import RawPace, measure
from loadtest.bench.work import encode_raw, work
from loadtest.deployment.perceptrons import COMPUTE, write

# A backlog of some seconds.
_COUNT = 40_000
_QUICK_COUNT = 10_000
# So many that a reply to another request shows, and soon computed.
_DIFFERENT_ROWS = 4096
_ROWS = 64
_LINGER = "20ms"
_LEAST_PACE = 0.95
"""Of what the model gives alone: a twentieth for all else that is done is what the daemon is to cost at most."""
_RAW_S = 5.0
_LONE_S = 2.0


async def compute(ground: Ground, scale: Scale) -> Section:
    """Compare the daemon with ONNX Runtime alone, by turns; raises WorkerFailed."""
    model = write(COMPUTE, ground.folder)
    backlog = await _backlog(ground, model, scale.pick(_COUNT, _QUICK_COUNT))
    daemon = one_lane(ground, model, max_rows=_ROWS, linger=_LINGER)
    lone: list[RawPace] = []
    raw = [await _measure(model, _ROWS, _RAW_S)]
    runs: list[BacklogRun] = []
    for number in range(1, scale.repeat + 1):
        what = f"compute: daemon {number} of {scale.repeat}"
        runs.append(await answer(ground, what, backlog, daemon))
        raw.append(await _measure(model, _ROWS, _RAW_S))
        lone.append(await _measure(model, 1, _LONE_S))
    await ground.remove(backlog.topic)
    return _section(backlog.size, raw, lone, runs)


async def _backlog(ground: Ground, model: Path, count: int) -> Backlog:
    asked = work(COMPUTE, model, _DIFFERENT_ROWS)
    topic = await fill(ground, "compute", encode_raw(asked.rows), count)
    return Backlog(topic, count, asked.results)


async def _measure(model: Path, rows: int, seconds: float) -> RawPace:
    return await asyncio.to_thread(measure, model, rows, seconds)


def _section(
    count: int, raw: list[RawPace], lone: list[RawPace], runs: list[BacklogRun]
) -> Section:
    """`raw` has one more than the others: each run stands between two of it."""
    beside = [(before.per_s + after.per_s) / 2 for before, after in itertools.pairwise(raw)]
    rates = [run.per_s for run in runs]
    alone = [pace.per_s for pace in lone]
    return Section(
        f"Compute: {count:,} rows of {COMPUTE.row_bytes} bytes, N = {_ROWS}",
        [
            figure("rows, ONNX Runtime alone, 1 at a time", "1/s", alone),
            figure(f"rows, ONNX Runtime alone, {_ROWS} at a time", "1/s", beside),
            figure(f"{_ROWS} at a time / 1 at a time, both alone", "", ratios(beside, alone)),
            figure("replies, daemon", "1/s", rates),
            figure("daemon / ONNX Runtime alone", "", ratios(rates, beside), at_least(_LEAST_PACE)),
            figure("daemon / 1 at a time", "", ratios(rates, alone)),
            figure(
                f"CPU a row, ONNX Runtime alone, {_ROWS} at a time",
                "us",
                [pace.cpu_us for pace in raw],
            ),
            figure("CPU a request, daemon", "us", [run.cpu_us for run in runs]),
        ],
        [run.account for run in runs],
    )
