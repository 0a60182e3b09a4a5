"""KEDA's rule as its sources and those of the autoscaler say."""

import numpy as np
import pytest

from studies.scaling.keda import Keda, Setting
from studies.scaling.rules import Sight
from studies.scaling.site import Site

NONE = np.zeros(24, dtype=np.int64)
SYNC_S = 15.0
FIRST_S = 7.0


def keda(threshold=100, down_s=300, *, even=False):
    return Keda(Setting(threshold, down_s, even), Site())


def asked(rule, lag, workers, now=FIRST_S):
    return rule.workers(Sight(NONE, NONE, lag, workers, workers), now)


def test_as_many_are_wanted_as_the_threshold_goes_into_the_lag():
    assert asked(keda(), 801, 8) == 8
    assert asked(keda(), 801, 6) == 9


def test_within_a_tenth_nothing_changes():
    assert asked(keda(), 1090, 10) == 10
    assert asked(keda(), 1110, 10) == 12


def test_a_fleet_stays_one_short_of_the_partitions():
    """24 * 100 is the most the metric shows: within a tenth of what 22 are asked for."""
    assert asked(keda(), 90_000, 22) == 22


@pytest.mark.parametrize(("running", "expected"), [(1, 5), (5, 10), (10, 20), (20, 24)])
def test_it_grows_to_twice_as_many_or_four_more(running, expected):
    assert asked(keda(), 90_000, running) == expected


def test_it_looks_every_15_seconds():
    rule = keda()

    assert [asked(rule, 900, 1, now) for now in (6.0, 7.0, 8.0, 21.0, 22.0)] == [1, 5, 1, 1, 5]


def test_it_shrinks_to_the_largest_recommendation_of_the_window():
    rule = keda(down_s=60)
    numbers = [asked(rule, 800, 8, FIRST_S)]
    numbers += [asked(rule, 200, 8, FIRST_S + SYNC_S * n) for n in range(1, 5)]

    assert numbers == [8, 8, 8, 8, 2]


@pytest.mark.parametrize(("lag", "expected"), [(401, 6), (601, 8), (801, 12), (1201, 24)])
def test_even_distribution_goes_to_the_next_factor(lag, expected):
    assert asked(keda(even=True), lag, 22) == expected


def test_any_lag_wakes_one():
    assert asked(keda(), 0, 0, 5.0) == 0
    assert asked(keda(), 1, 0, 10.0) == 1


def test_it_goes_to_none_after_the_cool_down():
    rule = keda()
    asked(rule, 1, 3, 0.0)

    assert asked(rule, 0, 3, 295.0) == 3
    assert asked(rule, 0, 3, 300.0) == 0
