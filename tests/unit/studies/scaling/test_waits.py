"""How long records waited, by curves of arrivals and answers."""

import math

import numpy as np
import pytest

from studies.scaling.patterns import STEP_S
from studies.scaling.waits import quantiles, waits

COMMIT_S = 0.5


def curves(rate, delay_s, seconds):
    """`rate` records/s at one partition, answered `delay_s` later."""
    steps = (np.arange(round(seconds / STEP_S)) + 1) * STEP_S
    commits = (np.arange(round(seconds / COMMIT_S)) + 1) * COMMIT_S
    arrived = (steps * rate).astype(np.int64)[:, None]
    answered = (np.maximum(0, commits - delay_s) * rate).astype(np.float32)[:, None]
    return arrived, answered


def test_records_wait_until_as_many_are_answered():
    arrived, answered = curves(400, 7.5, 60)

    assert waits(arrived, answered, 100, COMMIT_S) == pytest.approx(7.5, abs=0.01)


def test_what_was_never_answered_waits_for_ever():
    arrived, answered = curves(400, 20.0, 30)

    waited = waits(arrived, answered, len(arrived), COMMIT_S)

    assert waited[:30, 0] == pytest.approx(20.0, abs=0.01)
    assert math.isinf(waited[-1, 0])


def test_values_count_as_often_as_they_are():
    values, counts = np.array([[5.0, 1.0], [9.0, 2.0]]), np.array([[10, 80], [1, 9]])

    assert quantiles(values, counts, (0.5, 0.89, 0.95, 1.0)) == [1.0, 2.0, 5.0, 9.0]
