"""What a model takes and gives, read from its session and checked for a batch axis."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from runtime.errors import ModelRefused
from runtime.padding import Padding


class _Argument(Protocol):
    """onnxruntime's NodeArg, as far as it is read here."""

    name: str
    type: str
    shape: Sequence[int | str | None]


# The Open Inference Protocol's names. numpy has no bfloat16: its bits travel as uint16. A string
# is a Python str in an object array.
_ELEMENTS: dict[str, tuple[type[np.generic], str]] = {
    "bool": (np.bool_, "BOOL"),
    "uint8": (np.uint8, "UINT8"),
    "uint16": (np.uint16, "UINT16"),
    "uint32": (np.uint32, "UINT32"),
    "uint64": (np.uint64, "UINT64"),
    "int8": (np.int8, "INT8"),
    "int16": (np.int16, "INT16"),
    "int32": (np.int32, "INT32"),
    "int64": (np.int64, "INT64"),
    "float16": (np.float16, "FP16"),
    "float": (np.float32, "FP32"),
    "double": (np.float64, "FP64"),
    "bfloat16": (np.uint16, "BF16"),
    "string": (np.object_, "BYTES"),
}

FLOATS = frozenset({"FP16", "FP32", "FP64", "BF16"})
"""Datatypes that know infinity and not-a-number."""


@dataclass(frozen=True)
class TensorSpec:
    """One input or output.

    `datatype` is its Open Inference Protocol name, `dtype` that of the numpy arrays that carry it:
    uint16 bit patterns for BF16, Python strings in object arrays for BYTES. `row_shape` leaves the
    batch axis out; None is an axis of any length. `axis_names` has the symbolic names of these axes,
    as the file gives them; None for one without.
    """

    name: str
    dtype: np.dtype[Any]
    datatype: str
    row_shape: tuple[int | None, ...]
    axis_names: tuple[str | None, ...] = field(default=(), compare=False)

    @cached_property
    def row_bytes(self) -> int | None:
        """Bytes of one row; None when its shape is not fixed or it holds strings."""
        lengths = [length for length in self.row_shape if length is not None]
        if self.datatype == "BYTES" or len(lengths) < len(self.row_shape):
            return None
        return self.dtype.itemsize * math.prod(lengths)


@dataclass(frozen=True)
class Signature:
    """A model's inputs and outputs; `fixed_rows` is the k of a model that takes only k rows.

    `padding`: how rows of different lengths share a run; None: they do not.
    """

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    fixed_rows: int | None = None
    padding: Padding | None = None

    @cached_property
    def raw_row_bytes(self) -> int | None:
        """Bytes of a raw row, None when requests cannot be raw rows.

        Raw needs one numeric input of fixed row shape and one numeric output. BOOL is not numeric
        here: not every byte is one.
        """
        if len(self.inputs) != 1 or len(self.outputs) != 1:
            return None
        if self.inputs[0].datatype == "BOOL" or self.outputs[0].datatype == "BYTES":
            return None
        return self.inputs[0].row_bytes or None

    @cached_property
    def one_shape(self) -> bool:
        """Whether every row of every request has the same shape, so that all can share a batch."""
        return all(None not in spec.row_shape for spec in self.inputs)

    def require_inputs(self, names: Iterable[str]) -> None:
        """Raise ModelRefused unless each of `names`, of which settings speak, is an input."""
        known = [spec.name for spec in self.inputs]
        for name in names:
            if name not in known:
                raise ModelRefused(
                    f"the model has no input {name!r}, of which `inputs` says something",
                    f"its inputs are {', '.join(known)}",
                )


def read_signature(inputs: Sequence[_Argument], outputs: Sequence[_Argument]) -> Signature:
    """Return the signature; raises ModelRefused for what cannot be batched by rows."""
    if not inputs:
        raise ModelRefused("the model takes no input", "export it with its input as an argument")
    signature = Signature(
        tuple(_spec(each, "input") for each in inputs),
        tuple(_spec(each, "output") for each in outputs),
        _fixed_rows(inputs),
    )
    for each in outputs:
        _require_rows(each, signature.fixed_rows)
    datatypes = {spec.datatype for spec in signature.inputs + signature.outputs}
    if {"BF16", "BYTES"} <= datatypes:
        raise ModelRefused(
            "the model mixes bfloat16 and strings, which onnxruntime's Python cannot run",
            "cast bfloat16 to float inside the model",
        )
    return signature


def _spec(argument: _Argument, role: str) -> TensorSpec:
    kind = argument.type
    element = kind.removeprefix("tensor(").removesuffix(")")
    if not kind.startswith("tensor("):
        raise ModelRefused(
            f"{role} {argument.name!r} is a {kind}, not a tensor",
            "export the model with tensors only (scikit-learn converters: options zipmap=False)",
        )
    if element not in _ELEMENTS:
        raise ModelRefused(
            f"{role} {argument.name!r} has element type {element}, which numpy cannot carry",
            "cast it inside the model, for instance to float16 or float",
        )
    if not argument.shape:
        raise ModelRefused(
            f"{role} {argument.name!r} has no batch axis: it has no axes, or the file does not say",
            "give it a first axis of one entry a row, or declare its shape in the export",
        )
    dtype, datatype = _ELEMENTS[element]
    return TensorSpec(
        argument.name,
        np.dtype(dtype),
        datatype,
        tuple(_length(axis) for axis in argument.shape[1:]),
        tuple(axis if isinstance(axis, str) else None for axis in argument.shape[1:]),
    )


def _length(axis: int | str | None) -> int | None:
    return axis if isinstance(axis, int) and axis >= 0 else None


def _fixed_rows(inputs: Sequence[_Argument]) -> int | None:
    lengths = {_length(each.shape[0]) for each in inputs}
    if len(lengths) > 1 or 0 in lengths:
        firsts = ", ".join(f"{each.name!r}: {each.shape[0]}" for each in inputs)
        raise ModelRefused(
            f"the inputs' first axes do not agree on a batch ({firsts})",
            "export all inputs with the same free first axis; make constants initializers",
        )
    return lengths.pop()


def _require_rows(output: _Argument, fixed_rows: int | None) -> None:
    """Refuse an output whose first axis cannot be the batch; a free one is proven by the sample."""
    length = _length(output.shape[0])
    if length is not None and length != fixed_rows:
        batch = "any number of" if fixed_rows is None else str(fixed_rows)
        raise ModelRefused(
            f"output {output.name!r} has no batch axis: its first axis is always {length}, "
            f"for {batch} rows in",
            "export the model so that each output has one entry a row on its first axis",
        )
