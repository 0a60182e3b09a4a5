"""Which target limits, and how it gives way."""

import math

import pytest

from loadtest.search.bracket import Purpose, RateWord
from loadtest.search.limiting_target import CLIFF, LimitShape, limiting_target
from loadtest.search.rate_trial import RateTrial, TargetResult


def ruled(metric, value, bound, *, is_own=True):
    margin = None if not bound else (bound - value) / bound
    outcome = "met" if value <= bound else "missed"
    endless = math.isinf(value)
    return TargetResult(
        f"{metric} <= {bound}", metric, outcome, None if endless else value, bound,
        None if endless else margin, str(value), endless, is_own,
    )  # fmt: skip


def step(rate_per_s, *targets):
    return RateTrial(
        rate_per_s, Purpose.BISECT, 10.0, RateWord.PASS, "", list(targets), {}, 0.1, "", 10.0
    )


def shape_of(before, after, rates=(100, 105), metric="p99"):
    bound = (before + after) / 2 if math.isfinite(after) else before
    return limiting_target(
        step(rates[0], ruled(metric, before, bound)), step(rates[1], ruled(metric, after, bound))
    )


def test_the_target_that_is_missed_most_limits():
    failed = step(105, ruled("p50", 1.1, 1.0), ruled("p99", 9.0, 3.0), ruled("max", 5.0, 10.0))
    assert limiting_target(None, failed).metric == "p99"


def test_peoples_own_targets_come_before_those_of_every_search():
    failed = step(105, ruled("lag_slope[a]", 50.0, 0.1, is_own=False), ruled("p99", 3.1, 3.0))
    assert limiting_target(None, failed).metric == "p99"


def test_a_reply_that_never_comes_is_missed_most():
    failed = step(105, ruled("p50", 100.0, 1.0), ruled("p99", math.inf, 1.0))
    found = limiting_target(step(100, ruled("p99", 0.5, 1.0)), failed)
    assert (found.metric, found.shape) == ("p99", LimitShape.CLIFF)


def test_where_nothing_fails_the_least_margin_limits():
    passed = step(100, ruled("p50", 0.5, 1.0), ruled("p99", 2.9, 3.0))
    found = limiting_target(passed, None)
    assert (found.metric, found.shape, found.limits) == ("p99", LimitShape.UNKNOWN, False)
    assert limiting_target(passed, step(105, ruled("p99", 3.1, 3.0))).limits


def test_nothing_known_limits_nothing():
    assert limiting_target(None, None) is None


@pytest.mark.parametrize(
    ("before", "after", "rates", "shape"),
    [
        (1.0, 1.05, (100, 105), LimitShape.SLOPE),  # in proportion
        (1.0, 1.9, (100, 110), LimitShape.SLOPE),
        (1.0, 2.1, (100, 110), LimitShape.CLIFF),  # 10 % more load, twice the time
        (1.0, 1.45, (100, 105), LimitShape.CLIFF),
        (1.0, 2.0, (100, 200), LimitShape.SLOPE),
        (0.0, 1.0, (100, 105), LimitShape.CLIFF),
        (1.0, math.inf, (100, 105), LimitShape.CLIFF),
    ],
)
def test_a_cliff_at_least_doubles_for_a_tenth_more_load(before, after, rates, shape):
    assert shape_of(before, after, rates).shape is shape


def test_the_elasticity_of_a_queue_is_what_theory_says():
    found = shape_of(1 / (1 - 0.80), 1 / (1 - 0.81), (80, 81))
    assert found.elasticity == pytest.approx(0.805 / 0.195, rel=0.01)
    assert pytest.approx(0.879 / (1 - 0.879), rel=0.01) == CLIFF


def test_goodput_is_seen_by_what_is_missing_to_the_whole():
    passed, failed = (
        step(rate, TargetResult("goodput(1s) >= 95%", "goodput(1s)", word, value, 0.95, 0.0, "", False, True))
        for rate, word, value in ((100, "met", 0.96), (105, "missed", 0.90))
    )  # fmt: skip
    assert limiting_target(passed, failed).shape is LimitShape.CLIFF


def test_a_lag_that_grows_makes_every_target_a_cliff():
    slope = ruled("lag_slope[a]", 5.0, 1.0, is_own=False)
    found = limiting_target(
        step(100, ruled("p99", 0.9, 1.0)), step(105, ruled("p99", 1.1, 1.0), slope)
    )
    assert (found.metric, found.shape) == ("p99", LimitShape.CLIFF)
