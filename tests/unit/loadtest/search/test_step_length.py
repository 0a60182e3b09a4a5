"""How long a step is, by its targets."""

import pytest

from loadtest.search import step_length
from loadtest.verdict.targets import parse

MIX = {"standard": 0.9, "urgent": 0.1}


def usual_s(rate_per_s, *targets):
    return step_length.usual_s([parse(each) for each in targets], MIX, rate_per_s)


@pytest.mark.parametrize(
    ("rate_per_s", "targets", "seconds"),
    [
        (10_000, ["p99 < 100ms"], 10),  # never shorter
        (100, ["p99 < 100ms"], 1.1 * 200 / 10),  # the slope of the rarest class's lag
        (100, ["p99[urgent] < 100ms"], 1.1 * 1307 / 10),
        (100, ["p99.9 < 100ms"], 1.1 * 13_105 / 100),
        (100, ["errors < 0.1%"], 1.1 * 4603 / 100),
        (1000, ["errors == 0", "missing == 0"], 10),
        (100_000, ["p50[standard] < 30s"], 120),  # four times the longest bound
        (100_000, ["goodput(8s) >= 90%"], 32),
        (1, ["p99 < 100ms"], step_length.LONGEST_S),  # and never longer
    ],
)
def test_a_step_is_as_long_as_its_targets_need(rate_per_s, targets, seconds):
    assert usual_s(rate_per_s, *targets) == pytest.approx(seconds, rel=1e-3)


def test_below_the_least_rate_the_longest_step_is_too_short():
    targets = [parse("p99[urgent] < 100ms")]
    least_per_s = step_length.least_per_s(targets, MIX)
    assert least_per_s == pytest.approx(1.1 * 1307 / 0.1 / 300)
    assert step_length.usual_s(targets, MIX, 1.01 * least_per_s) < step_length.LONGEST_S


@pytest.mark.parametrize(
    ("given_s", "target", "seconds"),
    [(0, "p99 < 100ms", 1), (5, "p99 < 100ms", 5), (5, "p99 < 9s", 9), (0, "max < 1h", 60)],
)
def test_the_warm_up_lasts_until_first_requests_may_be_answered(given_s, target, seconds):
    assert step_length.warm_up_s([parse(target)], given_s) == seconds
