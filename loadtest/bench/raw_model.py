"""ONNX Runtime alone in a loop: the most that a model gives on this machine.

Run as a process, `python -m loadtest.bench.raw_model MODEL ROWS SECONDS`, it prints rows a second
as JSON.
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from onnxruntime import InferenceSession

from loadtest.bench.work import Floats, open_session

_WARM_UP_S = 0.5
"""A guess: some hundred runs, so that caches and clocks are as they stay."""
_TIMEOUT_S = 60.0
"""Beside what it measures: Python, ONNX Runtime and the model loaded."""


class RawPace(NamedTuple):
    """Rows a second, and CPU microseconds a row."""

    per_s: float
    cpu_us: float


def measure(model: Path, rows: int, seconds: float) -> RawPace:
    """BacklogRun `model` in a process of its own, `rows` at a time; blocks for `seconds` and a start."""
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-m", __name__, str(model), str(rows), str(seconds)],
        capture_output=True,
        check=True,
        timeout=seconds + _TIMEOUT_S,
    )
    return RawPace(*json.loads(done.stdout))


def _loop(model: Path, rows: int, seconds: float) -> RawPace:
    session = open_session(model)
    width = session.get_inputs()[0].shape[1]
    inputs = {"x": np.random.default_rng(0).standard_normal((rows, width), np.float32)}
    _runs(session, inputs, _WARM_UP_S)
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    done = rows * _runs(session, inputs, seconds)
    took_s, cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
    return RawPace(done / took_s, cpu_s / done * 1e6)


def _runs(session: InferenceSession, inputs: dict[str, Floats], seconds: float) -> int:
    """Return how many runs it took to fill `seconds`."""
    until_s = time.perf_counter() + seconds
    count = 0
    while time.perf_counter() < until_s:
        session.run(None, inputs)
        count += 1
    return count


if __name__ == "__main__":
    path, rows_each, duration_s = sys.argv[1:]
    print(json.dumps(_loop(Path(path), int(rows_each), float(duration_s))))
