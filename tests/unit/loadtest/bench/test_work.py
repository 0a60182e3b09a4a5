"""What the bench writes and reads: raw rows, and the Open Inference Protocol."""

import json

import numpy as np
import pytest

from loadtest.bench.work import decode_json, decode_raw, encode_json, encode_raw

ROWS = np.array([[1.5, -2.0], [0.25, 1e-9]], np.float32)


def _answer(data, shape=(1, 2), datatype="FP32"):
    output = {"name": "y", "shape": list(shape), "datatype": datatype, "data": data}
    return json.dumps({"model_name": "m", "outputs": [output]}).encode()


def test_raw_rows_come_back():
    np.testing.assert_array_equal(decode_raw(encode_raw(ROWS), 2), ROWS)


@pytest.mark.parametrize("body", [None, b"", bytes(4), bytes(12)])
def test_a_raw_body_of_another_size_has_no_values(body):
    values = decode_raw([encode_raw(ROWS)[0], body], 2)
    assert np.isnan(values).tolist() == [[False, False], [True, True]]


def test_a_request_in_json_is_one_row():
    request = json.loads(encode_json(ROWS)[0])
    assert request == {
        "inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1.5, -2.0]}]
    }


def test_rows_keep_every_bit_in_json():
    data = json.loads(encode_json(ROWS)[1])["inputs"][0]["data"]
    np.testing.assert_array_equal(np.array(data, np.float32), ROWS[1])


def test_answers_in_json_are_read():
    values = decode_json([_answer([1.5, -2.0]), _answer([0.25, 1e-9])], 2)
    np.testing.assert_array_equal(values, ROWS)


@pytest.mark.parametrize(
    "body",
    [
        None,
        b"",
        b"{",
        b'{"code":"invalid_json"}',
        _answer([1.5]),
        _answer([1.5, -2.0], shape=(2, 1)),
        _answer([1.5, -2.0], datatype="FP64"),
        _answer(["a", "b"]),
    ],
)
def test_what_is_no_answer_in_json_has_no_values(body):
    assert np.isnan(decode_json([body], 2)).all()
