import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.values.errors import Code, RequestRefused
from daemon.values.messages import Envelope
from daemon.wire import json_v2
from tests.bad_input import body, tensor
from tests.signatures import SIGNATURES, Signature, one_to_one, spec
from tests.unit.wire.tensors import BOUNDS, arrays, plain


def decode(text, signature, bounds=BOUNDS):
    return json_v2.decode(text, signature, bounds)


def refusal(text, signature, bounds=BOUNDS):
    with pytest.raises(RequestRefused) as caught:
        decode(text, signature, bounds)
    return caught.value


def x(datatype, shape, data):
    return body(tensor("x", shape, datatype, data))


def test_flat_data_fills_the_shape():
    decoded = decode(x("FP32", [2, 2], [1, 2.5, -3, 4e0]), one_to_one())

    assert decoded.rows == 2
    assert decoded.arrays["x"].dtype == np.float32
    assert decoded.arrays["x"].tolist() == [[1, 2.5], [-3, 4]]


def test_nested_data_fills_the_shape():
    signature = one_to_one("INT32", (2, 2))

    decoded = decode(x("INT32", [1, 2, 2], [[[1, 2], [3, 4]]]), signature)

    assert decoded.arrays["x"].tolist() == [[[1, 2], [3, 4]]]


def test_white_space_anywhere_changes_nothing():
    text = json.dumps(json.loads(x("INT32", [1, 2], [[1, 2]])), indent="\t").encode()

    assert decode(text, one_to_one("INT32")).arrays["x"].tolist() == [[1, 2]]


def test_inputs_come_in_any_order():
    text = body(
        tensor("b", [1, 2, 3], "INT64", [1, 2, 3, 4, 5, 6]), tensor("a", [1, 4], "FP32", [1] * 4)
    )

    decoded = decode(text, SIGNATURES["pair"])

    assert set(decoded.arrays) == {"a", "b"}
    assert decoded.arrays["b"].dtype == np.int64


def test_unknown_fields_are_ignored():
    text = body(
        tensor(more=[{}], shape=[1, 2], data=[1, 2]), parameters={"priority": 1}, extra=None
    )

    assert decode(text, one_to_one()).rows == 1


def test_shape_of_nested_strings_is_exact():
    signature = one_to_one("BYTES", (2,))

    array = decode(x("BYTES", [2, 2], [["a", ""], ["é", "\0"]]), signature).arrays["x"]

    assert array.dtype == object
    assert array.tolist() == [["a", ""], ["é", "\0"]]


def test_wide_reals_may_be_written_as_integers():
    """JavaScript writes 1e20 as 100000000000000000000."""
    array = decode(x("FP32", [1, 2], [10**20, 0]), one_to_one()).arrays["x"]

    assert array[0, 0] == np.float32(1e20)


def test_bounds_of_integers_are_exact():
    for datatype, least, most in [
        ("UINT8", 0, 255),
        ("INT8", -128, 127),
        ("UINT64", 0, 2**64 - 1),
        ("INT64", -(2**63), 2**63 - 1),
    ]:
        signature = one_to_one(datatype)

        array = decode(x(datatype, [1, 2], [least, most]), signature).arrays["x"]

        assert array.tolist() == [[least, most]]
        assert refusal(x(datatype, [1, 2], [least - 1, 0]), signature).code in {
            Code.INVALID_VALUE,
            Code.INVALID_JSON,  # beyond 64 bits
        }
        assert refusal(x(datatype, [1, 2], [most + 1, 0]), signature).code in {
            Code.INVALID_VALUE,
            Code.INVALID_JSON,
        }


@pytest.mark.parametrize(
    ("datatype", "data"),
    [
        ("INT32", [1.0, 2]),
        ("INT32", [1e2, 2]),
        ("INT32", [True, False]),
        ("INT32", ["1", "2"]),
        ("FP32", [True, 1]),
        ("FP32", ["1", "2"]),
        ("FP32", [None, 1]),
        ("FP32", [{}, 1]),
        ("FP16", [65_520, 1]),
        ("FP32", [3.5e38, 1]),
        ("BF16", [3.4e38, 1]),
        ("BOOL", [0, 1]),
        ("BOOL", ["true", "false"]),
        ("BYTES", [1, 2]),
        ("BYTES", [None, "a"]),
    ],
)
def test_nothing_is_cast_silently(datatype, data):
    assert refusal(x(datatype, [1, 2], data), one_to_one(datatype)).code is Code.INVALID_VALUE


def test_list_inside_flat_data_is_refused():
    assert refusal(x("FP32", [1, 2], [1, [2]]), one_to_one()).code is Code.INVALID_VALUE


@pytest.mark.parametrize(
    ("shape", "data"),
    [([1, 2], [[1], [2]]), ([2, 2], [[1, 2], [3]]), ([2, 2], [[1, 2]]), ([1, 2], [[[1, 2]]])],
)
def test_nesting_must_be_that_of_the_shape(shape, data):
    assert refusal(x("FP32", shape, data), one_to_one()).code is Code.INVALID_SHAPE


def test_deeper_nesting_is_refused_even_around_one_element():
    signature = one_to_one("FP32", (1,))

    assert refusal(x("FP32", [1, 1], [[[0]]]), signature).code is Code.INVALID_SHAPE


def test_huge_shape_is_refused_before_its_data_is_read():
    signature = one_to_one("FP32", (None, None))

    assert refusal(x("FP32", [1, 2**40, 2**40], []), signature).code is Code.INVALID_SHAPE


def test_rows_are_limited():
    bounds = BOUNDS._replace(rows=2)

    assert decode(x("FP32", [2, 2], [0] * 4), one_to_one(), bounds).rows == 2
    assert refusal(x("FP32", [3, 2], [0] * 6), one_to_one(), bounds).code is Code.TOO_LARGE


def test_depth_is_limited_outside_the_data():
    text = body(tensor(shape=[1, 2], data=[1, 2]), more=[[[[]]]])

    assert decode(text, one_to_one(), BOUNDS._replace(json_depth=5)).rows == 1
    assert refusal(text, one_to_one(), BOUNDS._replace(json_depth=4)).code is Code.INVALID_JSON


def test_refusal_names_the_field():
    text = json.dumps({"inputs": [{"name": "x", "shape": ["1"], "datatype": "FP32"}]}).encode()

    assert "$.inputs[0].shape[0]" in refusal(text, one_to_one()).detail


def test_id_and_outputs_are_remembered():
    text = body(
        tensor("a", [1, 4], "FP32", [1] * 4),
        tensor("b", [1, 2, 3], "INT64", [1] * 6),
        id="42",
        outputs=[{"name": "count"}],
    )

    envelope = decode(text, SIGNATURES["pair"]).envelope

    assert (envelope.id, envelope.outputs) == ("42", ("count",))


def test_plain_request_has_no_envelope():
    assert decode(x("FP32", [1, 2], [1, 2]), one_to_one()).envelope is None


def test_binary_output_asked_in_plain_json_comes_as_json():
    text = body(
        tensor(shape=[1, 2], data=[1, 2]),
        outputs=[{"name": "y", "parameters": {"binary_data": True}}],
    )

    assert decode(text, one_to_one()).envelope.binary_outputs == frozenset()


def test_empty_list_of_outputs_asks_for_all():
    text = body(tensor(shape=[1, 2], data=[1, 2]), outputs=[])

    assert decode(text, one_to_one()).envelope is None


def test_response_has_outputs_in_the_order_asked():
    outputs = {"total": np.zeros((1, 4), np.float32), "count": np.array([7])}
    envelope = Envelope("42", ("count", "total"))

    encoded = json_v2.encode(outputs, SIGNATURES["pair"], envelope, "pair")

    said = json.loads(encoded.body)
    assert said["id"] == "42"
    assert said["model_name"] == "pair"
    assert [output["name"] for output in said["outputs"]] == ["count", "total"]
    assert said["outputs"][0] == {"name": "count", "shape": [1], "datatype": "INT64", "data": [7]}
    assert list(encoded.headers) == [("content-type", b"application/json")]


def test_response_to_a_plain_request_has_all_outputs_and_no_id():
    outputs = {"total": np.zeros((1, 4), np.float32), "count": np.array([7])}

    said = json.loads(json_v2.encode(outputs, SIGNATURES["pair"], None, "pair").body)

    assert [output["name"] for output in said["outputs"]] == ["total", "count"]
    assert "id" not in said


@given(arrays(), st.booleans())
def test_any_tensor_survives_the_way_in(drawn, nested):
    datatype, array = drawn
    values = plain(datatype, array)
    text = x(datatype, array.shape, values.tolist() if nested else values.ravel().tolist())

    decoded = decode(text, one_to_one(datatype, array.shape[1:]))

    assert decoded.rows == len(array)
    assert decoded.arrays["x"].dtype == array.dtype
    np.testing.assert_array_equal(plain(datatype, decoded.arrays["x"]), values)


@given(arrays())
def test_any_tensor_survives_the_way_out(drawn):
    datatype, array = drawn
    signature = Signature((), (spec("y", datatype, array.shape[1:]),))

    (output,) = json.loads(json_v2.encode({"y": array}, signature, None, "m").body)["outputs"]

    assert output["shape"] == list(array.shape)
    assert output["data"] == plain(datatype, array).ravel().tolist()
