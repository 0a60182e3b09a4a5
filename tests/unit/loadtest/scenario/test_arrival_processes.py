"""Schedules: even, bursty, and the same again for the same seed."""

import numpy as np
import pytest
from pydantic import ValidationError

from loadtest.scenario import arrival_processes
from loadtest.scenario.model import Traffic


def test_a_backlog_arrives_at_once():
    assert arrival_processes.at_once(3).tolist() == [0, 0, 0]


def test_constant_arrivals_stand_at_even_distances():
    assert arrival_processes.constant(4.0, 3).tolist() == [0, 0.25, 0.5]


def test_poisson_arrivals_repeat_with_their_seed():
    assert (
        arrival_processes.poisson(100, 50, seed=1) == arrival_processes.poisson(100, 50, seed=1)
    ).all()
    assert (
        arrival_processes.poisson(100, 50, seed=1) != arrival_processes.poisson(100, 50, seed=2)
    ).any()


def test_poisson_gaps_are_exponential():
    gaps_s = np.diff(arrival_processes.poisson(200, 20_000, seed=3))
    assert gaps_s.min() >= 0
    assert gaps_s.mean() == pytest.approx(1 / 200, rel=0.03)
    # An exponential distribution's standard deviation is its mean; even gaps would have none.
    assert gaps_s.std() == pytest.approx(1 / 200, rel=0.05)


def test_a_further_process_is_one_entry(monkeypatch):
    keys = {"topic": "t", "body": {"npy": "x.npy"}, "rate": "2/s", "duration": "2s"}
    with pytest.raises(ValidationError, match="must be one of constant, poisson, bursty"):
        Traffic(**keys, arrivals="paired")

    monkeypatch.setitem(
        arrival_processes.PROCESSES,
        "paired",
        lambda wanted, _seed, _burst: np.arange(wanted) // 2 * 2.0,
    )

    assert Traffic(**keys, arrivals="paired").times_s(1, None).tolist() == [0, 0, 1, 1]
