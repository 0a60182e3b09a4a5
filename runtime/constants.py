"""Inputs that are the same in each run: made once, of what the settings say. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from runtime.declared import Argument, element_of, is_tensor, length_of
from runtime.errors import ModelRefused
from runtime.signature import FLOATS


def make_constants(
    inputs: Sequence[Argument], values: Mapping[str, object]
) -> dict[str, npt.NDArray[Any]]:
    """Return the array of each of `values` with the dtype and shape that its input declares.

    A single value fills its input, free axes of which get the length 1; a list has its input's shape.
    Raises ModelRefused for what does not fit.
    """
    return {each.name: _made(each, values[each.name]) for each in inputs if each.name in values}


def _made(argument: Argument, value: object) -> npt.NDArray[Any]:
    if not is_tensor(argument):
        raise ModelRefused(
            f"input {argument.name!r} is a {argument.type}, not a tensor",
            "export the model with tensors only",
        )
    dtype, datatype = element_of(argument, "input")
    if datatype == "BF16":
        raise ModelRefused(
            f"constants.{argument.name} is bfloat16, which no setting can be",
            "make it an initializer, or cast it inside the model",
        )
    given = _array(argument, value)
    array = _typed(given, dtype, datatype)
    if array is None:
        raise ModelRefused(f"constants.{argument.name} is not {datatype}", "give it as one")
    lengths = [length_of(each) for each in argument.shape]
    if given.ndim == 0:
        return np.full([1 if length is None else length for length in lengths], array, dtype)
    if len(lengths) != given.ndim or any(
        want not in {None, has} for want, has in zip(lengths, given.shape, strict=True)
    ):
        wanted = ", ".join("any" if length is None else str(length) for length in lengths)
        raise ModelRefused(
            f"constants.{argument.name} has shape {list(given.shape)}, the model takes [{wanted}]",
            "give a list of that shape, or one value for all of it",
        )
    return array


def _array(argument: Argument, value: object) -> npt.NDArray[Any]:
    flat = value
    while isinstance(flat, list) and flat:
        flat = flat[0]
    try:
        return np.array(value, np.object_ if isinstance(flat, str) else None)
    except ValueError as error:  # lists of different lengths
        raise ModelRefused(
            f"constants.{argument.name} is ragged", "give lists of one length on each axis"
        ) from error


def _typed(given: npt.NDArray[Any], dtype: np.dtype[Any], datatype: str) -> npt.NDArray[Any] | None:
    """Return `given` as the model takes it, None where that would be something else."""
    if datatype == "BYTES":
        texts = all(isinstance(each, str) for each in given.ravel().tolist())
        return given if given.dtype == np.object_ and texts else None
    if given.dtype == np.object_ or (given.dtype == np.bool_) != (datatype == "BOOL"):
        return None
    with np.errstate(invalid="ignore"):  # what does not fit is seen
        kept = given.astype(dtype)
    return kept if datatype in FLOATS or (kept == given).all() else None
