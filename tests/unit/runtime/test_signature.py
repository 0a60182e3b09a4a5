from types import SimpleNamespace

import numpy as np
import pytest

from runtime import ModelRefused
from runtime.signature import read_signature


def tensor(name, shape, element="float"):
    return SimpleNamespace(name=name, type=f"tensor({element})", shape=shape)


def of_type(name, kind):
    return SimpleNamespace(name=name, type=kind, shape=[])


OUT = [tensor("y", ["n", 8])]


def test_free_first_axis_is_the_batch():
    signature = read_signature([tensor("x", ["n", 3, None])], OUT)

    assert signature.fixed_rows is None
    assert signature.inputs[0].row_shape == (3, None)


def test_axes_keep_the_names_that_the_file_gives_them():
    signature = read_signature([tensor("x", ["n", "length", 3, None])], OUT)

    assert signature.inputs[0].axis_names == ("length", None, None)


@pytest.mark.parametrize(
    ("element", "dtype", "datatype"),
    [
        ("bool", np.bool_, "BOOL"),
        ("uint8", np.uint8, "UINT8"),
        ("int64", np.int64, "INT64"),
        ("float16", np.float16, "FP16"),
        ("float", np.float32, "FP32"),
        ("double", np.float64, "FP64"),
        ("bfloat16", np.uint16, "BF16"),
        ("string", np.object_, "BYTES"),
    ],
)
def test_element_types_get_their_protocol_names(element, dtype, datatype):
    spec = read_signature([tensor("x", ["n"], element)], OUT).inputs[0]

    assert (spec.dtype, spec.datatype) == (np.dtype(dtype), datatype)


def test_fixed_batch_is_kept_when_all_agree():
    signature = read_signature([tensor("a", [4, 2]), tensor("b", [4])], [tensor("y", [4, 1])])

    assert signature.fixed_rows == 4


@pytest.mark.parametrize(
    ("inputs", "outputs", "reason"),
    [
        ([], OUT, "takes no input"),
        ([tensor("x", [])], OUT, "input 'x' has no batch axis"),
        ([tensor("x", ["n"])], [tensor("y", [])], "output 'y' has no batch axis"),
        ([tensor("x", ["n"])], [tensor("y", [1, 8])], "its first axis is always 1"),
        ([tensor("x", [4])], [tensor("y", [1])], "always 1, for 4 rows in"),
        ([tensor("x", ["n"]), tensor("k", [1])], OUT, "do not agree.*'x': n, 'k': 1"),
        ([tensor("x", [2]), tensor("k", [3])], OUT, "do not agree"),
        ([tensor("x", [0, 2])], OUT, "do not agree"),
        ([tensor("x", ["n"], "float8e4m3fn")], OUT, "float8e4m3fn, which numpy cannot carry"),
        ([tensor("x", ["n"], "string"), tensor("b", ["n"], "bfloat16")], OUT, "mixes bfloat16"),
        ([of_type("x", "optional(tensor(float))")], OUT, "optional.*not a tensor"),
        ([tensor("x", ["n"])], [of_type("p", "seq(map(int64,tensor(float)))")], "not a tensor"),
    ],
)
def test_what_cannot_be_batched_is_refused_with_the_reason(inputs, outputs, reason):
    with pytest.raises(ModelRefused, match=reason) as refused:
        read_signature(inputs, outputs)

    assert refused.value.remedy


def test_raw_rows_have_the_bytes_of_the_one_input():
    assert read_signature([tensor("x", ["n", 16])], OUT).raw_row_bytes == 64


@pytest.mark.parametrize(
    ("inputs", "outputs"),
    [
        ([tensor("a", ["n", 2]), tensor("b", ["n", 2])], OUT),
        ([tensor("x", ["n", 2])], [tensor("y", ["n"]), tensor("z", ["n"])]),
        ([tensor("x", ["n", "length"])], OUT),
        ([tensor("x", ["n"], "string")], OUT),
        ([tensor("x", ["n"], "bool")], OUT),
        ([tensor("x", ["n", 0])], OUT),
        ([tensor("x", ["n"])], [tensor("y", ["n"], "string")]),
    ],
)
def test_models_that_raw_rows_do_not_fit_have_none(inputs, outputs):
    assert read_signature(inputs, outputs).raw_row_bytes is None


def test_rows_of_one_shape_can_all_share_a_batch():
    assert read_signature([tensor("a", ["n", 2]), tensor("b", ["n"])], OUT).one_shape


def test_a_free_row_axis_parts_requests_by_shape():
    assert not read_signature([tensor("a", ["n", 2]), tensor("b", ["n", None])], OUT).one_shape


def test_settings_of_an_input_that_is_not_there_are_refused_with_those_that_are():
    signature = read_signature([tensor("ids", ["n"]), tensor("mask", ["n"])], OUT)

    signature.require_inputs(["mask"])
    with pytest.raises(ModelRefused, match=r"no input 'idz'.*; its inputs are ids, mask"):
        signature.require_inputs(["mask", "idz"])
