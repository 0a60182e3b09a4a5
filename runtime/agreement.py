"""How far two answers to the same rows are apart, and how far they may be. Pure.

Kernels for other shapes add up in another order: answers differ by 1e-5 in float32, and by a unit in
the last place of TF32 and float16 (1e-3). Where it was no rounding they were 0.01 apart and more.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from config.settings import Model as Settings
from runtime.bfloat16 import to_float32
from runtime.signature import FLOATS, Signature, TensorSpec

_TOLERANCE = 1e-3
_TOLERANCE_16_BITS = 1e-2
"""Of the largest value. Plain networks are 0 to 5e-7 apart beside other rows, dynamically quantised ones 0.15 to
0.25; with 16 bits (bfloat16 has 8 of them for digits) each rounding alone is up to 0.4 %."""


class Apart(NamedTuple):
    """The largest difference of two answers, and the largest value that it is seen against, at least 1.

    Of what is no real number each difference is infinite.
    """

    difference: float
    scale: float

    @property
    def relative(self) -> float:
        """The difference as a share of the largest value."""
        return self.difference / self.scale


def tolerances_of(signature: Signature, settings: Settings, *, on_gpu: bool) -> dict[str, float]:
    """Return by output how far answers may be apart, as a share: as set, or as far as rounding goes."""
    rounded = on_gpu and settings.cuda.use_tf32
    return {
        spec.name: _tolerance(spec, rounded=rounded)
        if settings.batch_tolerance is None
        else settings.batch_tolerance
        for spec in signature.outputs
    }


def _tolerance(spec: TensorSpec, *, rounded: bool) -> float:
    """`rounded`: products are of fewer than 32 bits."""
    wide = spec.datatype in {"FP32", "FP64"} and not rounded
    return _TOLERANCE if wide or spec.datatype not in FLOATS else _TOLERANCE_16_BITS


def apart(spec: TensorSpec, one: npt.NDArray[Any], other: npt.NDArray[Any]) -> Apart:
    """Return how far two answers of one shape are apart; the first is what the second should be."""
    if spec.datatype not in FLOATS:
        return Apart(0.0 if np.array_equal(one, other) else np.inf, 1.0)
    first, second = _reals(spec, one), _reals(spec, other)
    alike = (first == second) | (np.isnan(first) & np.isnan(second))
    with np.errstate(invalid="ignore"):
        differences = np.abs(first - second)[~alike]
    largest = np.nan_to_num(differences, nan=np.inf, posinf=np.inf).max(initial=0.0)
    scale = np.abs(first[np.isfinite(first)]).max(initial=1.0)
    return Apart(float(largest), float(scale))


def _reals(spec: TensorSpec, array: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    if spec.datatype == "BF16":
        array = to_float32(array)
    return array.astype(np.float64)
