"""Rows of different lengths in one JSON request, for a model whose rows are padded."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.values.errors import Code, RequestRefused
from daemon.values.messages import Envelope
from daemon.wire import json_v2
from daemon.wire.ragged import own_elements, without_filling
from runtime.padding import PaddedAxis, Padding
from runtime.signature import Signature
from tests.signatures import sentences, spec
from tests.unit.wire.tensors import BOUNDS

ROWS = [[1, 2, 3], [4], [5, 6]]


def tensor(name, data, shape, datatype="INT64"):
    return {"name": name, "shape": shape, "datatype": datatype, "data": data}


def body(*tensors, **more):
    return json.dumps({"inputs": tensors, **more}).encode()


def both(ids, mask=None):
    mask = [[1] * len(row) for row in ids] if mask is None else mask
    return body(tensor("ids", ids, [len(ids), -1]), tensor("mask", mask, [len(mask), -1]))


def decode(text, signature=None, **bounds):
    return json_v2.decode(text, signature or sentences(), BOUNDS._replace(**bounds))


def refusal(text, signature=None, **bounds):
    with pytest.raises(RequestRefused) as refused:
        decode(text, signature, **bounds)
    return refused.value


def test_rows_are_filled_up_to_the_longest():
    decoded = decode(both(ROWS))

    assert decoded.arrays["ids"].tolist() == [[1, 2, 3], [4, 0, 0], [5, 6, 0]]
    assert decoded.arrays["mask"].tolist() == [[1, 1, 1], [1, 0, 0], [1, 1, 0]]
    assert decoded.rows == 3
    assert decoded.envelope.row_lengths == (("length", (3, 1, 2)),)


def test_strings_are_filled_up_with_empty_ones():
    axis = PaddedAxis("length", 4, (("words", 0),))
    signature = Signature(
        (spec("words", "BYTES", (None,)),), (spec(),), padding=Padding((axis,), ("words",), ("",))
    )

    decoded = decode(body(tensor("words", [["a", "b"], ["c"]], [2, -1], "BYTES")), signature)

    assert decoded.arrays["words"].tolist() == [["a", "b"], ["c", ""]]


def test_a_length_may_stand_behind_other_axes():
    axis = PaddedAxis("time", 4, (("x", 1),))
    signature = Signature(
        (spec("x", "FP32", (2, None)),), (spec(),), padding=Padding((axis,), ("x",), (9.0,))
    )
    data = [[[1, 2], [3, 4]], [[5], [6]]]

    decoded = decode(body(tensor("x", data, [2, 2, -1], "FP32")), signature)

    assert decoded.arrays["x"].tolist() == [[[1, 2], [3, 4]], [[5, 9], [6, 9]]]


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        (
            both(ROWS, mask=[[1], [1], [1]]),
            "inputs ids and mask differ in the lengths of axis length",
        ),
        (
            body(tensor("ids", ROWS, [3, -1]), tensor("mask", [1] * 9, [3, 3])),
            "inputs ids and mask differ in the lengths",
        ),
        (body(tensor("ids", ROWS, [2, -1]), tensor("mask", ROWS, [2, -1])), "nested unlike shape"),
        (both([[1], []]), "nested unlike shape"),
        (both([]), "has an axis shorter than 1"),
        (body(tensor("ids", [1, 2], [1, -1]), tensor("mask", [1, 2], [1, -1])), "Expected `array`"),
        (body(tensor("ids", ROWS, [3, -2]), tensor("mask", ROWS, [3, -1])), "shorter than 1"),
        (body(tensor("ids", ROWS, [-1, 3]), tensor("mask", ROWS, [3, -1])), "shorter than 1"),
    ],
)
def test_what_is_no_such_tensor_is_refused(text, detail):
    refused = refusal(text)

    assert refused.code is Code.INVALID_SHAPE
    assert detail in refused.detail


def test_channels_of_a_row_must_have_one_length():
    axis = PaddedAxis("time", 4, (("x", 1),))
    signature = Signature(
        (spec("x", "FP32", (2, None)),), (spec(),), padding=Padding((axis,), ("x",), (0.0,))
    )

    refused = refusal(body(tensor("x", [[[1, 2], [3]]], [1, 2, -1], "FP32")), signature)

    assert refused.code is Code.INVALID_SHAPE


def test_one_long_row_among_many_short_ones_is_no_way_to_fill_memory():
    refused = refusal(both([[1] * 1_000, *[[1]] * 999]), padded_bytes=1_000_000)

    assert refused.code is Code.TOO_LARGE
    assert "8000000 bytes, at most 1000000" in refused.detail


def test_a_model_that_is_not_padded_takes_no_such_rows():
    assert refusal(both(ROWS), replace(sentences(), padding=None)).code is Code.INVALID_SHAPE


def test_outputs_that_have_the_length_come_back_in_the_same_way():
    decoded = decode(both(ROWS))
    words = np.arange(3 * 3 * 16, dtype=np.float32).reshape(3, 3, 16)
    outputs = {"mean": np.zeros((3, 16), np.float32), "words": words}

    told = json.loads(json_v2.encode(outputs, sentences(), decoded.envelope, "m").body)["outputs"]

    assert told[0]["shape"] == [3, 16]
    assert told[1]["shape"] == [3, -1, 16]
    assert told[1]["data"] == [words[0].tolist(), words[1, :1].tolist(), words[2, :2].tolist()]


def test_what_fills_rows_up_within_a_request_is_no_answer():
    envelope = Envelope(row_lengths=(("length", (1, 2)),))
    words = np.full((2, 2, 16), np.nan, np.float32)
    words[0, 0] = words[1] = 1.0

    cleared = without_filling({"words": words}, envelope, sentences().padding)

    assert np.isfinite(cleared["words"]).all()
    assert np.isnan(words[0, 1]).all()


def test_elements_that_came_are_those_of_the_rows_own_lengths():
    decoded = decode(both(ROWS))

    own = own_elements(decoded.arrays, decoded.envelope, sentences().padding)

    assert own["ids"].tolist() == [1, 2, 3, 4, 5, 6]
    assert own["mask"].tolist() == [1] * 6


@given(
    st.lists(
        st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=6), min_size=1, max_size=6
    )
)
def test_rows_come_back_as_they_were_sent(rows):
    decoded = decode(both(rows))
    lengths = decoded.envelope.row_lengths[0][1]

    array = decoded.arrays["ids"]

    assert [row[:length].tolist() for row, length in zip(array, lengths, strict=True)] == rows
    assert array.dtype == np.int64
