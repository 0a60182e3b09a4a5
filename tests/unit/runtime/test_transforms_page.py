"""What docs/transforms.md shows does what it says."""

import json
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

from config.settings import Model
from runtime import Conversion, Done, Rejected
from runtime.signature import Signature, TensorSpec
from runtime.transform import ModelFacts, load_transform

PAGE = Path(__file__).parents[3] / "docs" / "transforms.md"
SIGNATURE = Signature((TensorSpec("tokens", np.dtype(np.int64), "INT64", (64,)),), ())


@pytest.fixture
def shown(tmp_path):
    """Return a function that loads a class that the page shows."""

    def shown(name):
        (source,) = [
            each
            for each in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
            if f"class {name}:" in each
        ]
        (tmp_path / "transform.py").write_text(source)
        facts = ModelFacts(tmp_path / "model.onnx", SIGNATURE, {"names": "letter,invoice"})
        made = load_transform(f"transform.py:{name}", base=tmp_path, facts=facts)
        return Conversion(made, SIGNATURE)

    return shown


@pytest.fixture
def sentiment(shown, tmp_path):
    (tmp_path / "words.txt").write_text("<unknown> a good day")
    return shown("Sentiment")


def test_a_sentence_becomes_a_row(sentiment):
    prepared = sentiment.preprocess(b"A good dog", {})

    assert prepared.rows == 1
    assert prepared.inputs["tokens"][0, :4].tolist() == [1, 2, 0, 0]


def test_nothing_to_say_is_answered_without_the_model(sentiment):
    assert sentiment.preprocess(b" ", {}) == Done("application/json", b'{"mood": "none"}')


def test_what_is_no_text_is_rejected(sentiment):
    with pytest.raises(Rejected) as rejected:
        sentiment.preprocess(b"\xff", {})

    assert rejected.value.code == "invalid_value"


def test_scores_become_a_word(sentiment):
    reply = sentiment.postprocess({"scores": np.array([[0.1, 0.9]], np.float32)}, inputs={})

    assert reply == ("application/json", b'{"mood": "good"}')


def test_the_pages_of_a_document_become_rows_and_their_kinds_one_reply(shown):
    pages = shown("Pages")

    made = pages.preprocess(b"Dear Sir\fInvoice 3", {})
    scores = np.array([[0.9, 0.1], [0.2, 0.8]], np.float32)
    kinds = pages.postprocess({"scores": scores}, inputs=made.inputs, context=made.kept.context)

    assert made.rows == 2
    assert bytes(made.inputs["tokens"][1, :9].tolist()) == b"Invoice 3"
    assert json.loads(kinds[1]) == [
        {"begins": "Dear Sir", "kind": "letter"},
        {"begins": "Invoice 3", "kind": "invoice"},
    ]


def test_ready_made_transforms_are_written_as_the_page_shows():
    _, section = PAGE.read_text().split("## Ready-made\n")
    (fragment,) = re.findall(r"```toml\n(.*?)```", section, re.DOTALL)
    tables = {
        name: Model.model_validate(each) for name, each in tomllib.loads(fragment)["models"].items()
    }

    assert [type(each.transform).__name__ for each in tables.values()] == [
        "TextTransform",
        "TextTransform",
        "ImageTransform",
    ]
