from types import SimpleNamespace

import numpy as np
import pytest

from config.settings import Model as Settings
from runtime import ModelRefused
from runtime.declared import read_signature, settled


def tensor(name, shape, element="float"):
    return SimpleNamespace(name=name, type=f"tensor({element})", shape=shape)


def read(tensors_in, tensors_out, **settings):
    return read_signature(tensors_in, tensors_out, Settings(path="model.onnx", **settings))


def of_type(name, kind):
    return SimpleNamespace(name=name, type=kind, shape=[])


OUT = [tensor("y", ["n", 8])]


def test_free_first_axis_is_the_batch():
    signature = read([tensor("x", ["n", 3, None])], OUT)

    assert signature.fixed_rows is None
    assert signature.inputs[0].row_shape == (3, None)


def test_axes_keep_the_names_that_the_file_gives_them():
    signature = read([tensor("x", ["n", "length", 3, None])], OUT)

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
    spec = read([tensor("x", ["n"], element)], OUT).inputs[0]

    assert (spec.dtype, spec.datatype) == (np.dtype(dtype), datatype)


def test_fixed_batch_is_kept_when_all_agree():
    signature = read([tensor("a", [4, 2]), tensor("b", [4])], [tensor("y", [4, 1])])

    assert signature.fixed_rows == 4


@pytest.mark.parametrize(
    ("inputs", "outputs", "reason"),
    [
        ([], OUT, "takes no input"),
        ([tensor("x", [])], OUT, "input 'x' is a single number, or the file does not say"),
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
        read(inputs, outputs)

    assert refused.value.remedy


def test_rows_may_lie_on_another_axis():
    signature = read(
        [tensor("x", ["n", 3]), tensor("state", [2, "n", "width"])], OUT, batch_axis={"state": 1}
    )

    state = signature.inputs[1]
    assert (state.row_shape, state.axis_names, state.batch_axis) == (
        (2, None),
        (None, "width"),
        1,
    )


def test_inputs_agree_on_the_length_of_their_axes_of_rows():
    inputs = [tensor("x", [1, 3]), tensor("state", [2, 1, 8])]

    assert read(inputs, OUT, batch_axis={"state": 1}).fixed_rows == 1
    with pytest.raises(ModelRefused, match=r"agree on a batch.*'x': 1, 'state': 2.*batch_axis"):
        read(inputs, OUT)


def test_without_a_batch_tensors_are_whole_and_one_runs_at_a_time():
    signature = read(
        [tensor("x", [1, 3, None]), tensor("rate", [])], [tensor("boxes", ["k", 4])], batch="none"
    )

    assert [spec.row_shape for spec in signature.inputs] == [(1, 3, None), ()]
    assert signature.outputs[0].row_shape == (None, 4)
    assert (signature.whole, signature.fixed_rows) == (True, 1)


def test_constants_are_no_inputs_of_a_request():
    signature = read(
        [tensor("x", ["n"]), tensor("rate", [], "int64")], OUT, constants={"rate": 16000}
    )

    assert [spec.name for spec in signature.inputs] == ["x"]


def test_outputs_are_those_that_are_named_in_that_order():
    outputs = [tensor("a", ["n"]), of_type("maps", "seq(map(int64,tensor(float)))")]

    signature = read([tensor("x", ["n"])], [*outputs, tensor("b", ["n"])], outputs=["b", "a"])

    assert [spec.name for spec in signature.outputs] == ["b", "a"]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"batch_axis": {"state": 1}}, "batch_axis names 'state', which the model does not have"),
        ({"constants": {"y": 1}}, "constants names 'y'.*; it has x$"),
        ({"outputs": ["x"]}, "outputs names 'x'.*; it has y$"),
        ({"batch_axis": {"x": 3}}, "input 'x' has 2 axes, and batch_axis says that axis 3"),
        ({"constants": {"x": 1}}, "nothing but constants"),
    ],
)
def test_settings_that_do_not_fit_the_model_are_refused(settings, reason):
    with pytest.raises(ModelRefused, match=reason):
        read([tensor("x", ["n", 2])], OUT, **settings)


@pytest.mark.parametrize(
    ("inputs", "outputs", "remedy"),
    [
        ([tensor("x", ["n"]), tensor("sr", [])], OUT, "constants = { sr = ... }"),
        ([tensor("x", ["n"]), tensor("a.b", [])], OUT, 'constants = { "a.b" = ... }'),
        ([tensor("x", ["n"]), tensor("k", [1])], OUT, "constants"),
        (
            [tensor("x", ["n"])],
            [tensor("label", ["n"]), of_type("p", "seq(map(int64,tensor(float)))")],
            'outputs = ["label"]',
        ),
    ],
)
def test_the_remedy_is_a_setting_where_one_helps(inputs, outputs, remedy):
    with pytest.raises(ModelRefused) as refused:
        read(inputs, outputs)

    assert remedy in refused.value.remedy


def test_what_a_file_says_of_its_outputs_gives_way_to_what_runs_show():
    declared = read(
        [tensor("x", ["n", "length"])],
        [
            tensor("y", [1]),
            tensor("unsaid", []),
            tensor("right", ["n", 3]),
            tensor("free", ["n", "k"]),
        ],
    )
    runs = [
        {"y": (2, 5), "unsaid": (2, 4, length), "right": (2, 3), "free": (2, length)}
        for length in (8, 64)
    ]

    shapes = {spec.name: spec.row_shape for spec in settled(declared, runs).outputs}

    assert shapes == {"y": (5,), "unsaid": (4, None), "right": (3,), "free": (None,)}


def test_raw_rows_have_the_bytes_of_the_one_input():
    assert read([tensor("x", ["n", 16])], OUT).raw_row_bytes == 64


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
    assert read(inputs, outputs).raw_row_bytes is None


def test_rows_of_one_shape_can_all_share_a_batch():
    assert read([tensor("a", ["n", 2]), tensor("b", ["n"])], OUT).one_shape


def test_a_free_row_axis_parts_requests_by_shape():
    assert not read([tensor("a", ["n", 2]), tensor("b", ["n", None])], OUT).one_shape


def test_settings_of_an_input_that_is_not_there_are_refused_with_those_that_are():
    signature = read([tensor("ids", ["n"]), tensor("mask", ["n"])], OUT)

    signature.require_inputs(["mask"])
    with pytest.raises(ModelRefused, match=r"no input 'idz'.*; its inputs are ids, mask"):
        signature.require_inputs(["mask", "idz"])


@pytest.mark.parametrize(
    ("shape", "settings", "row_shape"),
    [
        (["n", 3, "height", "width"], {}, (3, 8, 6)),
        ([None, 3, 8, None], {}, (3, 8, 6)),
        ([4, 3, None, None], {}, (3, 8, 6)),
        ([1, 3, None, None], {"batch": "none"}, (1, 3, 8, 6)),
        ([3, None, None], {"batch": "none"}, (3, 8, 6)),
        # These do not fit, and are refused where the transform is made.
        (["n", 1, None, None], {}, (1, None, None)),
        (["n", None], {}, (None,)),
        ([2, 3, None, None], {"batch": "none"}, (2, 3, None, None)),
    ],
)
def test_pictures_of_one_shape_settle_the_lengths_that_are_free(shape, settings, row_shape):
    signature = read([tensor("x", shape)], OUT, transform={"image": [3, 8, 6]}, **settings)

    assert signature.inputs[0].row_shape == row_shape


def test_texts_leave_lengths_free():
    signature = read([tensor("x", ["n", None], "int64")], OUT, transform={"text": "t.json"})

    assert signature.inputs[0].row_shape == (None,)
