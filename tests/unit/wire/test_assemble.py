import numpy as np
import pytest

from daemon.values.messages import Bucket, Form, Request
from daemon.wire import raw
from daemon.wire.assemble import assemble, padded_elements, rows_of, slices
from tests.fakes import FakeRecord
from tests.ledgers import make_ledger
from tests.signatures import SIGNATURES, one_to_one, sentences, spec

LEDGER = make_ledger("t", 0, 0)


def request(form, inputs, rows, shape=()):
    return Request(
        FakeRecord("t", 0, 0),
        LEDGER,
        Bucket("lane", "model", shape),
        form,
        inputs,
        rows,
        0,
        0.0,
        float("inf"),
        "replies",
        None,
        None,
    )


def raw_rows(*rows):
    return request(Form.RAW, np.array(rows, "<f4").tobytes(), len(rows))


def json_rows(*rows):
    return request(Form.JSON, {"x": np.array(rows, np.float32)}, len(rows))


def test_raw_rows_are_joined_in_order():
    inputs = assemble([raw_rows([1, 2]), raw_rows([3, 4], [5, 6])], one_to_one())

    assert inputs["x"].tolist() == [[1, 2], [3, 4], [5, 6]]


def test_forms_may_be_mixed_in_a_batch():
    inputs = assemble([json_rows([1, 2]), raw_rows([3, 4]), json_rows([5, 6])], one_to_one())

    assert inputs["x"].tolist() == [[1, 2], [3, 4], [5, 6]]


def test_lone_request_is_not_copied():
    lone = json_rows([1, 2])

    assert assemble([lone], one_to_one())["x"] is lone.inputs["x"]


def test_every_input_is_assembled():
    first = request(Form.JSON, {"a": np.zeros((1, 4)), "b": np.ones((1, 2, 3))}, 1)
    second = request(Form.JSON, {"a": np.ones((2, 4)), "b": np.zeros((2, 2, 3))}, 2)

    inputs = assemble([first, second], SIGNATURES["pair"])

    assert {name: array.shape for name, array in inputs.items()} == {"a": (3, 4), "b": (3, 2, 3)}


@pytest.mark.parametrize("datatype", ["FP64", "INT16", "UINT8", "BF16"])
def test_raw_rows_are_little_endian_whatever_the_datatype(datatype):
    wanted = spec("x", datatype, (3,))
    sent = np.arange(6, dtype=wanted.dtype)

    rows = rows_of(sent.astype(wanted.dtype.newbyteorder("<")).tobytes(), wanted)

    assert rows.dtype == wanted.dtype
    assert rows.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_rows_of_single_numbers_are_flat():
    assert rows_of(np.arange(3, dtype="<i8").tobytes(), spec("x", "INT64")).shape == (3,)


def test_outputs_are_cut_where_the_requests_end():
    requests = [raw_rows([1, 2]), raw_rows([3, 4], [5, 6])]
    outputs = {"y": np.array([[1], [2], [3]]), "z": np.array([7, 8, 9])}

    first, second = slices(requests, outputs, None)

    assert (first["y"].tolist(), first["z"].tolist()) == ([[1]], [7])
    assert (second["y"].tolist(), second["z"].tolist()) == ([[2], [3]], [8, 9])


def sentence(*rows, length=4):
    ids = np.array(rows, np.int64)
    return request(Form.JSON, {"ids": ids, "mask": ids * 0 + 1}, len(rows), ((length,), (length,)))


def test_rows_are_filled_up_to_the_shape_of_their_bucket():
    """Also where all of them are shorter, and where one is alone: who else came changes no answer."""
    signature = sentences(step=4)

    together = assemble([sentence([1]), sentence([2, 3], [4, 5])], signature)
    alone = assemble([sentence([1])], signature)

    assert together["ids"].tolist() == [[1, 0, 0, 0], [2, 3, 0, 0], [4, 5, 0, 0]]
    assert together["mask"].tolist() == [[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 0, 0]]
    assert alone["ids"].tolist() == [[1, 0, 0, 0]]


def test_what_waits_is_filled_up_as_it_was_admitted():
    """Also where a reload has measured another step."""
    waiting = [sentence([1], length=8), sentence([2, 3], length=8)]

    assert assemble(waiting, sentences(step=4))["ids"].shape == (2, 8)


def test_outputs_are_cut_back_to_each_requests_length():
    requests = [sentence([1]), sentence([2, 3], [4, 5])]
    words = np.arange(3 * 4 * 16, dtype=np.float32).reshape(3, 4, 16)
    outputs = {"mean": np.zeros((3, 16)), "words": words}

    first, second = slices(requests, outputs, sentences(step=4).padding)

    assert first["words"].tolist() == words[:1, :1].tolist()
    assert second["words"].tolist() == words[1:, :2].tolist()
    assert second["mean"].shape == (2, 16)


def test_elements_that_fill_rows_up_are_counted():
    requests = [sentence([1]), sentence([2, 3], [4, 5])]

    assert padded_elements(requests, sentences(step=4).padding) == (24, 14)


def test_raw_bodies_are_cut_where_the_requests_end():
    requests = [raw_rows([1, 2]), raw_rows([3, 4], [5, 6])]
    outputs = np.array([[1], [2], [3]], np.float32)

    bodies = raw.bodies(spec("y", "FP32", (1,)), outputs, requests)

    assert bodies == [np.array([1], "<f4").tobytes(), np.array([2, 3], "<f4").tobytes()]
