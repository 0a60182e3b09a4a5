"""Between rows first, as all else knows arrays, and the axes that a model's own tensors have. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from runtime.signature import Signature, TensorSpec


class Axes:
    """What a run is fed and what it gives: to the model as it wants it, to all others rows first."""

    def __init__(self, signature: Signature, constants: Mapping[str, npt.NDArray[Any]]) -> None:
        """`constants`: the inputs that each run gets beside its rows."""
        self._inputs = signature.inputs
        self._outputs = signature.outputs
        self._constants = constants
        specs = (*signature.inputs, *signature.outputs)
        self.plain = not constants and all(spec.batch_axis == 0 for spec in specs)
        """Whether the model takes and gives rows first anyway, and nothing else."""

    def feed(self, inputs: Mapping[str, npt.NDArray[Any]]) -> Mapping[str, npt.NDArray[Any]]:
        """Return what the model is fed for `inputs`."""
        if self.plain:
            return inputs
        own = {spec.name: _to_model(spec, inputs[spec.name]) for spec in self._inputs}
        return {**own, **self._constants}

    def rows(self, outputs: Sequence[npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
        """Return what the model gave, by name; an array that lacks its axis of rows stays as it is."""
        if self.plain:
            return {spec.name: array for spec, array in zip(self._outputs, outputs, strict=True)}
        return {
            spec.name: _to_rows(spec, np.asarray(array, spec.dtype))
            for spec, array in zip(self._outputs, outputs, strict=True)
        }


def _to_model(spec: TensorSpec, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if spec.batch_axis is None:
        return array.reshape(array.shape[1:])
    return np.ascontiguousarray(np.moveaxis(array, 0, spec.batch_axis))


def _to_rows(spec: TensorSpec, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if spec.batch_axis is None:
        return array[np.newaxis]
    if array.ndim <= spec.batch_axis:
        return array
    return np.ascontiguousarray(np.moveaxis(array, spec.batch_axis, 0))
