import numpy as np
import pytest

from runtime import OutputInvalid
from runtime.outputs import require_rows, unsound_rows
from runtime.signature import Signature, TensorSpec

NAN, INF = np.nan, np.inf


def signature(*outputs):
    return Signature((), tuple(TensorSpec(n, np.dtype(d), t, ()) for n, d, t in outputs))


REAL = signature(("y", np.float32, "FP32"))


def test_as_many_rows_as_went_in_are_right():
    require_rows({"y": np.zeros((3, 2)), "z": np.zeros(3)}, 3)


@pytest.mark.parametrize("array", [np.zeros((2, 3)), np.zeros(4), np.zeros(())])
def test_another_number_of_rows_is_not(array):
    with pytest.raises(OutputInvalid, match="'z' has"):
        require_rows({"y": np.zeros((3, 2)), "z": array}, 3)


def test_finite_outputs_are_sound():
    assert unsound_rows(REAL, {"y": np.ones((3, 2), np.float32)}) is None


@pytest.mark.parametrize("bad", [NAN, INF, -INF])
def test_only_the_rows_that_are_not_finite_are_unsound(bad):
    y = np.ones((3, 2, 2), np.float32)
    y[1, 0, 1] = bad

    assert unsound_rows(REAL, {"y": y}).tolist() == [False, True, False]


def test_numbers_that_overflow_when_summed_are_sound():
    assert unsound_rows(REAL, {"y": np.full((4, 8), 3e38, np.float32)}) is None


def test_a_row_is_unsound_when_any_output_of_it_is():
    both = signature(("y", np.float32, "FP32"), ("z", np.float64, "FP64"))
    outputs = {"y": np.array([[NAN], [1], [1]], np.float32), "z": np.array([1, 1, INF])}

    assert unsound_rows(both, outputs).tolist() == [True, False, True]


def test_one_number_a_row_is_looked_at():
    assert unsound_rows(REAL, {"y": np.array([1, NAN], np.float32)}).tolist() == [False, True]


@pytest.mark.parametrize(
    ("bits", "unsound"), [(0x7F80, True), (0xFF80, True), (0x7FC0, True), (0x7F7F, False)]
)
def test_bfloat16_is_looked_at_by_its_exponent(bits, unsound):
    outputs = {"y": np.array([[0x3F80, bits], [0, 0x8000]], np.uint16)}

    rows = unsound_rows(signature(("y", np.uint16, "BF16")), outputs)

    assert (rows is not None and rows.tolist() == [True, False]) is unsound


def test_types_without_infinity_are_sound():
    outputs = {"y": np.array([0x7F80], np.uint16), "t": np.array(["nan"], np.object_)}

    assert (
        unsound_rows(signature(("y", np.uint16, "UINT16"), ("t", np.object_, "BYTES")), outputs)
        is None
    )
