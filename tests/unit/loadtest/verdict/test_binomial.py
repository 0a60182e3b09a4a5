"""The binomial distribution against its definition."""

from fractions import Fraction
from math import comb

import pytest

from loadtest.verdict.binomial import at_most


def _exactly(count, trials, chance):
    p = Fraction(chance)
    terms = (comb(trials, k) * p**k * (1 - p) ** (trials - k) for k in range(count + 1))
    return float(sum(terms))


@pytest.mark.parametrize("chance", [0.001, 0.01, 0.3, 0.5, 0.9, 0.999])
@pytest.mark.parametrize(("count", "trials"), [(0, 1), (0, 500), (3, 10), (17, 200), (199, 200)])
def test_it_is_the_sum_of_its_terms(count, trials, chance):
    assert at_most(count, trials, chance) == pytest.approx(
        _exactly(count, trials, chance), rel=1e-9, abs=1e-15
    )


def test_its_ends_are_certain():
    assert at_most(-1, 5, 0.5) == 0
    assert at_most(5, 5, 0.5) == 1
    assert at_most(0, 5, 0.0) == 1
    assert at_most(4, 5, 1.0) == 0


def test_it_holds_for_millions():
    # Half of the mass lies on each side of the mean, but for the middle term.
    assert at_most(5_000_000, 10_000_000, 0.5) == pytest.approx(0.5, abs=2e-4)
