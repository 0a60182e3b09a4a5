"""The loads are what their titles say, and the same at every replay."""

import numpy as np
import pytest

from studies.scaling import patterns
from studies.scaling.site import Site

EACH = pytest.mark.parametrize("pattern", patterns.PATTERNS, ids=lambda each: each.title)


@EACH
def test_arrivals_come_at_the_rate(pattern):
    arrivals = pattern.arrivals(3600, Site())
    expected = sum(pattern.rate(at_s) for at_s in range(3600))

    assert arrivals.shape == (3600 / patterns.STEP_S, 24)
    assert arrivals.sum() == pytest.approx(expected, rel=0.01)


@EACH
def test_they_are_the_same_every_time(pattern):
    assert np.array_equal(pattern.arrivals(60, Site()), pattern.arrivals(60, Site()))


@pytest.mark.parametrize(
    ("pattern", "rates"),
    [
        (patterns.STEP, {0: 200, 1199: 200, 1200: 1500, 2399: 1500, 2400: 200}),
        (patterns.BURST, {0: 100, 600: 3100, 619: 3100, 620: 100}),
        (patterns.WINDOWS, {0: 0, 300: 800, 599: 800, 600: 0, 1200: 800, 1500: 0}),
        (patterns.SINE, {0: 100, 900: 900, 1800: 1700, 3600: 100}),
        (patterns.STEADY, {0: 700, 3599: 700}),
    ],
)
def test_the_rate_is_that_of_the_title(pattern, rates):
    assert {at_s: pytest.approx(pattern.rate(at_s)) for at_s in rates} == rates
