"""Quantities of scenarios and targets."""

import pytest

from loadtest.scenario.quantities import Rate, duration, rate, share


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("250ms", 0.25), ("1.5 s", 1.5), ("20us", 2e-5), ("2min", 120), ("1h", 3600)],
)
def test_a_duration_is_read_with_its_unit(text, seconds):
    assert duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["250", "ms", "-1s", "1 parsec", 250, None])
def test_a_duration_without_a_unit_is_refused(text):
    with pytest.raises(ValueError, match="unit"):
        duration(text)


@pytest.mark.parametrize(
    ("text", "per_s"), [("200/s", 200), ("30/min", 0.5), ("7200 / h", 2), ("0.5/s", 0.5)]
)
def test_a_rate_is_read_with_its_time(text, per_s):
    assert rate(text) == Rate(pytest.approx(per_s))


def test_a_multiple_needs_the_capacity():
    twice = rate("2x")
    assert twice.per_s(750.0) == 1500.0
    with pytest.raises(ValueError, match="capacity"):
        twice.per_s(None)


def test_a_share_is_read_in_per_cent():
    assert share("0.1%") == pytest.approx(0.001)


@pytest.mark.parametrize("text", ["0.1", "101%", "-1%"])
def test_a_share_outside_is_refused(text):
    with pytest.raises(ValueError, match="share"):
        share(text)
