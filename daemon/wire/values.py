"""Which values an input may hold: for one request, or for all rows of a chunk at once."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from config.settings import Model
from daemon.values.messages import Array
from daemon.wire.shapes import describe
from runtime import bfloat16
from runtime.signature import FLOATS, TensorSpec

_Faults = Callable[[Any], npt.NDArray[np.bool_]]


class ValueRule:
    """What the values of one input must be: finite, and within its range."""

    def __init__(self, spec: TensorSpec, settings: Model) -> None:
        self._bits = spec.datatype == "BF16"
        self._checks: list[tuple[_Faults, str]] = []
        if settings.finite and spec.datatype in FLOATS:
            self._checks.append((_not_finite, f"{describe(spec)} is not finite"))
        if spec.datatype not in {"BOOL", "BYTES"}:
            self._add_range(spec, *settings.range_of(spec.name))

    def _add_range(self, spec: TensorSpec, minimum: float | None, maximum: float | None) -> None:
        if minimum is not None:
            fault = f"{describe(spec)} is below {minimum:g}"
            self._checks.append((_below(_bound(minimum, spec, math.ceil)), fault))
        if maximum is not None:
            fault = f"{describe(spec)} is above {maximum:g}"
            self._checks.append((_above(_bound(maximum, spec, math.floor)), fault))

    def fault(self, array: Array) -> str | None:
        """Return what is wrong with the first check that some value fails, None when all pass."""
        if not self._checks:
            return None
        values = self._values(array)
        for find, fault in self._checks:
            if find(values).any():
                return fault
        return None

    def faulty_rows(self, array: Array) -> npt.NDArray[np.intp]:
        """Return the row numbers, ascending, of rows in which some value fails some check."""
        values = self._values(array).reshape(len(array), -1)
        faulty = np.zeros(len(array), np.bool_)
        for find, _ in self._checks:
            faulty |= find(values).any(axis=1)
        return np.flatnonzero(faulty)

    def _values(self, array: Any) -> Any:  # noqa: ANN401 -- of any dtype, as numpy's ufuncs take it
        return bfloat16.to_float32(array) if self._bits else array


def _bound(limit: float, spec: TensorSpec, to_integer: Callable[[float], int]) -> Any:  # noqa: ANN401 -- a number of the input's own kind
    """Return `limit` as the input's dtype has it, so that 0.1 in a request is not above 0.1."""
    if spec.datatype not in FLOATS:
        return to_integer(limit)
    with np.errstate(over="ignore"):  # beyond the dtype: an infinity, which nothing passes
        value = np.array([limit]).astype(np.float32 if spec.datatype == "BF16" else spec.dtype)
    return (
        bfloat16.to_float32(bfloat16.from_float32(value))[0]
        if spec.datatype == "BF16"
        else value[0]
    )


def _not_finite(values: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.bool_]:
    not_finite: npt.NDArray[np.bool_] = np.logical_not(np.isfinite(values))
    return not_finite


def _below(least: Any) -> _Faults:  # noqa: ANN401 -- a number of the input's own kind
    return lambda values: values < least


def _above(most: Any) -> _Faults:  # noqa: ANN401 -- a number of the input's own kind
    return lambda values: values > most
