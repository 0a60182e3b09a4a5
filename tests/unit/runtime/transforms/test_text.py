"""Texts become the rows of tokens that the model wants, and hostile ones errors of their own."""

import json

import numpy as np
import pytest
from tokenizers import Tokenizer

from runtime import ModelRefused, Rejected
from tests.signatures import spec
from tests.unit.runtime.transforms.sample import (
    ready_made,
    signature,
    tokens,
    write_tokenizer,
)

JSON = {"content-type": b"application/json; charset=utf-8"}


class Telling:
    """A tokenizer that tells how much it was given."""

    def __init__(self, tokenizer):
        self._tokenizer = tokenizer
        self.characters = 0

    def encode(self, text, pair):
        self.characters = max(self.characters, len(text), len(pair or ""))
        return self._tokenizer.encode(text, pair)


@pytest.fixture
def texts(tmp_path):
    write_tokenizer(tmp_path)

    def made(given=None, **table):
        table = {"text": "tokenizer.json", **table}
        return ready_made(table, given or signature(tokens()), base=tmp_path)

    return made


def as_lists(prepared):
    return {name: array.tolist() for name, array in prepared.inputs.items()}


def said(**body):
    return json.dumps(body).encode()


def test_a_text_is_as_long_as_it_is_where_the_model_lets_it(texts):
    prepared = texts().preprocess(b"A good day!", {})

    assert as_lists(prepared) == {
        "input_ids": [[2, 4, 5, 7, 9, 3]],
        "attention_mask": [[1, 1, 1, 1, 1, 1]],
        "token_type_ids": [[0, 0, 0, 0, 0, 0]],
    }
    assert {array.dtype for array in prepared.inputs.values()} == {np.dtype(np.int64)}


def test_rows_are_filled_up_to_the_model_s_length(texts):
    given = signature(tokens("input_ids", "attention_mask", length=6, datatype="INT32"))
    prepared = texts(given).preprocess(b"bad day", {})

    assert as_lists(prepared) == {
        "input_ids": [[2, 6, 7, 3, 0, 0]],
        "attention_mask": [[1, 1, 1, 1, 0, 0]],
    }
    assert {array.dtype for array in prepared.inputs.values()} == {np.dtype(np.int32)}


def test_rows_are_filled_up_to_max_length_where_asked_for(texts):
    made = texts(padding="max_length", max_length=7)

    assert made.preprocess(b"a", {}).inputs["input_ids"].shape == (1, 7)


def test_a_long_text_is_cut_and_keeps_its_special_tokens(texts):
    prepared = texts(max_length=4).preprocess(b"good " * 50, {})

    assert prepared.inputs["input_ids"].tolist() == [[2, 5, 5, 3]]


def test_a_long_text_is_cut_to_the_model_s_length(texts):
    prepared = texts(signature(tokens("input_ids", length=6))).preprocess(b"good " * 50, {})

    assert prepared.inputs["input_ids"].tolist() == [[2, 5, 5, 5, 5, 3]]


@pytest.mark.parametrize("kept", ["left", "right"])
def test_of_a_text_without_an_end_no_more_is_read_than_may_be_kept(texts, tmp_path, kept):
    path = write_tokenizer(tmp_path)
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.enable_truncation(6, direction=kept)
    tokenizer.save(str(path))
    made = texts()
    told = made._tokenizer = Telling(made._tokenizer)

    (row,) = made.preprocess(b"a " * 100_000, {}).inputs["input_ids"].tolist()
    assert row == [2, 4, 4, 4, 4, 3]
    assert told.characters == 6 * 64


def test_the_tokenizer_s_own_limit_holds_where_no_other_is_given(texts, tmp_path):
    path = write_tokenizer(tmp_path)
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.enable_truncation(5, direction="left")
    tokenizer.save(str(path))

    assert texts().preprocess(b"good bad a day", {}).inputs["input_ids"].tolist() == [
        [2, 6, 4, 7, 3]
    ]


def test_the_tokenizer_says_with_what_and_on_which_side_is_filled_up(texts, tmp_path):
    path = write_tokenizer(tmp_path)
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.enable_padding(direction="left", pad_id=8, pad_token="##s")
    tokenizer.save(str(path))
    given = signature(tokens("input_ids", "attention_mask", "position_ids", length=5))

    assert as_lists(texts(given).preprocess(b"a", {})) == {
        "input_ids": [[8, 8, 2, 4, 3]],
        "attention_mask": [[0, 0, 1, 1, 1]],
        "position_ids": [[0, 0, 0, 1, 2]],
    }


def test_each_text_of_a_list_is_a_row(texts):
    body = said(text=["a", "a bad day"])
    prepared = texts().preprocess(body, JSON)

    assert prepared.inputs["input_ids"].tolist() == [[2, 4, 3, 0, 0], [2, 4, 6, 7, 3]]
    assert prepared.inputs["attention_mask"].sum(axis=1).tolist() == [3, 5]


def test_a_pair_has_types(texts):
    prepared = texts().preprocess(said(text="good", pair="bad day"), JSON)

    assert prepared.inputs["input_ids"].tolist() == [[2, 5, 3, 6, 7, 3]]
    assert prepared.inputs["token_type_ids"].tolist() == [[0, 0, 0, 1, 1, 1]]


def test_the_one_input_of_a_model_is_the_tokens_whatever_it_is_called(texts):
    prepared = texts(signature(tokens("x:0"))).preprocess(b"a", {})

    assert as_lists(prepared) == {"x:0": [[2, 4, 3]]}


def test_an_empty_text_is_its_special_tokens(texts):
    assert texts().preprocess(b"", {}).inputs["input_ids"].tolist() == [[2, 3]]


@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        (b"\xff\xfe", {}, "invalid_value"),
        (b"\xff", JSON, "invalid_value"),
        (b"caf\xe9", {"content-type": b"text/plain; charset=latin-1"}, "unsupported_media_type"),
        (b"good day", JSON, "invalid_json"),
        (b"[" * 100_000, JSON, "invalid_json"),
        (b'{"text": "\\ud800"}', JSON, "invalid_value"),
        (b'["good"]', JSON, "invalid_request"),
        (b'{"texts": "good"}', JSON, "invalid_request"),
        (b'{"text": "good", "lang": "en"}', JSON, "invalid_request"),
        (b'{"text": 7}', JSON, "invalid_request"),
        (b'{"text": ["good", null]}', JSON, "invalid_request"),
        (b'{"text": []}', JSON, "invalid_request"),
        (b'{"text": ["a", "a"], "pair": ["a"]}', JSON, "invalid_request"),
        (b'{"text": ["a"], "pair": [1]}', JSON, "invalid_request"),
        (b'{"text": "a", "pair": ["a"]}', JSON, "invalid_request"),
        (said(text=["a"] * 4), JSON, "invalid_request"),
    ],
)
def test_what_is_no_text_is_rejected(texts, body, headers, code):
    with pytest.raises(Rejected) as rejected:
        texts(max_texts=3).preprocess(body, headers)

    assert rejected.value.code == code
    assert rejected.value.detail.isascii()


def test_a_text_without_any_token_is_rejected(texts, tmp_path):
    path = write_tokenizer(tmp_path)
    bare = json.loads(path.read_text())
    path.write_text(json.dumps(bare | {"post_processor": None}))

    with pytest.raises(Rejected, match="no token"):
        texts().preprocess(b" ", {})


@pytest.mark.parametrize(
    ("given", "table", "reason"),
    [
        (signature(tokens("input_ids", "pixels")), {}, "'pixels'"),
        (signature([spec("x", "FP32", (None,))]), {}, "'x' (FP32)"),
        (signature([spec("x", "INT64", (None, 2))]), {}, "no rows of tokens"),
        (signature([*tokens("ids", length=4), *tokens("mask", length=5)]), {}, "[4, 5] tokens"),
        (signature(tokens(length=4)), {"max_length": 5}, "the model takes 4"),
        (signature(tokens()), {"max_length": 3}, "3 special"),
        (signature(tokens()), {"text": "gone.json"}, "gone.json cannot be read"),
        (signature(tokens()), {"text": "model.json"}, "model.json cannot be read"),
    ],
)
def test_what_cannot_work_is_refused_at_start(texts, tmp_path, given, table, reason):
    (tmp_path / "model.json").write_text("{}")

    with pytest.raises(ModelRefused) as refused:
        texts(given, **table)

    assert reason in refused.value.reason
    assert refused.value.remedy


def test_a_reply_has_the_form_of_its_request(texts):
    made = texts(embedding="mean", given=signature(tokens(), spec("hidden", "FP32", (None, 2))))
    hidden = np.array([[[1, 2], [3, 4], [5, 6], [9, 9]], [[1, 2], [3, 4], [5, 6], [7, 8]]], "f4")

    one = made.preprocess(said(text="a"), JSON)
    two = made.preprocess(said(text=["a", "a day"]), JSON)

    assert made.postprocess({"hidden": hidden[:1, :3]}, one.context) == (
        "application/json",
        b'{"embedding":[3.0,4.0]}',
    )
    # The first of them is filled up, and what it was filled up with does not count.
    assert made.postprocess({"hidden": hidden}, two.context)[1] == (
        b'[{"embedding":[3.0,4.0]},{"embedding":[4.0,5.0]}]'
    )
