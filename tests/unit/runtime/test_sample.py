import numpy as np
import pytest

from config.settings import Range
from runtime.sample import samples
from runtime.signature import Signature, TensorSpec


def spec(dtype=np.float32, datatype="FP32", row_shape=()):
    return TensorSpec("x", np.dtype(dtype), datatype, row_shape)


def first(one, *, free_axis=8, **limits):
    ranges = {"x": Range(**limits)}
    sample = next(samples(Signature((one,), ()), free_axis=free_axis, range_of=ranges.__getitem__))
    return sample.of(2)["x"]


def test_rows_are_those_asked_for_and_free_axes_have_the_set_length():
    array = first(spec(row_shape=(3, None)), free_axis=5)

    assert array.shape == (2, 3, 5)


def test_an_array_has_the_dtype_of_its_input():
    assert first(spec(np.float16, "FP16")).dtype == np.float16


@pytest.mark.parametrize(
    ("one", "value"),
    [
        (spec(), 0.0),
        (spec(np.int32, "INT32"), 1),
        (spec(np.bool_, "BOOL"), True),
        (spec(np.object_, "BYTES"), "1"),
        (spec(np.uint16, "BF16"), 0),
    ],
)
def test_the_first_sample_divides_by_no_zero_and_looks_up_a_low_index(one, value):
    assert first(one).tolist() == [value, value]


def test_integers_become_zero_for_tables_of_one_entry():
    given = [
        s.of(1)["x"].item() for s in samples(Signature((spec(np.int64, "INT64"),), ()), free_axis=8)
    ]

    assert given == [1, 0, 1]


@pytest.mark.parametrize(
    ("one", "limits", "value"),
    [
        (spec(), {"minimum": 0.5}, 0.5),
        (spec(), {"maximum": -0.5}, -0.5),
        (spec(np.int32, "INT32"), {"minimum": 1.5}, 2),
        (spec(np.int32, "INT32"), {"maximum": -0.5}, -1),
        (spec(np.int32, "INT32"), {"maximum": 0.5}, 0),
        (spec(np.uint16, "BF16"), {"minimum": 1.0}, 0x3F80),
    ],
)
def test_values_lie_within_the_limits_of_their_input(one, limits, value):
    assert first(one, **limits).tolist() == [value, value]
