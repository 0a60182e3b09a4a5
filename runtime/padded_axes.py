"""Which axes of a model's inputs are padded, by what its settings say of them. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from config.settings import Input, Pad
from runtime.bfloat16 import from_float32
from runtime.errors import ModelRefused
from runtime.padding import PaddedAxis, Padding, Place
from runtime.signature import FLOATS, Signature, TensorSpec

_REMEDY = "give `pad` another axis, or leave it out"


def padding_of(
    signature: Signature, inputs: Mapping[str, Input], *, best_step: Callable[[], int]
) -> Padding | None:
    """Return how inputs are to be padded by the settings `inputs`, by name; None: none is.

    `best_step` measures one for the step `auto`. Raises ModelRefused for an axis that the input does
    not have, or whose length is fixed.
    """
    pads = {name: said.pad for name, said in inputs.items() if said.pad is not None}
    asked = {
        spec.name: _axis_name(spec, pads[spec.name])
        for spec in signature.inputs
        if spec.name in pads
    }
    if not asked:
        return None
    return Padding(
        tuple(
            PaddedAxis(
                axis,
                _step([pads[name] for name, its in asked.items() if its == axis], best_step),
                tuple(_places(signature.inputs, axis, asked)),
                longest=_longest([pads[name] for name, its in asked.items() if its == axis]),
            )
            for axis in dict.fromkeys(asked.values())
        ),
        tuple(spec.name for spec in signature.inputs),
        tuple(_value(spec, pads.get(spec.name)) for spec in signature.inputs),
    )


def _axis_name(spec: TensorSpec, pad: Pad) -> str:
    """Return the axis as the model names it, or its number where it has no name there."""
    if pad.axis in spec.axis_names:
        place = spec.axis_names.index(pad.axis)
    elif pad.axis.isdecimal() and 1 <= int(pad.axis) <= len(spec.row_shape):
        place = int(pad.axis) - 1
    else:
        known = [name or str(place) for place, name in enumerate(spec.axis_names, 1)]
        raise ModelRefused(
            f"input {spec.name!r} has no axis {pad.axis!r} to pad: beside its rows it has"
            f" {', '.join(known) or 'none'}",
            _REMEDY,
        )
    if spec.row_shape[place] is not None:
        raise ModelRefused(
            f"axis {pad.axis!r} of input {spec.name!r} always has the length {spec.row_shape[place]}",
            _REMEDY,
        )
    return spec.axis_names[place] or str(place + 1)


def _places(specs: Sequence[TensorSpec], axis: str, asked: Mapping[str, str]) -> Iterator[Place]:
    """Yield where `axis` is: wherever it has that name, or that number in an input that asks for it."""
    for spec in specs:
        for place, name in enumerate(spec.axis_names):
            numbered = name is None and axis == str(place + 1) and asked.get(spec.name) == axis
            if name == axis or numbered:
                yield spec.name, place


def _step(pads: Sequence[Pad], best_step: Callable[[], int]) -> int:
    """Return the step that one of them names; they do not differ (config/model_rules.py)."""
    step = next((pad.step for pad in pads if "step" in pad.model_fields_set), pads[0].step)
    return best_step() if step == "auto" else step


def _longest(pads: Sequence[Pad]) -> int | None:
    return min([pad.longest for pad in pads if pad.longest is not None], default=None)


def _value(spec: TensorSpec, pad: Pad | None) -> Any:  # noqa: ANN401 -- an element of the input's own dtype
    value = 0.0 if pad is None else pad.value
    if spec.datatype == "BYTES":
        return ""
    if spec.datatype == "BF16":
        return from_float32(np.array(value, np.float32))[()]
    with np.errstate(over="ignore"):
        element = np.array(value).astype(spec.dtype)[()]
    if spec.datatype not in FLOATS and element != value:
        raise ModelRefused(
            f"input {spec.name!r} cannot be padded with {value:g}: it is {spec.datatype}",
            "set another `value` in its `pad`",
        )
    return element
