"""Runs whose inputs and outputs lie in buffers of the device that are used again.

A plain run has memory of the device found for each input and output, and gives it back. Here the
buffers stay, for each shape of inputs seen lately, and with them their addresses. Results are copied
out of them, so that the next run changes none.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy.typing as npt
import onnxruntime

from runtime.signature import Signature, TensorSpec

_MOST_SHAPES = 4
"""Whose buffers are kept: on a GPU runs of N <= 512 have three sizes (daemon/batching/ladder.py), and
one more while memory is short."""
_UNBOUND = frozenset({"BYTES", "BF16"})
"""Strings lie in no buffer, and numpy has no type for the other."""


class _Buffers(NamedTuple):
    inputs: Mapping[str, onnxruntime.OrtValue]
    binding: onnxruntime.IOBinding


def can_be_bound(signature: Signature) -> bool:
    """Return whether all inputs and outputs can lie in buffers."""
    specs = signature.inputs + signature.outputs
    return all(spec.datatype not in _UNBOUND for spec in specs)


class BoundRuns:
    """Runs of one session, one at a time, in buffers of their own."""

    def __init__(self, signature: Signature, *, device: str) -> None:
        """`device` as onnxruntime names it: "cpu", or "cuda" for the GPU that the session runs on."""
        self._signature = signature
        self._device = device
        self._kept: OrderedDict[tuple[tuple[int, ...], ...], _Buffers] = OrderedDict()

    def run(
        self,
        session: onnxruntime.InferenceSession,
        inputs: Mapping[str, npt.NDArray[Any]],
        options: onnxruntime.RunOptions,
    ) -> list[npt.NDArray[Any]]:
        """Return the outputs in the signature's order, as `InferenceSession.run` would.

        Raises what that raises, and also where an output has another shape than the file declares.
        """
        buffers = self._buffers(session, inputs)
        for name, value in buffers.inputs.items():
            value.update_inplace(inputs[name])
        # On a GPU the copies above may be under way yet, on another stream than the run's.
        buffers.binding.synchronize_inputs()
        session.run_with_iobinding(buffers.binding, options)
        buffers.binding.synchronize_outputs()
        outputs = [value.numpy() for value in buffers.binding.get_outputs()]
        # Of a buffer of the CPU numpy shows the memory itself, of one of a GPU a copy.
        return [array.copy() for array in outputs] if self._device == "cpu" else outputs

    def clear(self) -> None:
        """Let all buffers go: they hold their session."""
        self._kept.clear()

    def _buffers(
        self, session: onnxruntime.InferenceSession, inputs: Mapping[str, npt.NDArray[Any]]
    ) -> _Buffers:
        key = tuple(inputs[spec.name].shape for spec in self._signature.inputs)
        kept = self._kept.pop(key, None) or self._make(session, key)
        self._kept[key] = kept
        if len(self._kept) > _MOST_SHAPES:
            self._kept.popitem(last=False)
        return kept

    def _make(
        self, session: onnxruntime.InferenceSession, shapes: Sequence[tuple[int, ...]]
    ) -> _Buffers:
        binding = session.io_binding()
        inputs = {
            spec.name: self._value(spec, shape)
            for spec, shape in zip(self._signature.inputs, shapes, strict=True)
        }
        for name, value in inputs.items():
            binding.bind_ortvalue_input(name, value)
        rows = shapes[0][0]
        for spec in self._signature.outputs:
            fixed = [length for length in spec.row_shape if length is not None]
            if len(fixed) == len(spec.row_shape):
                binding.bind_ortvalue_output(spec.name, self._value(spec, (rows, *fixed)))
            else:
                binding.bind_output(spec.name, self._device)
        return _Buffers(inputs, binding)

    def _value(self, spec: TensorSpec, shape: tuple[int, ...]) -> onnxruntime.OrtValue:
        return onnxruntime.OrtValue.ortvalue_from_shape_and_type(shape, spec.dtype, self._device)
