"""Rows that fill a run up to a number that its model wants, and that nobody asked for. Pure."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt


def fill_up(inputs: Mapping[str, npt.NDArray[Any]], rows: int) -> Mapping[str, npt.NDArray[Any]]:
    """Return `inputs` with `rows` rows each: copies of the first one, which passed the checks; zeros might not."""
    return {name: _filled(array, rows) for name, array in inputs.items()}


def cut_back(outputs: Mapping[str, npt.NDArray[Any]], rows: int) -> dict[str, npt.NDArray[Any]]:
    """Return the first `rows` rows of each output: those that were asked for."""
    return {name: array[:rows] for name, array in outputs.items()}


def _filled(array: npt.NDArray[Any], rows: int) -> npt.NDArray[Any]:
    filled = np.empty((rows, *array.shape[1:]), array.dtype)
    filled[: len(array)] = array
    filled[len(array) :] = array[0]
    return filled
