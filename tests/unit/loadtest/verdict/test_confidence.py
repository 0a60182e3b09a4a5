"""How many samples it takes: MLPerf LoadGen's table, and the intervals of order statistics."""

import numpy as np
import pytest

from loadtest.verdict import confidence


@pytest.mark.parametrize(
    ("percent", "needed"),
    [
        (90, [44, 64, 127, 197, 681]),
        (95, [90, 130, 259, 398, 1372]),
        (99, [459, 662, 1307, 2010, 6898]),
        (99.9, [4603, 6636, 13105, 20140, 69058]),
    ],
)
def test_the_samples_needed_are_loadgens(percent, needed):
    allowed = 1 - percent / 100
    assert [confidence.needed(over, allowed) for over in (0, 1, 5, 10, 50)] == needed


def test_one_sample_less_shows_nothing():
    assert confidence.shows(0, 459, 0.01)
    assert not confidence.shows(0, 458, 0.01)
    assert not confidence.shows(0, 0, 0.01)


def test_many_over_refute():
    assert confidence.refutes(5, 20, 0.01)
    assert not confidence.refutes(1, 20, 0.01)
    assert not confidence.refutes(0, 0, 0.01)


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_ranks_hold_the_quantile_as_often_as_promised(share):
    random, samples, tries = np.random.default_rng(1), 500, 4000
    low, high = confidence.ranks(samples, share)
    ordered = np.sort(random.random((tries, samples)), axis=1)
    held = (ordered[:, low - 1] <= share) & (share <= ordered[:, high - 1])
    # The ranks are whole, so that the interval may hold it a little more often than 95 %.
    assert 0.94 < held.mean() < 0.985


def test_too_few_samples_have_no_upper_bound():
    low, high = confidence.ranks(100, 0.99)
    assert low <= 99
    assert high == 101


def test_no_event_has_an_upper_bound_for_its_share():
    # The rule of three: about 3.7 over the samples, for both tails of 5 %.
    assert confidence.share_interval(0, 1000) == (0.0, pytest.approx(3.69 / 1000, rel=0.01))
    assert confidence.share_interval(1000, 1000)[1] == 1.0


def test_a_share_lies_within_its_interval():
    low, high = confidence.share_interval(50, 1000)
    # Clopper and Pearson's own interval, from tables.
    assert (low, high) == (pytest.approx(0.0373, abs=1e-3), pytest.approx(0.0654, abs=1e-3))
