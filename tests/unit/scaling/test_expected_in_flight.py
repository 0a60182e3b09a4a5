"""What is in flight because requests are gathered."""

import pytest

from daemon.scaling.expected_in_flight import ExpectedInFlight
from tests.unit.scaling.sights import settings

COMMIT_S = 0.5


def _by_design(lane=None, **given):
    return ExpectedInFlight(
        settings(lane={"linger": "10s", "max_rows": 100, **(lane or {})}, **given)
    )


def _batching_s(by_design, rate, *, workers=1, service_rate=None):
    return by_design.batching_s({"standard": rate}, workers, service_rate)


def test_a_batch_that_does_not_fill_waits_for_its_linger():
    assert _batching_s(_by_design(), 1.0) == 10 + COMMIT_S


def test_a_batch_that_fills_waits_no_longer():
    assert _batching_s(_by_design(), 50.0) == 2 + COMMIT_S
    assert _batching_s(_by_design(), 50.0, workers=3) == 6 + COMMIT_S


def test_the_run_counts_once_it_is_known():
    assert _batching_s(_by_design(), 1.0, service_rate=50) == 10 + 2 + COMMIT_S


def test_no_run_is_longer_than_its_limit():
    slow = _by_design(models={"m": {"path": "m.onnx", "run_limit": "3s"}})

    assert _batching_s(slow, 1.0, service_rate=0.001) == 10 + 3 + COMMIT_S


def test_an_eager_lane_waits_for_nothing():
    assert _batching_s(_by_design({"eager": True}), 1.0) == COMMIT_S


def test_lanes_count_by_what_they_get():
    lanes = {
        "slow": {"topics": ["a"], "models": ["m"], "linger": "10s", "max_rows": 1_000},
        "fast": {"topics": ["b"], "models": ["m"], "linger": "0s", "max_rows": 1},
    }
    by_design = ExpectedInFlight(settings(lanes=lanes))

    assert by_design.batching_s({"slow": 1, "fast": 4}, 1, None) == pytest.approx(2 + COMMIT_S)
    assert by_design.batching_s({"slow": 0, "fast": 0}, 1, None) == 10 + COMMIT_S


def test_workers_hold_the_batches_they_run_and_assemble_ahead():
    assert _by_design().held(3) == 600
    assert _by_design(limits={"batches_in_flight": 1}).held(3) == 300
