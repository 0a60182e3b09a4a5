"""When requests are due under rates that change."""

import numpy as np
import pytest

from loadtest.scenario.rates import Segment, due_s, requests_of


def test_a_steady_rate_stands_at_even_distances():
    assert due_s(np.arange(4.0), [Segment(2.0, 2.0, 2.0)]).tolist() == [0, 0.5, 1, 1.5]


def test_steps_follow_each_other():
    steps = [Segment(1.0, 2.0, 2.0), Segment(1.0, 4.0, 4.0)]
    assert requests_of(steps) == 6
    assert due_s(np.arange(6.0), steps).tolist() == [0, 0.5, 1, 1.25, 1.5, 1.75]


@pytest.mark.parametrize(("first", "last"), [(0.0, 10.0), (10.0, 0.0), (4.0, 6.0)])
def test_a_ramp_offers_as_much_as_the_area_below_it(first, last):
    ramp = Segment(4.0, first, last)
    counts = np.linspace(0, ramp.requests, 9)[:-1]
    at_s = due_s(counts, [ramp])
    area = first * at_s + (last - first) / 4.0 * at_s**2 / 2
    assert area == pytest.approx(counts)
    assert (np.diff(at_s) > 0).all()


def test_nothing_is_due_while_the_rate_is_zero():
    pause = [Segment(1.0, 1.0, 1.0), Segment(5.0, 0.0, 0.0), Segment(1.0, 1.0, 1.0)]
    assert due_s(np.array([0.5, 1.5]), pause).tolist() == [0.5, 6.5]
