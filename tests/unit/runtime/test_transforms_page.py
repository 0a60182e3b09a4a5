"""What docs/transforms.md shows does what it says."""

import re
from pathlib import Path

import numpy as np
import pytest

from runtime import Conversion, Done, Rejected
from runtime.signature import Signature, TensorSpec
from runtime.transform import load_transform

PAGE = Path(__file__).parents[3] / "docs" / "transforms.md"
SIGNATURE = Signature((TensorSpec("tokens", np.dtype(np.int64), "INT64", (64,)),), ())


@pytest.fixture
def sentiment(tmp_path):
    (source,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (tmp_path / "transform.py").write_text(source)
    (tmp_path / "words.txt").write_text("<unknown> a good day")
    made = load_transform("transform.py:Sentiment", base=tmp_path, model=tmp_path / "model.onnx")
    return Conversion(made, SIGNATURE)


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
    reply = sentiment.postprocess({"scores": np.array([[0.1, 0.9]], np.float32)})

    assert reply == ("application/json", b'{"mood": "good"}')
