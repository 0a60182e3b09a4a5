"""Rows of different lengths in one run: filled up to one length before it, cut back after it. Pure.

Rule 1. A length is filled up to the next multiple of its step, whoever else is in the run: what a request
  is answered depends on its own length, and never on its neighbours'.
Rule 2. Inputs that share an axis by its name share the length: one that says nothing of itself is padded
  with zeros, as a mask has to be.
Rule 3. Outputs are cut back on each axis that grew with the length; which they are a sample has shown
  (runtime/padding_proof.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]
Shapes: TypeAlias = tuple[tuple[int, ...], ...]
"""The row shapes of a model's inputs, in the order of its signature."""
Place: TypeAlias = tuple[str, int]
"""A tensor by name, and one of the axes of its rows, counted from 0."""


@dataclass(frozen=True)
class PaddedAxis:
    """A length by which the rows of a run may differ, and where inputs and outputs have it.

    `longest` is the most that the model takes; None: that is not known.
    """

    name: str
    step: int = field(compare=False)
    inputs: tuple[Place, ...]
    outputs: tuple[Place, ...] = ()
    longest: int | None = field(default=None, compare=False)

    def up(self, length: int) -> int:
        """Return what `length` is filled up to."""
        filled = -(-length // self.step) * self.step
        return filled if self.longest is None else min(filled, self.longest)


class LengthsRefused(Exception):
    """Rows have lengths that cannot be padded; the text is fit for a reply."""


@dataclass(frozen=True)
class Padding:
    """How the rows of a model's inputs are padded; `inputs` are its inputs, `values` what fills each up."""

    axes: tuple[PaddedAxis, ...]
    inputs: tuple[str, ...]
    values: tuple[Any, ...]

    @property
    def cuts_outputs(self) -> bool:
        """Whether some output has one of the lengths."""
        return any(axis.outputs for axis in self.axes)

    def padded(self, shapes: Shapes) -> Shapes:
        """Return what rows of `shapes` become; raises LengthsRefused."""
        longer = [list(shape) for shape in shapes]
        for axis in self.axes:
            filled = axis.up(self._length(axis, shapes))
            for name, place in axis.inputs:
                longer[self.inputs.index(name)][place] = filled
        return tuple(map(tuple, longer))

    def as_one(self) -> "Padding":
        """Return it with one length for all axes, which goes up by the largest step."""
        known = [axis.longest for axis in self.axes if axis.longest is not None]
        return replace(
            self,
            axes=(
                PaddedAxis(
                    " and ".join(axis.name for axis in self.axes),
                    max(axis.step for axis in self.axes),
                    tuple(place for axis in self.axes for place in axis.inputs),
                    longest=min(known, default=None),
                ),
            ),
        )

    def axis_at(self, name: str, place: int) -> PaddedAxis | None:
        """Return the axis that an input has at `place` of its rows; None: that is not padded."""
        return next((axis for axis in self.axes if (name, place) in axis.inputs), None)

    def value_of(self, name: str) -> Any:  # noqa: ANN401 -- an element of the input's own dtype
        """Return what fills an input up."""
        return self.values[self.inputs.index(name)]

    def cut_back(
        self, outputs: Mapping[str, Array], inputs: Mapping[str, Array]
    ) -> Mapping[str, Array]:
        """Return a request's `outputs` with the lengths of its own `inputs`; views."""
        cut = dict(outputs)
        for name, cuts in self._cuts.items():
            within = [slice(None)] * outputs[name].ndim
            for place, tensor, own in cuts:
                within[1 + place] = slice(inputs[tensor].shape[1 + own])
            cut[name] = outputs[name][tuple(within)]
        return cut

    @cached_property
    def _cuts(self) -> Mapping[str, Sequence[tuple[int, str, int]]]:
        """By output: each axis to cut, and the input and its axis that has the length."""
        cuts: dict[str, list[tuple[int, str, int]]] = {}
        for axis in self.axes:
            for name, place in axis.outputs:
                cuts.setdefault(name, []).append((place, *axis.inputs[0]))
        return cuts

    def _length(self, axis: PaddedAxis, shapes: Shapes) -> int:
        lengths = {shapes[self.inputs.index(name)][place] for name, place in axis.inputs}
        if len(lengths) > 1:
            names = " and ".join(dict.fromkeys(name for name, _ in axis.inputs))
            raise LengthsRefused(f"inputs {names} differ in the length of axis {axis.name}")
        length = lengths.pop()
        if axis.longest is not None and length > axis.longest:
            raise LengthsRefused(
                f"axis {axis.name} has the length {length}, at most {axis.longest} is allowed"
            )
        return length


def fill_up_rows(arrays: Sequence[Array], row_shape: Sequence[int], value: object) -> Array:
    """Return the rows of all `arrays` in order, each row filled up to `row_shape` with `value`."""
    if all(array.shape[1:] == row_shape for array in arrays):
        return np.concatenate(arrays)
    filled = np.full((sum(map(len, arrays)), *row_shape), value, arrays[0].dtype)
    first = 0
    for array in arrays:
        last = first + len(array)
        filled[(slice(first, last), *map(slice, array.shape[1:]))] = array
        first = last
    return filled
