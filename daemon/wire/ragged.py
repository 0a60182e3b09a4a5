"""Rows of different lengths in one JSON body: `"shape": [3, -1]`, data nested. Pure.

For models whose rows are padded anyway: the rows of a request are filled up to its longest, and then to its
bucket's as those of others (runtime/padding.py). Outputs that have the length are answered in the same way.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from daemon.values.errors import Code, RequestRefused
from daemon.values.messages import Array, Arrays, Envelope
from daemon.wire.forms import Bounds
from daemon.wire.json_data import read_rows
from daemon.wire.shapes import check_shape, describe
from runtime.padding import PaddedAxis, Padding
from runtime.signature import TensorSpec


class RaggedRows(NamedTuple):
    """An input's rows, filled up to the longest, and how long each is on its axis `axis`."""

    array: Array
    axis: PaddedAxis
    lengths: tuple[int, ...]


def read_ragged(
    spec: TensorSpec, text: bytes, shape: Sequence[int], padding: Padding, bounds: Bounds
) -> RaggedRows | None:
    """Return the rows in `text`; None where `shape` is one of rows that are alike.

    Raises: RequestRefused invalid_json, invalid_shape, invalid_value, too_large.
    """
    place = shape.index(-1) if shape.count(-1) == 1 else 0
    axis = padding.axis_at(spec.name, place - 1)
    if axis is None:
        return None
    check_shape(spec, [1 if each == -1 else each for each in shape], most_rows=bounds.rows)
    elements, lengths = read_rows(spec, text, shape)
    longest = [max(lengths) if each == -1 else each for each in shape]
    size_bytes = math.prod(longest) * spec.dtype.itemsize
    if size_bytes > bounds.padded_bytes:
        raise RequestRefused(
            Code.TOO_LARGE,
            f"{describe(spec)}: rows as long as the longest take {size_bytes} bytes, at most"
            f" {bounds.padded_bytes} are allowed",
        )
    array = np.full(longest, padding.value_of(spec.name), spec.dtype)
    before, after = math.prod(shape[1:place]), shape[place + 1 :]
    lines = array.reshape(shape[0] * before, longest[place], *after)
    lines[_within(np.repeat(lengths, before), longest[place])] = elements.reshape(-1, *after)
    return RaggedRows(array, axis, tuple(lengths))


def agreed_lengths(
    ragged: Mapping[str, RaggedRows], arrays: Mapping[str, Array], padding: Padding
) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """Return the lengths of rows by axis; raises RequestRefused invalid_shape where inputs differ in them."""
    agreed = []
    for axis in padding.axes:
        told = {
            ragged[name].lengths
            if name in ragged and ragged[name].axis is axis
            else (arrays[name].shape[1 + place],) * len(arrays[name])
            for name, place in axis.inputs
        }
        if len(told) > 1:
            names = " and ".join(dict.fromkeys(name for name, _ in axis.inputs))
            raise RequestRefused(
                Code.INVALID_SHAPE, f"inputs {names} differ in the lengths of axis {axis.name}"
            )
        agreed.append((axis.name, told.pop()))
    return tuple(agreed)


def lengths_in(
    tensor: str, envelope: Envelope | None, padding: Padding | None
) -> dict[int, Sequence[int]]:
    """Return how long the rows of an input or output are, by its axes on which those of the request differ."""
    if envelope is None or not envelope.row_lengths or padding is None:
        return {}
    lengths = dict(envelope.row_lengths)
    return {
        place: lengths[axis.name]
        for axis in padding.axes
        for name, place in (*axis.inputs, *axis.outputs)
        if name == tensor
    }


def own_elements(arrays: Arrays, envelope: Envelope | None, padding: Padding | None) -> Arrays:
    """Return arrays without what fills their rows up, flat where there is any."""
    own = dict(arrays)
    for name, array in arrays.items():
        if lengths := lengths_in(name, envelope, padding):
            own[name] = array[_own_places(array, lengths)]
    return own


def without_filling(outputs: Arrays, envelope: Envelope | None, padding: Padding | None) -> Arrays:
    """Return the outputs of a request with zeros where a row is shorter than the longest."""
    blank = dict(outputs)
    for name, array in outputs.items():
        if lengths := lengths_in(name, envelope, padding):
            blank[name] = np.where(_own_places(array, lengths), array, np.zeros((), array.dtype))
    return blank


def _own_places(array: Array, lengths: Mapping[int, Sequence[int]]) -> npt.NDArray[np.bool_]:
    """Return where the elements of rows are that have these lengths; of the array's shape."""
    own = np.ones(array.shape, np.bool_)
    for place, each in lengths.items():
        shape = [len(array), *[1] * (array.ndim - 1)]
        shape[1 + place] = array.shape[1 + place]
        own &= _within(each, array.shape[1 + place]).reshape(shape)
    return own


def _within(lengths: Sequence[int] | npt.NDArray[np.int64], longest: int) -> npt.NDArray[np.bool_]:
    """Return which places of lines of the length `longest` are their own, bool (lines, longest)."""
    within: npt.NDArray[np.bool_] = np.arange(longest) < np.asarray(lengths)[:, np.newaxis]
    return within
