import json
import struct

import numpy as np
import pytest
from hypothesis import given

from daemon.values.errors import Code, RequestRefused
from daemon.values.messages import Envelope
from daemon.wire import binary
from tests.signatures import SIGNATURES, one_to_one
from tests.unit.wire.tensors import BOUNDS, arrays, plain


def request(inputs, *parts, **fields):
    head = json.dumps({"inputs": inputs} | fields).encode()
    return head + b"".join(parts), len(head)


def x(datatype, shape, size, **fields):
    parameters = {"binary_data_size": size}
    return {
        "name": "x",
        "shape": list(shape),
        "datatype": datatype,
        "parameters": parameters,
    } | fields


def element_bytes(datatype, array):
    if datatype != "BYTES":
        return array.astype(array.dtype.newbyteorder("<")).tobytes()
    texts = [text.encode() for text in array.ravel()]
    return b"".join(struct.pack("<I", len(text)) + text for text in texts)


def decode(body_and_length, signature):
    return binary.decode(*body_and_length, signature, BOUNDS)


def refusal(body_and_length, signature):
    with pytest.raises(RequestRefused) as caught:
        decode(body_and_length, signature)
    return caught.value.code


def test_bytes_follow_the_json_in_the_order_of_the_inputs():
    b = np.arange(6, dtype="<i8").tobytes()
    a = np.arange(4, dtype="<f4").tobytes()
    inputs = [
        x("INT64", [1, 2, 3], len(b), name="b"),
        x("FP32", [1, 4], len(a), name="a"),
    ]

    decoded = decode(request(inputs, b, a), SIGNATURES["pair"])

    assert decoded.arrays["a"].tolist() == [[0, 1, 2, 3]]
    assert decoded.arrays["b"].tolist() == [[[0, 1, 2], [3, 4, 5]]]


def test_input_may_be_json_beside_one_in_bytes():
    a = np.arange(4, dtype="<f4").tobytes()
    b = {"name": "b", "shape": [1, 2, 3], "datatype": "INT64", "data": [1] * 6}

    decoded = decode(request([b, x("FP32", [1, 4], len(a), name="a")], a), SIGNATURES["pair"])

    assert decoded.arrays["a"].tolist() == [[0, 1, 2, 3]]
    assert decoded.arrays["b"].tolist() == [[[1] * 3] * 2]


def test_arrays_are_aligned_wherever_the_json_ends():
    part = np.ones(2, "<f8").tobytes()
    for padding in range(8):
        made = request([x("FP64", [1, 2], 16)], part, pad=" " * padding)

        assert decode(made, one_to_one("FP64")).arrays["x"].flags.aligned


def test_bool_is_zero_or_one():
    signature = one_to_one("BOOL")

    assert decode(request([x("BOOL", [1, 2], 2)], b"\1\0"), signature).arrays["x"].tolist() == [
        [True, False]
    ]
    assert refusal(request([x("BOOL", [1, 2], 2)], b"\2\0"), signature) is Code.INVALID_VALUE


@pytest.mark.parametrize(
    ("part", "code"),
    [
        (b"", Code.INVALID_SHAPE),
        (b"\1\0\0\0a" + b"\1\0\0", Code.INVALID_SHAPE),
        (b"\1\0\0\0a" + b"\2\0\0\0b", Code.INVALID_VALUE),
        (b"\xff\xff\xff\xffabcd", Code.INVALID_VALUE),
        (b"\1\0\0\0\xff" + b"\0\0\0\0", Code.INVALID_VALUE),
        (b"\1\0\0\0a" + b"\0\0\0\0" + b"x", Code.INVALID_SHAPE),
    ],
)
def test_strings_must_fill_their_bytes(part, code):
    made = request([x("BYTES", [1, 2], len(part))], part)

    assert refusal(made, one_to_one("BYTES")) is code


@pytest.mark.parametrize("datatype", ["BYTES", "FP32"])
def test_nothing_is_allocated_for_a_shape_its_bytes_cannot_fill(datatype):
    made = request([x(datatype, [1, 2**40], 4)], bytes(4))

    assert refusal(made, one_to_one(datatype, (None,))) is Code.INVALID_SHAPE


def test_outputs_are_json_unless_asked_in_bytes():
    part = np.ones(2, "<f4").tobytes()

    envelope = decode(request([x("FP32", [1, 2], 8)], part), one_to_one()).envelope

    assert envelope.binary_outputs == frozenset()


@pytest.mark.parametrize(
    "fields",
    [
        {"outputs": [{"name": "y", "parameters": {"binary_data": True}}]},
        {"parameters": {"binary_data_output": True}},
        {"outputs": [{"name": "y"}], "parameters": {"binary_data_output": True}},
    ],
)
def test_outputs_are_bytes_when_asked_in_either_way(fields):
    part = np.ones(2, "<f4").tobytes()

    envelope = decode(request([x("FP32", [1, 2], 8)], part, **fields), one_to_one()).envelope

    assert envelope.binary_outputs == {"y"}


def test_output_can_be_excepted_from_bytes():
    part = np.ones(2, "<f4").tobytes()
    made = request(
        [x("FP32", [1, 2], 8)],
        part,
        parameters={"binary_data_output": True},
        outputs=[{"name": "y", "parameters": {"binary_data": False}}],
    )

    assert decode(made, one_to_one()).envelope.binary_outputs == frozenset()


def test_response_tells_where_its_json_ends():
    outputs = {"total": np.ones((1, 4), np.float32), "count": np.array([7])}
    envelope = Envelope("42", None, frozenset({"total"}))

    encoded = binary.encode(outputs, SIGNATURES["pair"], envelope, "pair")

    headers = dict(encoded.headers)
    length = int(headers["inference-header-content-length"])
    total, count = json.loads(encoded.body[:length])["outputs"]
    assert headers["content-type"] == b"application/octet-stream"
    assert total["parameters"] == {"binary_data_size": 16}
    assert "data" not in total
    assert count["data"] == [7]
    assert encoded.body[length:] == np.ones(4, "<f4").tobytes()


@given(arrays())
def test_any_tensor_survives_the_way_in(drawn):
    datatype, array = drawn
    part = element_bytes(datatype, array)

    decoded = decode(
        request([x(datatype, array.shape, len(part))], part),
        one_to_one(datatype, array.shape[1:]),
    )

    assert decoded.arrays["x"].dtype == array.dtype
    np.testing.assert_array_equal(decoded.arrays["x"], array)


@given(arrays())
def test_any_tensor_survives_the_way_out(drawn):
    datatype, array = drawn
    signature = one_to_one(datatype, array.shape[1:])
    envelope = Envelope(None, None, frozenset({"y"}))

    encoded = binary.encode({"y": array}, signature, envelope, "m")

    length = int(dict(encoded.headers)["inference-header-content-length"])
    (output,) = json.loads(encoded.body[:length])["outputs"]
    assert output["parameters"]["binary_data_size"] == len(encoded.body) - length
    assert encoded.body[length:] == element_bytes(datatype, array)
    assert plain(datatype, array).shape == tuple(output["shape"])
