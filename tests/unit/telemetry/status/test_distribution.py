from math import inf

import pytest

from daemon.telemetry.status.distribution import Distribution


def of(counts, total=0.0):
    return Distribution.of(counts, total=total)


def test_observations_lie_evenly_within_a_bucket():
    spread = of({1.0: 0, 2.0: 100, inf: 100})

    assert spread.quantile(0.5) == pytest.approx(1.5)
    assert spread.quantile(0.99) == pytest.approx(1.99)


def test_the_first_bucket_begins_at_0():
    assert of({0.1: 10, inf: 10}).quantile(0.5) == pytest.approx(0.05)


def test_empty_buckets_are_passed_over():
    gap = of({1.0: 50, 2.0: 50, 3.0: 100, inf: 100})

    assert gap.quantile(0.5) == pytest.approx(1.0)
    assert gap.quantile(0.75) == pytest.approx(2.5)


def test_what_lies_beyond_the_last_bound_is_that_bound():
    assert of({1.0: 0, 5.0: 0, inf: 7}).quantile(0.5) == 5.0


def test_nothing_observed_has_no_quantile_and_no_mean():
    nothing = of({1.0: 0, inf: 0})

    assert nothing.quantile(0.5) is None
    assert nothing.mean is None
    assert of({}).quantile(0.99) is None


def test_the_mean_is_exact():
    assert of({1.0: 2, inf: 4}, total=10.0).mean == 2.5


def test_bounds_need_not_come_in_order():
    assert of({inf: 4, 1.0: 4, 0.5: 0}).quantile(1.0) == 1.0
