"""Nearest rank, at its edges."""

import pytest

from loadtest.percentiles import nearest_rank, summarize


@pytest.mark.parametrize(
    ("percent", "expected"), [(0.1, 15), (20, 15), (30, 20), (40, 20), (50, 35), (100, 50)]
)
def test_nearest_rank_is_a_measured_value(percent, expected):
    assert nearest_rank([15, 20, 35, 40, 50], percent) == expected


def test_one_value_is_every_percentile():
    assert summarize([2.0]) == (1, 2.0, 2.0, 2.0, 2.0)


def test_a_summary_takes_values_in_any_order():
    assert summarize([n / 100 for n in range(100, 0, -1)]) == (100, 0.5, 0.95, 0.99, 1.0)


@pytest.mark.parametrize("percent", [0, -1, 100.1])
def test_percentages_outside_are_refused(percent):
    with pytest.raises(ValueError, match="percentage"):
        nearest_rank([1.0], percent)


def test_no_values_have_no_percentile():
    with pytest.raises(ValueError, match="no values"):
        summarize([])
