"""Runs with bfloat16 in them, for which onnxruntime takes no numpy array.

Measured on onnxruntime 1.31: `run` refuses every array for such an input
and cannot return such an output; values made with the ONNX type work.
"""

import ctypes
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnxruntime

from runtime.signature import Signature

_BFLOAT16: Final = 16  # onnx.TensorProto.BFLOAT16


def run_as_values(
    session: onnxruntime.InferenceSession,
    signature: Signature,
    inputs: Mapping[str, npt.NDArray[Any]],
    options: onnxruntime.RunOptions,
) -> list[npt.NDArray[Any]]:
    """Return the outputs in the signature's order, as `InferenceSession.run` would.

    `inputs` may have more than the signature's, none of them bfloat16.
    """
    arrays = {name: np.ascontiguousarray(array) for name, array in inputs.items()}
    datatypes = {spec.name: spec.datatype for spec in signature.inputs}
    values = {name: _to_value(array, datatypes.get(name, "")) for name, array in arrays.items()}
    names = [spec.name for spec in signature.outputs]
    outputs = session.run_with_ort_values(names, values, options)
    return [
        _from_value(value, spec.datatype)
        for value, spec in zip(outputs, signature.outputs, strict=True)
    ]


def _to_value(array: npt.NDArray[Any], datatype: str) -> onnxruntime.OrtValue:
    """Return a value over `array`, which must outlive it."""
    if datatype == "BF16":
        return onnxruntime.OrtValue.ortvalue_from_numpy_with_onnx_type(array, _BFLOAT16)
    return onnxruntime.OrtValue.ortvalue_from_numpy(array)


def _from_value(value: onnxruntime.OrtValue, datatype: str) -> npt.NDArray[Any]:
    """Return a copy; outputs of a plain run lie in the CPU's memory, whatever the provider."""
    array: npt.NDArray[Any]
    if datatype == "BF16":
        array = np.empty(value.shape(), dtype=np.uint16)
        ctypes.memmove(array.ctypes.data, value.data_ptr(), array.nbytes)
    else:
        array = value.numpy()
    return array
