"""What is wrong with a model's outputs, row by row. Pure."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from runtime.errors import OutputInvalid
from runtime.signature import FLOATS, Signature

_BFLOAT16_EXPONENT = np.uint16(0x7F80)


def require_rows(outputs: Mapping[str, npt.NDArray[Any]], rows: int) -> None:
    """Raise OutputInvalid unless each output has `rows` rows."""
    for name, array in outputs.items():
        if array.ndim == 0 or array.shape[0] != rows:
            given = array.shape[0] if array.ndim else "no"
            raise OutputInvalid(
                f"output {name!r} has {given} rows for {rows} rows in", name, array.shape
            )


def unsound_rows(
    signature: Signature, outputs: Mapping[str, npt.NDArray[Any]]
) -> npt.NDArray[np.bool_] | None:
    """Return which rows (bool, (rows,)) hold NaN or infinity in any output; None: not one does."""
    unsound: npt.NDArray[np.bool_] | None = None
    for spec in signature.outputs:
        if spec.datatype not in FLOATS:
            continue
        finite = _finite(outputs[spec.name], spec.datatype)
        if not finite.all():
            rows = np.logical_not(finite.reshape(len(finite), -1).all(axis=1))
            unsound = rows if unsound is None else np.logical_or(unsound, rows)
    return unsound


def _finite(array: npt.NDArray[Any], datatype: str) -> npt.NDArray[np.bool_]:
    if datatype == "BF16":
        array = (array & _BFLOAT16_EXPONENT) - _BFLOAT16_EXPONENT
        return array.astype(np.bool_)
    finite: npt.NDArray[np.bool_] = np.isfinite(array)
    return finite
