"""What `make gpu-proof` measures: the daemon's line beside raw ONNX Runtime, and each of its switches.

All of it on one device, with models and requests that are made here; nothing is written down.
"""

import asyncio
import random
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from config.settings import Model as Settings
from daemon.batching.ladder import Ladder
from runtime import load_model
from runtime.filling import fill_up
from tests import models
from tests.gpu.real_line import serve, settings_of, stuck

SIZES = (1, 8, 64, 256)
_N = 64
_MOST_REQUESTS = {"cuda": 100_000, "cpu": 2_000}
_MOST_BYTES = 2**28  # of requests: to make them takes longer than to answer them
_LIMIT_S = 60.0


def figures(folder: Path, device: str, *, seconds: float) -> Iterator[str]:
    """Yield lines to print; each figure takes about `seconds`."""
    for name, (made, row) in _made(device).items():
        path = models.save(made, folder, f"{name}.onnx")
        yield f"{name}: rows a second by N, raw ONNX Runtime and the line with all that it does"
        yield "     N         raw        line   line/raw   executor busy"
        raw = {}
        for rows in SIZES:
            raw[rows] = _raw(path, device, row, rows, seconds)
            line, busy = _line(path, device, row, rows, raw[rows] * seconds)
            yield f"{rows:6} {raw[rows]:11,.0f} {line:11,.0f} {line / raw[rows]:10.2f} {busy:15.0%}"
        one, _ = _line(path, device, row, _N, raw[_N] * seconds)
        two, busy = _line(path, device, row, _N, raw[_N] * seconds, executors=2)
        yield f"two batches at once, N = {_N}: {two / one:.2f} x the rows a second of one, {busy:.0%} busy"
        bound = _raw(path, device, row, _N, seconds, io_binding=True)
        yield f"buffers that stay, N = {_N}: {bound / raw[_N]:.2f} x the rows a second of plain runs"
        exact, few = _light(path, device, row, seconds)
        yield (
            f"light traffic up to N = {_N}: {exact * 1e3:.2f} ms a run in sizes as they come,"
            f" {few * 1e3:.2f} ms filled up to {' or '.join(map(str, Ladder.to(_N).rungs))}"
        )
        yield ""


def _made(device):
    """Return models by name, and the shape of a row; small ones for a dry run on the CPU."""
    wide, channels = (4096, 64) if device == "cuda" else (128, 4)
    return {
        "mlp": (models.mlp((256, wide, wide, 64)), (256,)),
        "convolutions": (models.deep_convolution(channels=channels), (3, 32, 32)),
    }


def _rows_of(row, count):
    return np.random.default_rng(7).normal(size=(count, *row)).astype(np.float32)


def _raw(path, device, row, rows, seconds, **settings):
    """Return the rows a second of nothing but runs of one size."""
    chosen = Settings(path=str(path), device=device, **settings)
    model = load_model(chosen, base=path.parent, on_stuck=stuck)
    x = {"x": _rows_of(row, rows)}
    model.session.warm_up([rows], limit_s=_LIMIT_S)
    model.session.run(x, limit_s=_LIMIT_S)
    runs, began_s = 0, time.perf_counter()
    while (took_s := time.perf_counter() - began_s) < seconds or not runs:
        model.session.run(x, limit_s=_LIMIT_S)
        runs += 1
    model.close()
    return rows * runs / took_s


def _line(path, device, row, max_rows, requests, *, executors=1):
    """Return the requests a second of the line, of one row each, and how busy its executors were."""
    most = min(_MOST_REQUESTS[device], _MOST_BYTES // _rows_of(row, 1).nbytes)
    count = min(max(int(requests), 4 * max_rows), most)
    settings = settings_of(path, device, max_rows=max_rows, executors=executors)
    answered = asyncio.run(serve(settings, [_rows_of(row, count)]))
    if any(output is None for output in answered.outputs):
        raise AssertionError("a request was answered with an error")
    return count / answered.seconds, answered.busy


def _light(path, device, row, seconds):
    """Return the seconds of a run, in sizes that change as they do in a lane that is rarely full."""
    sizes = random.Random(5)  # the same for both
    asked = [min(1 + int(sizes.expovariate(0.2)), _N) for _ in range(2_000)]
    model = load_model(Settings(path=str(path), device=device), base=path.parent, on_stuck=stuck)
    x = _rows_of(row, _N)
    took = []
    for ladder in (Ladder(), Ladder.to(_N)):
        model.session.warm_up([*{ladder.up(rows) for rows in asked}], limit_s=_LIMIT_S)
        runs, began_s = 0, time.perf_counter()
        while (took_s := time.perf_counter() - began_s) < seconds or not runs:
            rows = asked[runs % len(asked)]
            model.session.run(fill_up({"x": x[:rows]}, ladder.up(rows)), limit_s=_LIMIT_S)
            runs += 1
        took.append(took_s / runs)
    model.close()
    return took
