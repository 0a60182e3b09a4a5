"""Percentiles from HDR histograms: nearest rank, exact to three digits, missing ones infinite."""

import math

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram

from loadtest.traffic.records import nearest_rank
from loadtest.verdict.latencies import Latencies


@pytest.fixture(params=["exponential", "uniform", "one value", "hours"])
def seconds(request):
    random = np.random.default_rng(5)
    return {
        "exponential": random.exponential(0.25, 20_000),
        "uniform": random.random(3001) * 1e-3,
        "one value": np.full(77, 1.2345678),
        "hours": random.random(50) * 80_000,
    }[request.param]


@pytest.mark.parametrize("percent", [0.5, 50, 90, 99, 99.9, 100])
def test_a_percentile_is_the_nearest_rank_to_three_digits(seconds, percent):
    exact = nearest_rank(seconds, percent)
    found = Latencies(seconds).percentile(percent)
    assert exact <= found + 1e-9 <= exact * 1.001 + 1.1e-6


def test_no_percentile_is_above_the_largest_that_was_seen(seconds):
    for missing in (0, 3):
        latencies = Latencies(seconds, missing)
        found = [latencies.percentile(percent) for percent in np.arange(0.5, 100.5, 0.5)]
        assert max(filter(math.isfinite, found)) <= latencies.longest_seen_s
        assert latencies.longest_seen_s == pytest.approx(max(seconds), abs=1.1e-6)


def test_whole_microseconds_are_not_rounded_up():
    assert Latencies(np.array([0.0003, 0.0011])).longest_s == 0.0011


def test_it_records_what_the_library_would():
    seconds = np.random.default_rng(6).exponential(0.5, 5000)
    one_by_one = HdrHistogram(1, 86_400_000_000, 3)
    for value in np.ceil(seconds * 1e6).astype(int).tolist():
        one_by_one.record_value(value)
    decoded = HdrHistogram.decode(Latencies(seconds).encoded())
    for percent in (10, 50, 99, 99.9):
        assert decoded.get_value_at_percentile(percent) == one_by_one.get_value_at_percentile(
            percent
        )
    assert decoded.get_total_count() == 5000


def test_missing_ones_are_infinite_and_take_part():
    latencies = Latencies(np.full(98, 0.1), missing=2)
    assert latencies.samples == 100
    assert latencies.percentile(98) == 0.1
    assert latencies.percentile(99) == math.inf
    assert latencies.longest_s == math.inf
    assert latencies.interval(99).high == math.inf


def test_what_is_over_a_bound_includes_the_missing():
    latencies = Latencies(np.array([0.0005, 0.001, 0.0015]), missing=1)
    bounds_s = (0.0001, 0.0005, 0.0012, 0.0015, 9)
    assert [latencies.over(bound_s) for bound_s in bounds_s] == [4, 3, 2, 1, 1]
    assert latencies.over(0.0005, strictly=False) == 4


def test_a_value_that_shares_a_bucket_with_the_bound_counts_as_over():
    assert Latencies(np.array([0.25, 0.3])).over(0.25) == 2


def test_over_and_percentile_agree():
    latencies = Latencies(np.random.default_rng(7).exponential(0.2, 1000))
    for percent in (1, 50, 90, 99):
        rank = math.ceil(10 * percent)
        assert latencies.over(latencies.percentile(percent)) <= 1000 - rank


def test_an_interval_holds_the_percentile():
    latencies = Latencies(np.random.default_rng(8).exponential(0.2, 1000))
    low, high = latencies.interval(90)
    assert low < latencies.percentile(90) < high


def test_nothing_has_no_percentile():
    nothing = Latencies(np.zeros(0))
    assert math.isnan(nothing.percentile(99))
    assert math.isnan(nothing.longest_s)
    assert nothing.over(1.0) == 0
