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


def ragged_axis(spec: TensorSpec, shape: Sequence[int], padding: Padding) -> PaddedAxis | None:
    """Return the axis on which an input of this shape has rows of different lengths; None: it has none."""
    if shape.count(-1) != 1:
        return None
    return padding.axis_at(spec.name, shape.index(-1) - 1)


def read_ragged(
    spec: TensorSpec, text: bytes, shape: Sequence[int], padding: Padding, bounds: Bounds
) -> RaggedRows | None:
    """Return the rows in `text`; None where `shape` is one of rows that are alike.

    Raises: RequestRefused invalid_json, invalid_shape, invalid_value, too_large.
    """
    axis = ragged_axis(spec, shape, padding)
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
    place = shape.index(-1)
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
    output: str, envelope: Envelope | None, padding: Padding | None
) -> dict[int, Sequence[int]]:
    """Return how long the rows of an output are, by its axes that have a length of the request's rows."""
    if envelope is None or not envelope.row_lengths or padding is None:
        return {}
    lengths = dict(envelope.row_lengths)
    return {
        place: lengths[axis.name]
        for axis in padding.axes
        for name, place in axis.outputs
        if name == output
    }


def without_filling(outputs: Arrays, envelope: Envelope | None, padding: Padding | None) -> Arrays:
    """Return the outputs of a request with zeros where a row is shorter than the longest."""
    blank = dict(outputs)
    for name, array in outputs.items():
        for place, lengths in lengths_in(name, envelope, padding).items():
            blank[name] = blank[name].copy()
            along = np.moveaxis(blank[name], 1 + place, 1)
            along[~_within(lengths, array.shape[1 + place])] = 0
    return blank


def sent_elements(inputs: Arrays, envelope: Envelope | None, padding: Padding) -> int:
    """Return how many elements of the inputs of a request came with it."""
    lengths = {} if envelope is None else dict(envelope.row_lengths)
    elements = 0
    for name, array in inputs.items():
        own = array.size
        for axis in padding.axes:
            for tensor, place in axis.inputs if lengths else ():
                if tensor == name:
                    own = own * sum(lengths[axis.name]) // (len(array) * array.shape[1 + place])
        elements += own
    return elements


def _within(lengths: Sequence[int] | npt.NDArray[np.int64], longest: int) -> npt.NDArray[np.bool_]:
    """Return which places of lines of the length `longest` are their own, bool (lines, longest)."""
    within: npt.NDArray[np.bool_] = np.arange(longest) < np.asarray(lengths)[:, np.newaxis]
    return within
