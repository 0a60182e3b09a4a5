"""The forms of bodies that are measured: raw rows, and the Open Inference Protocol's JSON. Pure."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import msgspec
import numpy as np

from loadtest.bench.work import Floats

Decode: TypeAlias = Callable[[Sequence[bytes | None], int], Floats]
"""Reads the bodies of replies as float32 [len(bodies), width]; NaN where that is not possible."""


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
