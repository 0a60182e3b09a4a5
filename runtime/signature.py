"""What a model takes and gives, and where its axis of rows is."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from runtime.errors import ModelRefused
from runtime.padding import Padding

FLOATS = frozenset({"FP16", "FP32", "FP64", "BF16"})
"""Datatypes that know infinity and not-a-number."""


@dataclass(frozen=True)
class TensorSpec:
    """One input or output.

    `datatype` is its Open Inference Protocol name, `dtype` that of the numpy arrays that carry it:
    uint16 bit patterns for BF16, Python strings in object arrays for BYTES. `row_shape` leaves the
    batch axis out; None is an axis of any length. `axis_names` has the symbolic names of these axes,
    as the file gives them; None for one without. `batch_axis` is which of the model's own axes that of
    rows is; None: there is none, and the tensor as a whole is one row.
    """

    name: str
    dtype: np.dtype[Any]
    datatype: str
    row_shape: tuple[int | None, ...]
    axis_names: tuple[str | None, ...] = field(default=(), compare=False)
    batch_axis: int | None = 0

    @property
    def whole(self) -> bool:
        """Whether it is sent and answered without an axis of rows."""
        return self.batch_axis is None

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

    `padding`: how rows of different lengths share a run; None: they do not. `alone`: rows change each
    other's answers, so that none may share a run.
    """

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    fixed_rows: int | None = None
    padding: Padding | None = None
    alone: bool = False

    @property
    def whole(self) -> bool:
        """Whether each request is a run of its own, its tensors whole."""
        return self.inputs[0].whole

    @property
    def most_rows(self) -> int | None:
        """How many rows a batch may have; None: any number."""
        return 1 if self.alone else self.fixed_rows

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
