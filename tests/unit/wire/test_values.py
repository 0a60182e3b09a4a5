import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.settings import Model
from daemon.wire.values import ValueRule
from runtime import bfloat16
from tests.signatures import DTYPES, spec


def rule(datatype="FP32", **settings):
    return ValueRule(spec("x", datatype), Model(path="m.onnx", **settings))


def array(datatype, *values):
    if datatype == "BF16":
        return bfloat16.from_float32(np.array(values, np.float32))
    return np.array(values, DTYPES[datatype])


@pytest.mark.parametrize("datatype", ["FP16", "FP32", "FP64", "BF16"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_found(datatype, value):
    values = array(datatype, 1, value)

    assert rule(datatype).fault(values) == "input x is not finite"
    assert rule(datatype, finite=False).fault(values) is None


@pytest.mark.parametrize("datatype", [name for name in DTYPES if name not in {"BYTES", "BOOL"}])
def test_range_includes_its_ends(datatype):
    ranged = rule(datatype, minimum=1.0, maximum=3.0)

    assert ranged.fault(array(datatype, 1, 2, 3)) is None
    assert ranged.fault(array(datatype, 0, 2)) == "input x is below 1"
    assert ranged.fault(array(datatype, 2, 4)) == "input x is above 3"


@pytest.mark.parametrize("datatype", ["FP16", "FP32", "BF16"])
def test_bound_is_rounded_as_the_input_was(datatype):
    """Else 0.1, which float32 holds a little too large, would be above 0.1."""
    assert rule(datatype, minimum=0.1, maximum=0.1).fault(array(datatype, 0.1)) is None


def test_bounds_of_integers_are_exact_where_float64_is_not():
    ranged = rule("INT64", minimum=-(2.0**53), maximum=2.0**53)

    assert ranged.fault(array("INT64", 2**53, -(2**53))) is None
    assert ranged.fault(array("INT64", 2**53 + 1)) == "input x is above 9.0072e+15"


def test_fractional_bounds_of_integers_round_inwards():
    ranged = rule("INT32", minimum=0.5, maximum=1.5)

    assert ranged.fault(array("INT32", 1)) is None
    assert ranged.fault(array("INT32", 0)) is not None
    assert ranged.fault(array("INT32", 2)) is not None


@pytest.mark.parametrize("datatype", ["UINT8", "FP16"])
def test_bounds_beyond_the_datatype_bind_nothing(datatype):
    ranged = rule(datatype, minimum=-1e300, maximum=1e300)

    assert ranged.fault(array(datatype, 0, 255)) is None


def test_an_input_has_its_own_bounds_before_the_models():
    inputs = {"x": {"maximum": 1.0}, "other": {"minimum": 5.0}}
    ranged = rule("INT64", minimum=0.0, maximum=30_521.0, inputs=inputs)

    assert ranged.fault(array("INT64", 0, 1)) is None
    assert ranged.fault(array("INT64", 2)) == "input x is above 1"
    assert ranged.fault(array("INT64", -1)) == "input x is below 0"


def test_bounds_nothing_can_meet_refuse_everything():
    assert rule("UINT8", minimum=300.0).fault(array("UINT8", 255)) is not None


def test_nan_that_is_allowed_passes_a_range():
    ranged = rule(finite=False, minimum=0.0)

    assert ranged.fault(array("FP32", np.nan)) is None
    assert ranged.fault(array("FP32", np.nan, -1)) is not None


def test_strings_have_no_range():
    assert rule("BYTES", minimum=0.0).fault(np.array(["a"], object)) is None


def test_faulty_rows_are_named():
    ranged = rule(maximum=9.0)
    rows = np.array([[1, 2], [np.nan, 1], [3, 4], [1, 10]], np.float32)

    assert ranged.faulty_rows(rows).tolist() == [1, 3]


def test_faulty_rows_of_single_numbers_are_named():
    assert rule("INT64", minimum=0.0).faulty_rows(np.array([1, -1])).tolist() == [1]


@given(st.floats(width=32))
def test_bfloat16_is_the_nearest(value):
    exact = np.array([value], np.float32)

    near = bfloat16.to_float32(bfloat16.from_float32(exact))

    if np.isnan(value):
        assert np.isnan(near[0])
        return
    bits = exact.view(np.uint32) & 0xFFFF0000
    with np.errstate(all="ignore"):  # a candidate may be infinite
        candidates = np.array([bits, bits + 0x10000], np.uint32).view(np.float32).ravel()
        distances = np.abs(candidates.astype(np.float64) - np.float64(value))
    if np.isfinite(near[0]) and np.isfinite(distances).all():
        assert abs(np.float64(near[0]) - np.float64(value)) == distances.min()


@given(st.integers(0, 0xFFFF))
def test_bfloat16_survives_float32(bits):
    pattern = np.array([bits], np.uint16)
    values = bfloat16.to_float32(pattern)

    again = bfloat16.from_float32(values)

    assert np.isnan(values[0]) or again[0] == bits


def test_bfloat16_ties_go_to_even():
    # 1 + 2**-8 lies between 1 and 1 + 2**-7, 1 + 3 * 2**-8 between that and 1 + 2**-6.
    values = np.array([1 + 2**-8, 1 + 3 * 2**-8], np.float32)

    assert bfloat16.to_float32(bfloat16.from_float32(values)).tolist() == [1, 1 + 2**-6]
