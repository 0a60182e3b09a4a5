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


def test_noise_without_a_trend_has_zero_in_its_interval_nineteen_times_in_twenty():
    random = np.random.default_rng(3)
    intervals = [slope(random.standard_normal(BLOCKS), 1.0).interval for _ in range(1000)]
    held = sum(low <= 0 <= high for low, high in intervals)
    assert held == pytest.approx(950, abs=25)
