"""Shown on rows that are made up: a model gives the same for rows that are padded as for them alone.

What fails here must not be padded: a layer that reads from the end, as a backward GRU does, begins with
what rows were filled up with; a mean without a mask counts it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from config.settings import Model as Settings
from runtime.agreement import apart, tolerances_of
from runtime.errors import ModelRefused, RunError
from runtime.padding import Padding, Place, fill_up_rows
from runtime.sample import Sample
from runtime.signature import Signature, TensorSpec
from runtime.trial import Arrays, Run, within_batch

_ROWS = 2
_LEAST_LENGTH = 2
"""A length of 1 goes with every other."""
_SEED = 7
_MOST_DISTINCT = 100
"""Integers that are tried where a range is set: enough to tell places apart."""
_REMEDY = (
    "leave `pad` out for it: it reads what rows were filled up with, as a GRU that reads backwards does;"
    " or set a `value` that the model, or its mask, leaves out, and `minimum` where reals are never below 0;"
    " what may differ says `batch_tolerance`"
)

_FAILS_REMEDY = (
    "say `pad` for each input that must be as long, and set a `step` that does not go beyond the longest"
    " length that the model takes"
)


@dataclass(frozen=True)
class _MadeUp:
    """Rows for one model, of which `sample` is one that it takes."""

    signature: Signature
    padding: Padding
    settings: Settings
    sample: Sample

    @property
    def rows(self) -> int:
        """How many there are."""
        return within_batch(self.signature, _ROWS)

    def shapes(self, lengths: Mapping[str, int]) -> dict[str, tuple[int, ...]]:
        """Return the row shape of each input where padded axes have these lengths."""
        own: dict[Place, int] = {
            place: lengths[axis.name] for axis in self.padding.axes for place in axis.inputs
        }
        free = self.settings.sample_axis
        return {
            spec.name: tuple(
                own.get((spec.name, place), free) if length is None else length
                for place, length in enumerate(spec.row_shape)
            )
            for spec in self.signature.inputs
        }

    def alike(self, lengths: Mapping[str, int]) -> Arrays:
        """Return rows like those of the sample."""
        shapes = self.shapes(lengths)
        return {
            name: np.full((self.rows, *shapes[name]), value)
            for name, (_, value) in self.sample.rows.items()
        }

    def unlike(self, lengths: Mapping[str, int]) -> Arrays:
        """Return rows that differ from each other, and from what fills them up."""
        shapes = self.shapes(lengths)
        random = np.random.default_rng(_SEED)
        return {
            spec.name: self._values(spec, (self.rows, *shapes[spec.name]), random)
            for spec in self.signature.inputs
        }

    def _values(
        self, spec: TensorSpec, shape: tuple[int, ...], random: np.random.Generator
    ) -> npt.NDArray[Any]:
        """Return values of one input, within its range.

        Reals lie between 0 and 1, as a mask's do. Those of the first row are below 0 where the input has a
        `pad` of its own and so is no mask: a maximum over places does not see zeros among what is above
        them. Integers differ only where their range is set: one too many is an index out of range.
        """
        _, usual = self.sample.rows[spec.name]
        low, high = self.settings.range_of(spec.name)
        if spec.datatype in {"FP16", "FP32", "FP64"}:
            most = 1.0 if high is None else high
            least = min(0.0, most) if low is None else low
            reals = random.uniform(least, max(least, most), shape)
            lowest = min(-1.0, most) if low is None else low
            if lowest < 0 and self._is_set(spec):
                reals[0] = random.uniform(lowest, min(lowest / 2, most), shape[1:])
            return reals.astype(spec.dtype)
        if spec.datatype in {"BF16", "BOOL", "BYTES"}:
            return np.full(shape, usual)
        first = int(usual) + int(usual == self.padding.value_of(spec.name))
        last = first if high is None else min(int(high), first + _MOST_DISTINCT)
        return random.integers(first, max(first, last), shape, endpoint=True).astype(spec.dtype)

    def _is_set(self, spec: TensorSpec) -> bool:
        """Whether settings say how this input is padded."""
        own = self.settings.inputs.get(spec.name)
        return own is not None and own.pad is not None


def prove_padding(
    run: Run,
    signature: Signature,
    padding: Padding,
    settings: Settings,
    sample: Sample,
    *,
    on_gpu: bool,
) -> Padding:
    """Return `padding` with the axes by which outputs are cut back.

    Axes of which the model wants the same length, whatever their names, become one. `sample` is one
    that it takes. Raises ModelRefused when padded rows give something else.
    """
    made_up = _MadeUp(signature, padding, settings, sample)
    tolerances = tolerances_of(signature, settings, on_gpu=on_gpu)
    try:
        return _proven(run, made_up, tolerances)
    except _NotTaken:
        if len(padding.axes) == 1:
            raise
    return _proven(run, replace(made_up, padding=padding.as_one()), tolerances)


class _NotTaken(ModelRefused):
    """The model does not take rows of these lengths as they are."""


def _proven(run: Run, made_up: _MadeUp, tolerances: Mapping[str, float]) -> Padding:
    padding = made_up.padding
    lengths = _unlike_lengths(padding, max(made_up.settings.sample_axis, _LEAST_LENGTH))
    longer = {axis.name: axis.up(lengths[axis.name] + 1) for axis in padding.axes}
    told = ", ".join(f"{name} {lengths[name]} to {longer[name]}" for name in lengths)
    inputs, exact = _run_exact(run, made_up, lengths)
    filled = {
        name: fill_up_rows([inputs[name]], shape, padding.value_of(name))
        for name, shape in made_up.shapes(longer).items()
    }
    try:
        padded = run(filled)
    except RunError as error:
        raise ModelRefused(
            f"the model fails on rows padded from {told}: {error}", _FAILS_REMEDY
        ) from error
    proven = replace(
        padding,
        axes=tuple(
            replace(
                axis, outputs=tuple(_grown(exact, padded, lengths[axis.name], longer[axis.name]))
            )
            for axis in padding.axes
        ),
    )
    cut = proven.cut_back(padded, inputs)
    for spec in made_up.signature.outputs:
        _compare(spec, exact[spec.name], cut[spec.name], told, tolerances[spec.name])
    return proven


def _unlike_lengths(padding: Padding, usual: int) -> dict[str, int]:
    """Return a length for each axis that can be filled up, all different.

    Of axes of one length none could tell which an output has. Raises ModelRefused where axes are too
    short for that.
    """
    lengths: dict[str, int] = {}
    for axis in padding.axes:
        most = usual + len(lengths) if axis.longest is None else axis.longest - 1
        free = set(range(1, most + 1)) - set(lengths.values())
        if not free:
            raise ModelRefused(
                f"axis {axis.name} is never longer than {axis.longest}, and others are as short: which output"
                " has which of their lengths cannot be told",
                "leave `pad` out for one of them",
            )
        lengths[axis.name] = max(each for each in free if each <= usual + len(lengths))
    return lengths


def _run_exact(run: Run, made_up: _MadeUp, lengths: Mapping[str, int]) -> tuple[Arrays, Arrays]:
    """Return rows of these lengths that the model takes, unlike each other if it can be, and what it gives."""
    failure: RunError | None = None
    for make in (made_up.unlike, made_up.alike):
        inputs = make(lengths)
        try:
            return inputs, run(inputs)
        except RunError as error:
            failure = error
    raise _NotTaken(
        f"the model fails on the rows that are to be padded for a proof: {failure}",
        "set sample_axis to a length that requests have",
    )


def _grown(exact: Arrays, padded: Arrays, length: int, longer: int) -> Iterator[Place]:
    """Yield the axes of outputs that have the input's length, with and without padding."""
    for name, array in exact.items():
        for place, sizes in enumerate(zip(array.shape[1:], padded[name].shape[1:], strict=True)):
            if sizes == (length, longer):
                yield name, place


def _compare(
    spec: TensorSpec,
    alone: npt.NDArray[Any],
    padded: npt.NDArray[Any],
    told: str,
    tolerance: float,
) -> None:
    """Raise ModelRefused where an output differs; `told` are the lengths."""
    if alone.shape != padded.shape:
        raise ModelRefused(
            f"output {spec.name!r} has the shape {list(padded.shape)} where rows are padded"
            f" ({told}), and {list(alone.shape)} where they are not: it cannot be cut back",
            "leave `pad` out, or export the model so that the output has the length of its input",
        )
    off = apart(spec, alone, padded)
    if off.relative > tolerance:
        raise ModelRefused(
            f"output {spec.name!r} is off by {off.difference:.2g} where rows are padded ({told})",
            _REMEDY,
        )
