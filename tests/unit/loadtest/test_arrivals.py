"""Schedules: even, bursty, and the same again for the same seed."""

import numpy as np
import pytest

from loadtest import arrivals


def test_a_backlog_arrives_at_once():
    assert arrivals.at_once(3).tolist() == [0, 0, 0]


def test_constant_arrivals_stand_at_even_distances():
    assert arrivals.constant(4.0, 3).tolist() == [0, 0.25, 0.5]


def test_poisson_arrivals_repeat_with_their_seed():
    assert (arrivals.poisson(100, 50, seed=1) == arrivals.poisson(100, 50, seed=1)).all()
    assert (arrivals.poisson(100, 50, seed=1) != arrivals.poisson(100, 50, seed=2)).any()


def test_poisson_gaps_are_exponential():
    gaps_s = np.diff(arrivals.poisson(200, 20_000, seed=3))
    assert gaps_s.min() >= 0
    assert gaps_s.mean() == pytest.approx(1 / 200, rel=0.03)
    # An exponential distribution's standard deviation is its mean; even gaps would have none.
    assert gaps_s.std() == pytest.approx(1 / 200, rel=0.05)
