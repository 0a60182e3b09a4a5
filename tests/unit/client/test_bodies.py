import json
import sys

import numpy as np
import pytest

from tidemill_client.bodies import encoded
from tidemill_client.reply import Reply


def reply(body, content_type):
    return Reply(body, (("content-type", content_type.encode()),))


@pytest.mark.parametrize("body", [b"a", bytearray(b"a"), memoryview(b"a")])
def test_bytes_go_as_they_are_in_the_form_of_the_lane(body):
    assert encoded(body, None) == (b"a", None)


def test_what_json_can_say_goes_as_json():
    body, form = encoded({"inputs": [np.array([1.5]), np.int64(2)]}, None)

    assert (json.loads(body), form) == ({"inputs": [[1.5], 2]}, "application/json")


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["<f4", ">i8", "bool", "<f2"])
@pytest.mark.parametrize("part", [np.s_[:], np.s_[::-2, 1:], np.s_[:0], np.s_[0, 0, np.newaxis]])
def test_an_array_comes_back_as_it_went(dtype, order, part):
    array = np.array([[1, 0], [0, 1], [1, 1]], dtype, order=order)[part]

    back = reply(*encoded(array, None)).array()

    assert back.dtype == array.dtype
    assert back.tolist() == array.tolist()


def test_a_caller_names_the_form():
    assert encoded(b"a", "image/png") == (b"a", "image/png")
    assert encoded([1], "application/vnd.mine+json")[1] == "application/vnd.mine+json"


@pytest.mark.parametrize("body", [None, "text", object(), {1j}])
def test_what_has_no_form_is_refused(body):
    with pytest.raises(TypeError):
        encoded(body, None)


def test_objects_are_never_pickled():
    with pytest.raises(ValueError, match=r"[Oo]bject"):
        encoded(np.array([object()]), None)


def test_a_mask_is_not_lost_without_a_word():
    with pytest.raises(ValueError, match="mask"):
        encoded(np.ma.masked_equal(np.array([1, 2], np.float32), 2), None)


def test_who_has_no_numpy_is_told_what_arrays_take(monkeypatch):
    monkeypatch.setitem(sys.modules, "numpy", None)

    with pytest.raises(ImportError, match="pip install numpy"):
        reply(bytes(4), "application/octet-stream").array("<f4")


def test_raw_rows_are_an_array_of_the_type_that_is_named():
    rows = reply(np.array([1, 2], "<f4").tobytes(), "application/octet-stream")

    assert rows.array("<f4").tolist() == [1, 2]
    with pytest.raises(ValueError, match="does not say"):
        rows.array()


def test_tensors_behind_json_are_no_single_array():
    body = Reply(b"{}", (("inference-header-content-length", b"2"),))

    with pytest.raises(ValueError, match="JSON"):
        body.array("<f4")
