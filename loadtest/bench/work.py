"""What is asked of a model and what it must answer, and the forms of bodies that say it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt
import onnxruntime

from loadtest.deployment.perceptrons import Perceptron

Floats = npt.NDArray[np.float32]

_SEED = 1
# Results may differ in the last bits with the size of the batch they were computed in.
_SLICE_ROWS = 256
Decode: TypeAlias = Callable[[Sequence[bytes | None], int], Floats]
"""Reads the bodies of replies as float32 [len(bodies), width]; NaN where that is not possible."""


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


class _Output(msgspec.Struct):
    name: str
    shape: list[int]
    datatype: str
    data: list[float]


class _Answer(msgspec.Struct):
    outputs: tuple[_Output]


_ANSWER = msgspec.json.Decoder(_Answer)


def encode_raw(rows: Floats) -> list[bytes]:
    """Return each row as raw little-endian values."""
    raw, size = rows.astype("<f4", copy=False).tobytes(), rows[0].nbytes
    return [raw[start : start + size] for start in range(0, len(raw), size)]


def decode_raw(bodies: Sequence[bytes | None], width: int) -> Floats:
    """Read raw little-endian values."""
    size = width * np.dtype("<f4").itemsize
    missing = np.full(width, np.nan, "<f4").tobytes()
    fit = [body if body is not None and len(body) == size else missing for body in bodies]
    return np.frombuffer(b"".join(fit), "<f4").reshape(len(bodies), width)


def encode_json(rows: Floats) -> list[bytes]:
    """Return each row as a request of the Open Inference Protocol."""
    return [
        msgspec.json.encode(
            {
                "inputs": [
                    {
                        "name": "x",
                        "shape": [1, len(row)],
                        "datatype": "FP32",
                        "data": row.tolist(),
                    }
                ]
            }
        )
        for row in rows
    ]


def decode_json(bodies: Sequence[bytes | None], width: int) -> Floats:
    """Read responses of the Open Inference Protocol with one output, FP32 [1, width]."""
    return np.array([_read_json(body, width) for body in bodies], np.float32).reshape(-1, width)


def _read_json(body: bytes | None, width: int) -> Sequence[float]:
    missing = [np.nan] * width
    try:
        (output,) = _ANSWER.decode(body or b"").outputs
    except msgspec.DecodeError:
        return missing
    fits = output.shape == [1, width] and output.datatype == "FP32" and len(output.data) == width
    return output.data if fits else missing
