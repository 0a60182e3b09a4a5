"""Mean and slope by blocks."""

import numpy as np
import pytest

from loadtest.verdict.blocks import BLOCKS, mean, slope


def test_a_mean_has_an_interval_by_students_t():
    blocks = np.arange(BLOCKS, dtype=float)
    estimate = mean(blocks)
    reach = 2.093 * blocks.std(ddof=1) / np.sqrt(BLOCKS)
    assert estimate.value == 9.5
    assert estimate.interval == (pytest.approx(9.5 - reach), pytest.approx(9.5 + reach))


def test_a_straight_line_has_its_slope():
    estimate = slope(3.0 + 0.5 * np.arange(BLOCKS) * 2.0, 2.0)
    assert estimate.value == pytest.approx(0.5)
    assert estimate.interval == (pytest.approx(0.5), pytest.approx(0.5))


def test_steps_that_follow_each_other_are_as_uncertain_as_they_differ():
    walk = np.cumsum(np.random.default_rng(3).standard_normal(BLOCKS))
    estimate = slope(walk, 1.0)
    assert estimate.value == pytest.approx((walk[-1] - walk[0]) / (BLOCKS - 1))
    low, high = estimate.interval
    assert high - low == pytest.approx(2 * 2.101 * np.diff(walk).std(ddof=1) / np.sqrt(BLOCKS - 1))


@pytest.mark.parametrize("likeness", [0.0, 0.5, 0.8, 0.95, 1.0])
def test_what_wanders_is_seldom_taken_for_a_trend(likeness):
    random = np.random.default_rng(5)
    grown = 0
    for _ in range(1000):
        blocks = [float(random.standard_normal())]
        for _ in range(BLOCKS - 1):
            blocks.append(likeness * blocks[-1] + float(random.standard_normal()))
        grown += slope(np.array(blocks), 1.0).interval.low > 0
    assert grown <= 100  # least squares: 220 at 0.8, 350 walks


def test_noise_without_a_trend_has_zero_in_its_interval_nineteen_times_in_twenty():
    random = np.random.default_rng(3)
    intervals = [slope(random.standard_normal(BLOCKS), 1.0).interval for _ in range(1000)]
    held = sum(low <= 0 <= high for low, high in intervals)
    assert held == pytest.approx(950, abs=25)
