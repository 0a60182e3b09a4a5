"""Whom a request may share a batch with, where rows of different lengths are padded."""

import json

import numpy as np
import pytest

from config.settings import Limits, Model
from daemon.admission.model_rules import ModelRules
from daemon.values.errors import Code, RequestRefused
from daemon.values.messages import Form
from tests.signatures import sentences


def rules(**limits):
    return ModelRules("m", sentences(), Model(path="m.onnx"), Limits(**limits), transform=False)


def rows(length, mask=None, count=1):
    ids = np.ones((count, length), np.int64)
    return {"ids": ids, "mask": np.ones((count, mask or length), np.int64)}


def test_lengths_that_are_padded_alike_share_a_bucket():
    made = rules()

    buckets = [made.bucket("l", rows(length)) for length in (16, 17, 20, 32, 33)]

    assert buckets[1] == buckets[2] == buckets[3]
    assert len({*buckets}) == 3
    assert buckets[1].shape == ((32,), (32,))


def test_inputs_of_unequal_lengths_are_refused():
    """Padded they would have one shape, and give an answer that is nobody's."""
    with pytest.raises(RequestRefused) as refused:
        rules().bucket("l", rows(5, mask=6))

    assert refused.value.code is Code.INVALID_SHAPE
    assert refused.value.detail == "inputs ids and mask differ in the length of axis length"


def test_what_fills_rows_up_is_counted():
    made = rules()
    arrays = rows(3, count=2)

    assert made.padding_bytes(made.bucket("l", arrays), arrays) == 2 * 2 * 13 * 8


def test_a_request_that_padding_makes_too_large_is_refused():
    made = rules(prepared_bytes=4_000)
    arrays = rows(1, count=16)

    with pytest.raises(RequestRefused) as refused:
        made.padding_bytes(made.bucket("l", arrays), arrays)

    assert refused.value.code is Code.TOO_LARGE
    assert "4096 bytes, at most 4000" in refused.value.detail


def test_what_fills_a_row_up_may_be_a_value_that_no_request_may_have():
    model = Model(path="m.onnx", minimum=1)
    made = ModelRules("m", sentences(), model, Limits(), transform=False)

    made.decode(Form.JSON, ragged([[1, 2], [3]]), None)
    with pytest.raises(RequestRefused, match="is below 1"):
        made.decode(Form.JSON, ragged([[1, 2], [0]]), None)


def ragged(ids):
    tensors = [
        {"name": name, "shape": [len(ids), -1], "datatype": "INT64", "data": data}
        for name, data in (("ids", ids), ("mask", [[1] * len(row) for row in ids]))
    ]
    return json.dumps({"inputs": tensors}).encode()
