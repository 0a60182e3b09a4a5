"""Bodies made up from a model's signature. Pure."""

import io
import json
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from loadtest.scenario.model import Generate, Tensor

Array: TypeAlias = npt.NDArray[np.generic]

_DTYPES = {
    "BOOL": "?", "INT8": "i1", "INT16": "<i2", "INT32": "<i4", "INT64": "<i8",
    "UINT8": "u1", "UINT16": "<u2", "UINT32": "<u4", "UINT64": "<u8",
    "FP16": "<f2", "FP32": "<f4", "FP64": "<f8",
}  # fmt: skip
# Whole numbers that fit every integer type.
_MOST = 100


def generated(wanted: Generate, random: np.random.Generator) -> list[bytes]:
    """Return `wanted.count` bodies; raises ValueError when the form cannot hold them."""
    if wanted.form != "json" and len(wanted.inputs) != 1:
        raise ValueError(f"the form {wanted.form} holds one input, not {len(wanted.inputs)}")
    return [_body(wanted, random) for _ in range(wanted.count)]


def _body(wanted: Generate, random: np.random.Generator) -> bytes:
    arrays = [_array(tensor, wanted.rows, random) for tensor in wanted.inputs]
    if wanted.form == "raw":
        return arrays[0].tobytes()
    if wanted.form == "npy":
        file = io.BytesIO()
        np.save(file, arrays[0], allow_pickle=False)
        return file.getvalue()
    inputs = [
        {
            "name": tensor.name,
            "shape": list(array.shape),
            "datatype": tensor.datatype,
            "data": array.ravel().tolist(),
        }
        for tensor, array in zip(wanted.inputs, arrays, strict=True)
    ]
    return json.dumps({"inputs": inputs}).encode()


def _array(tensor: Tensor, rows: int, random: np.random.Generator) -> Array:
    """Return normally distributed floats, or whole numbers from 0 to 99, of (rows, *shape)."""
    shape = (rows, *tensor.shape)
    dtype = np.dtype(_DTYPES[tensor.datatype])
    if dtype.kind == "f":
        return random.standard_normal(shape).astype(dtype)
    return random.integers(0, _MOST, shape).astype(dtype)
