"""Right answers: exact bytes, rows of numbers, parts of JSON objects."""

import numpy as np
import pytest

from loadtest.plan.golden import read_golden
from loadtest.scenario.load import BadScenario


def test_files_must_be_equal(tmp_path):
    (tmp_path / "a").write_bytes(b"yes")
    golden = read_golden(tmp_path, ["a"], 0.0)
    assert golden.is_right(0, b"yes")
    assert not golden.is_right(0, b"no")
    assert not golden.is_right(0, None)


def test_rows_may_differ_by_the_tolerance(tmp_path):
    np.save(tmp_path / "x.npy", np.array([[1.0, 2.0]], "<f4"))
    golden = read_golden(tmp_path / "x.npy", None, 1e-3)
    assert golden.is_right(0, np.array([1.0, 2.0005], "<f4").tobytes())
    assert not golden.is_right(0, np.array([1.0, 2.01], "<f4").tobytes())
    assert not golden.is_right(0, np.array([1.0, np.nan], "<f4").tobytes())
    assert not golden.is_right(0, np.array([1.0], "<f4").tobytes())
    assert not golden.is_right(0, None)


@pytest.mark.parametrize(
    ("reply", "right"),
    [
        (b'{"label": "cat", "score": [0.9, 0.1], "took": 7}', True),
        (b'{"label": "cat", "score": [0.90001, 0.1]}', True),
        (b'{"label": "dog", "score": [0.9, 0.1]}', False),
        (b'{"label": "cat", "score": [0.8, 0.1]}', False),
        (b'{"label": "cat", "score": [0.9]}', False),
        (b'{"label": "cat"}', False),
        (b"[]", False),
        (b"cat", False),
    ],
)
def test_json_must_hold_what_is_named(reply, right, tmp_path):
    (tmp_path / "x.jsonl").write_text('{"label": "cat", "score": [0.9, 0.1]}\n')
    assert read_golden(tmp_path / "x.jsonl", None, 1e-3).is_right(0, reply) is right


@pytest.mark.parametrize("name", ["no.npy", "no.jsonl", "no.txt"])
def test_answers_that_cannot_be_read_are_said(name, tmp_path):
    with pytest.raises(BadScenario, match="golden"):
        read_golden(tmp_path / name, None, 0.0)
