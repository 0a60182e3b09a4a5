"""Which bodies have a frame to rely on, and how much is read at once."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.wire.json_frames import frame_of, joinable
from tests.signatures import DTYPES, SIGNATURES, one_to_one
from tests.unit.wire.tensors import BOUNDS


def body(data, datatype="FP32", shape=(1, 2), **fields):
    tensor = {"name": "x", "shape": list(shape), "datatype": datatype, "data": data}
    return json.dumps({"inputs": [tensor]} | fields, ensure_ascii=False).encode()


def frame(text, signature=None):
    return frame_of(text, signature or one_to_one(), BOUNDS)


@pytest.mark.parametrize("datatype", [name for name in DTYPES if name != "BYTES"])
def test_numbers_of_every_kind_are_a_hole(datatype):
    one, other = ([True, False], [False, False]) if datatype == "BOOL" else ([1, 2], [3, 100])
    signature = one_to_one(datatype)
    found = frame(body(one, datatype), signature)
    (decoded,) = found.read([found.texts(body(other, datatype))]).apart()
    assert decoded.rows == 1
    assert decoded.arrays["x"].shape == (1, 2)
    if datatype != "BF16":
        assert decoded.arrays["x"].tolist() == [other]


def test_strings_are_no_hole():
    words = body(["a"], "BYTES", (1,))
    assert frame(words, SIGNATURES["words"]) is None


def test_nested_data_are_no_hole():
    assert frame(body([[1, 2]])) is None


def test_an_id_is_a_hole():
    found = frame(body([1, 2], id="one"))
    (decoded,) = found.read([found.texts(body([3, 4], id="\u00e9 two"))]).apart()
    assert decoded.envelope.id == "\u00e9 two"
    assert found.texts(body([1, 2])) is None


@pytest.mark.parametrize("given", ["", "\\", '"', "\n\x00", "\\u00e9"])
def test_an_id_may_have_escapes_that_hide_no_quote(given):
    found = frame(body([1, 2], id="one"))
    text = body([3, 4], id=given)
    if '"' in given:
        assert found.texts(text) is None
        return
    (decoded,) = found.read([found.texts(text)]).apart()
    assert decoded.envelope.id == given


@pytest.mark.parametrize(
    "text",
    [
        # What looks like the data stands elsewhere, before it.
        b'{"q":{"data":[1,2]},"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[1,2]}]}',
        # So does what looks like the id, as a key.
        b'{"q":{"id":0,"1":2},"id":"1",' + body([1, 2])[1:],
        b'{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","d\\u0061ta":[1,2]}]}',
    ],
)
def test_what_only_looks_like_a_hole_is_none(text):
    assert frame(text) is None


def test_a_frame_takes_whole_bodies_only():
    found = frame(body([1, 2]))
    text = body([3, 4])
    assert found.texts(text) == [b"[3, 4]"]
    assert found.texts(text + b" ") is None
    assert found.texts(text[:-1]) is None
    assert found.texts(b" " + text) is None
    assert found.texts(b"") is None


@given(st.lists(st.integers(0, 2**18).map(lambda size: [b"x" * size]), max_size=12))
def test_everything_is_read_and_little_at_once(texts):
    parts = joinable(texts)
    assert [text for part in parts for text in texts[part]] == texts
    for part in parts:
        sizes = [len(text) for (text,) in texts[part]]
        assert sum(sizes[1:]) <= 2**18
