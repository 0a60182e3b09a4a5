"""The scenarios that ship: their targets can be read, their load can be made, their answers are right."""

from pathlib import Path

import numpy as np
import pytest

from loadtest.plan.plan import plan
from loadtest.scenario.load import SHIPPED, load, shipped
from loadtest.verdict.sources import refusal
from loadtest.verdict.targets import parse

SUMS = SHIPPED / "sums"


@pytest.mark.parametrize("name", shipped())
def test_its_targets_can_be_decided(name):
    scenario = load(name).scenario
    refused = [refusal(parse(text), scenario, has_metrics=True) for text in scenario.targets]
    assert [why for why in refused if why] == []


@pytest.mark.parametrize("name", shipped())
def test_its_load_can_be_made(name):
    made = plan(load(name).scenario, capacity_per_s=1000.0)
    assert made.requests > 0


def test_the_golden_answers_are_sum_and_largest():
    rows, answers = np.load(SUMS / "rows.npy"), np.load(SUMS / "answers.npy")
    assert (answers == np.stack([rows.sum(axis=1), rows.max(axis=1)], axis=1)).all()


def test_the_model_is_that_of_the_smallest_example():
    example = Path(__file__).parents[4] / "examples" / "minimal" / "model.onnx"
    assert (SUMS / "model.onnx").read_bytes() == example.read_bytes()
