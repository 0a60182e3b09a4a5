"""What is asked of a model and what it must answer: seeded rows, ONNX Runtime's own results."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import onnxruntime

from loadtest.deployment.perceptrons import Perceptron

Floats = npt.NDArray[np.float32]

_SEED = 1
# Results may differ in the last bits with the size of the batch they were computed in.
_SLICE_ROWS = 256


class Work(NamedTuple):
    """Requests and their results; `rows` and `results` are float32 [n, ...], one row a request.

    A run of more requests than rows begins again from the first row: request i has row i modulo n.
    """

    rows: Floats
    results: Floats


def work(model: Perceptron, path: Path, count: int, *, rows_each: int = 1) -> Work:
    """Return `count` requests for `model`, stored at `path`, of `rows_each` rows."""
    random = np.random.default_rng(_SEED)
    rows = random.standard_normal((count * rows_each, model.widths[0]), np.float32)
    session = open_session(path)
    results = np.concatenate(
        [
            session.run(None, {"x": rows[start : start + _SLICE_ROWS]})[0]
            for start in range(0, len(rows), _SLICE_ROWS)
        ]
    )
    return Work(rows.reshape(count, -1), results.reshape(count, -1))


def open_session(path: Path) -> onnxruntime.InferenceSession:
    """Return a session on the CPU with one thread, as the daemon has by default."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
