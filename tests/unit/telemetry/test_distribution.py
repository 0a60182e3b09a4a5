from bisect import bisect_left
from math import ceil, inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.telemetry.distribution import Distribution


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


BOUNDS = (0.5, 1.0, 10.0, 30.0)


@given(st.lists(st.floats(0.0, 60.0), min_size=1), st.floats(0.01, 1.0))
def test_a_quantile_lies_in_the_bucket_of_the_true_one_and_never_above_the_largest(seen, share):
    counts = {bound: sum(each <= bound for each in seen) for bound in (*BOUNDS, inf)}
    distribution = Distribution.of(counts, total=sum(seen), largest=max(seen))
    rank = max(1, ceil(round(share * len(seen), 9)))
    true = sorted(seen)[rank - 1]
    edges = (0.0, *BOUNDS, inf)
    place = max(1, bisect_left(edges, true))

    found = distribution.quantile(share)

    assert edges[place - 1] <= found <= min(edges[place], max(seen)) + 1e-9


def test_what_lies_beyond_the_last_bound_is_known_by_the_largest():
    beyond = Distribution.of({1.0: 0, inf: 4}, total=20.0, largest=9.0)

    assert beyond.quantile(1.0) == 9.0
    assert beyond.quantile(0.5) == 5.0
