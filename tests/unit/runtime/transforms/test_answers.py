"""Replies say what the outputs mean: labels, a vector, or the numbers."""

import json
from dataclasses import replace

import numpy as np
import pytest

from config.settings import Model
from runtime import ModelRefused
from runtime.signature import Signature
from runtime.transform import ModelFacts
from runtime.transforms.answers import answers_of, reply_of
from tests.signatures import spec

LOGITS = spec("logits", "FP32", (3,))
THREE = {"logits": np.array([[1.0, 3.0, 2.0]], np.float32)}
NAMES = "cat\ndog\nhorse\n"


@pytest.fixture
def answers(tmp_path):
    (tmp_path / "labels.txt").write_text(NAMES)

    def made(*outputs, metadata=None, **table):
        chosen = Model.model_validate({"path": "m", "transform": {"text": "t.json", **table}})
        outputs = outputs or (LOGITS,)
        given = Signature((replace(spec(), batch_axis=outputs[0].batch_axis),), outputs)
        facts = ModelFacts(tmp_path / "m", given, metadata or {})
        return answers_of(chosen.transform, base=tmp_path, facts=facts)

    return made


def found(answers, outputs, mask=None):
    (answer,) = answers(outputs, mask)
    return answer


def test_the_best_labels_come_first_with_scores_of_one_in_all(answers):
    labels = found(answers(labels="labels.txt"), THREE)["labels"]

    assert [each["label"] for each in labels] == ["dog", "horse", "cat"]
    assert [each["score"] for each in labels] == [0.665241, 0.244728, 0.090031]


def test_few_labels_and_good_ones_where_asked_for(answers):
    some = found(answers(labels="labels.txt", top=2), THREE)["labels"]
    good = found(answers(labels="labels.txt", threshold=0.5), THREE)["labels"]

    assert [each["label"] for each in some] == ["dog", "horse"]
    assert [each["label"] for each in good] == ["dog"]


@pytest.mark.parametrize(
    ("activation", "score"), [("none", 3.0), ("sigmoid", 0.952574), ("softmax", 0.665241)]
)
def test_scores_are_made_as_the_model_needs_it(answers, activation, score):
    made = answers(labels="labels.txt", activation=activation)

    assert found(made, THREE)["labels"][0] == {"label": "dog", "score": score}


@pytest.mark.parametrize("activation", ["sigmoid", "softmax"])
def test_large_logits_are_no_matter(answers, activation):
    made = answers(labels="labels.txt", activation=activation)
    labels = found(made, {"logits": np.array([[-1e30, 1e4, 0]], np.float32)})["labels"]

    assert labels[0] == {"label": "dog", "score": 1.0}
    assert {each["label"]: each["score"] for each in labels}["cat"] == 0.0


@pytest.mark.parametrize(
    "text",
    [
        '["cat", "dog", "horse"]',
        '{"2": "horse", "0": "cat", "1": "dog"}',
        '{"id2label": {"0": "cat", "1": "dog", "2": "horse"}, "model_type": "bert"}',
    ],
)
def test_labels_are_read_from_json_too(answers, tmp_path, text):
    (tmp_path / "config.json").write_text(text)

    assert found(answers(labels="config.json"), THREE)["labels"][0]["label"] == "dog"


@pytest.mark.parametrize(
    "names", ["{0: 'cat', 1: 'dog', 2: 'horse'}", "['cat', 'dog', 'horse']", "cat,dog,horse"]
)
def test_a_model_that_knows_its_classes_needs_no_file(answers, names):
    made = answers(metadata={"names": names})

    assert found(made, THREE)["labels"][0]["label"] == "dog"


@pytest.mark.parametrize("names", ["{0: 'cat'}", "__import__('os')", "", "(" * 1000, "{1: 'b'}"])
def test_names_that_are_not_the_output_s_are_left_alone(answers, names):
    assert found(answers(metadata={"names": names}), THREE) == {"logits": [1.0, 3.0, 2.0]}


def test_without_labels_a_reply_has_all_numbers_by_name(answers):
    outputs = {"a": np.array([[1], [2]], np.int64), "b": np.array(["x", "y"], np.object_)}
    made = answers(spec("a", "INT64", (1,)), spec("b", "BYTES", ()))

    assert made(outputs, None) == [{"a": [1], "b": "x"}, {"a": [2], "b": "y"}]


def test_the_output_is_the_one_that_was_named_else_the_first_of_reals(answers):
    outputs = (spec("label", "INT64", ()), LOGITS, spec("other", "FP32", (3,)))
    both = {"label": np.array([0]), "other": -THREE["logits"], **THREE}

    usual = answers(*outputs, labels="labels.txt")
    named = answers(*outputs, labels="labels.txt", output="other")

    assert found(usual, both)["labels"][0]["label"] == "dog"
    assert found(named, both)["labels"][0]["label"] == "cat"
    assert found(answers(*outputs, output="other"), both) == {"other": [-1.0, -3.0, -2.0]}


def test_a_vector_may_be_scaled_to_length_one(answers):
    made = answers(spec("v", "FP32", (2,)), embedding="whole", normalise=True)

    assert found(made, {"v": np.array([[3.0, 4.0]], np.float32)})["embedding"] == pytest.approx(
        [0.6, 0.8]
    )
    assert found(made, {"v": np.zeros((1, 2), np.float32)}) == {"embedding": [0.0, 0.0]}


def test_a_vector_is_of_the_text_s_own_tokens(answers):
    hidden = {"h": np.array([[[np.inf, 9], [1, 2], [3, 4]]], np.float16)}
    left = np.array([[False, True, True]])
    output = spec("h", "FP16", (None, 2))

    assert found(answers(output, embedding="first"), hidden, left) == {"embedding": [1.0, 2.0]}
    assert found(answers(output, embedding="mean"), hidden, left) == {"embedding": [2.0, 3.0]}
    assert found(answers(output, embedding="first"), {"h": np.ones((1, 3, 2))}) == {
        "embedding": [1.0, 1.0]
    }


@pytest.mark.parametrize(
    ("outputs", "table", "reason"),
    [
        ((spec("y", "FP32", (2,)),), {"labels": "labels.txt"}, "3 names"),
        ((spec("y", "FP32", (3, 3)),), {"labels": "labels.txt"}, "[3, 3]"),
        ((spec("y", "INT64", (3,)),), {"labels": "labels.txt"}, "INT64"),
        ((LOGITS,), {"labels": "gone.txt"}, "gone.txt"),
        ((LOGITS,), {"labels": "wrong.json"}, "no names"),
        ((LOGITS,), {"labels": "broken.json"}, "not JSON"),
        ((LOGITS,), {"output": "scores"}, "no output 'scores'"),
        ((LOGITS,), {"embedding": "mean"}, "[tokens, numbers]"),
        ((spec("h", "FP32", (None, 3)),), {"embedding": "whole"}, "[?, 3]"),
        ((spec("h", "BF16", (3,)),), {"embedding": "whole"}, "bfloat16"),
    ],
)
def test_what_the_model_does_not_give_is_refused_at_start(
    answers, tmp_path, outputs, table, reason
):
    (tmp_path / "wrong.json").write_text('{"labels": 3}')
    (tmp_path / "broken.json").write_text("{")

    with pytest.raises(ModelRefused) as refused:
        answers(*outputs, **table)

    assert reason in refused.value.reason
    assert refused.value.remedy


def test_json_says_null_where_there_is_no_number():
    _, body = reply_of([{"y": [float("nan"), float("inf"), 1.0]}], many=False)

    assert json.loads(body) == {"y": [None, None, 1.0]}


def test_outputs_of_a_model_without_rows_are_one_row(answers):
    boxes = spec("boxes", "FP32", (None, 4), batch_axis=None)
    scores = spec("scores", "FP32", (1, 3), batch_axis=None)
    given = {"boxes": np.ones((2, 4), np.float32), "scores": THREE["logits"]}

    everything = answers(boxes, scores)
    named = answers(boxes, scores, labels="labels.txt", output="scores")

    assert found(everything, given) == {"boxes": [[1.0] * 4] * 2, "scores": [1.0, 3.0, 2.0]}
    assert found(named, given)["labels"][0]["label"] == "dog"
