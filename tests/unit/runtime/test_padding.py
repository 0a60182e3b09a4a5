from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.padding import LengthsRefused, PaddedAxis, Padding, fill_up_rows

LENGTH = PaddedAxis("length", 16, (("ids", 0), ("mask", 0)), (("words", 0),))
PADDING = Padding((LENGTH,), ("ids", "mask", "image"), (7, 0, 0.0))


def test_lengths_go_up_to_the_next_multiple_of_the_step():
    shapes = [PADDING.padded(((length,), (length,), (3, 5)))[0] for length in (1, 16, 17, 32)]

    assert shapes == [(16,), (16,), (32,), (32,)]


def test_other_axes_keep_their_lengths():
    assert PADDING.padded(((5,), (5,), (3, 5)))[2] == (3, 5)


def test_inputs_that_share_a_length_must_have_the_same():
    with pytest.raises(
        LengthsRefused, match="inputs ids and mask differ in the length of axis length"
    ):
        PADDING.padded(((5,), (6,), (3, 5)))


def test_lengths_are_not_filled_up_beyond_the_longest():
    padding = Padding((replace(LENGTH, longest=20),), PADDING.inputs, PADDING.values)

    filled = [padding.padded(((length,), (length,), (3, 5)))[0][0] for length in (3, 17, 20)]

    assert filled == [16, 20, 20]
    with pytest.raises(LengthsRefused, match="has the length 21, at most 20 is allowed"):
        padding.padded(((21,), (21,), (3, 5)))


def test_two_axes_have_a_step_each():
    both = Padding(
        (PaddedAxis("source", 4, (("x", 0),)), PaddedAxis("target", 10, (("y", 1),))),
        ("x", "y"),
        (0, 0),
    )

    assert both.padded(((5,), (2, 3))) == ((8,), (2, 10))


def test_rows_are_filled_up_behind_what_they_have():
    arrays = [np.array([[1, 2]]), np.array([[3, 4, 5], [6, 7, 8]])]

    filled = fill_up_rows(arrays, (4,), 9)

    assert filled.tolist() == [[1, 2, 9, 9], [3, 4, 5, 9], [6, 7, 8, 9]]


def test_strings_are_filled_up_too():
    filled = fill_up_rows([np.array([["a"]], object)], (2,), "")

    assert filled.tolist() == [["a", ""]]


def test_outputs_are_cut_back_to_the_lengths_of_the_request():
    inputs = {"ids": np.zeros((2, 5)), "mask": np.zeros((2, 5)), "image": np.zeros((2, 3, 5))}
    outputs = {"words": np.arange(2 * 16 * 3).reshape(2, 16, 3), "mean": np.zeros((2, 16))}

    cut = PADDING.cut_back(outputs, inputs)

    assert cut["words"].tolist() == outputs["words"][:, :5].tolist()
    assert cut["mean"].shape == (2, 16)


@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=6),
    step=st.integers(2, 20),
    depth=st.integers(1, 3),
)
def test_what_was_filled_up_and_cut_back_is_what_came(lengths, step, depth):
    """Of a model that gives what it gets, whatever lengths share a run."""
    axis = PaddedAxis("length", step, (("x", 0),), (("y", 0),))
    padding = Padding((axis,), ("x",), (-1,))
    rows = [
        np.random.default_rng(place).normal(size=(1 + place % 2, length, depth))
        for place, length in enumerate(lengths)
    ]
    longest = padding.padded(((max(lengths), depth),))

    filled = fill_up_rows(rows, longest[0], padding.value_of("x"))

    first = 0
    for array in rows:
        own = {"y": filled[first : first + len(array)]}
        first += len(array)
        assert np.array_equal(padding.cut_back(own, {"x": array})["y"], array)
    assert filled.shape[1] % step == 0
    assert (filled == -1).sum() == filled.size - sum(array.size for array in rows)
