"""Which target limits the rate, and how it gives way: as a cliff or as a slope. Pure.

The elasticity of a figure is by how many per cent it grows for one per cent more load, measured
between the two edges of the bracket: ln(figure ratio) / ln(rate ratio). A queue alone has one of
rho / (1 - rho) at the utilisation rho (M/M/1), so that even a good deployment has 4 at 80 %.
"""

import math
from enum import Enum
from typing import NamedTuple

from loadtest.search.rate_trial import RateTrial, TargetResult

_MORE_LOAD = 1.1
_TIMES = 2.0
CLIFF = math.log(_TIMES) / math.log(_MORE_LOAD)
"""Elasticity from which 10 % more load at least double the figure, 7.3: no reserve in the target
that people choose helps then. It is that of a queue at a utilisation of 88 %."""
_MISSED = "missed"


class LimitShape(Enum):
    """How the target gives way just beyond the highest rate."""

    CLIFF = "cliff"
    SLOPE = "slope"
    UNKNOWN = "unknown"


class LimitingTarget(NamedTuple):
    """The target that limits, its figures at the highest pass and at the lowest fail.

    `limits`: whether it was missed at all; else it is the one that is nearest to its bound.
    """

    target: str
    metric: str
    bound: float | None
    at_pass: float | None
    at_fail: float | None
    figures: str
    """Both as people read them."""
    shape: LimitShape
    elasticity: float | None
    why: str
    limits: bool


def limiting_target(passed: RateTrial | None, failed: RateTrial | None) -> LimitingTarget | None:
    """Return what limits: the target missed most at the fail, else that with the least margin.

    `passed` and `failed`: the last steps at the two edges of the bracket, None where there is none.
    """
    limiting = _missed_most(failed) if failed else _least_margin(passed)
    if limiting is None:
        return None
    before = _same(passed, limiting)
    after = limiting if failed else None
    shape, elasticity, why = _shape(passed, failed, before, after)
    return LimitingTarget(
        limiting.target,
        limiting.metric,
        limiting.bound,
        None if before is None else before.value,
        None if after is None else after.value,
        " -> ".join(each.shown for each in (before, after) if each),
        shape,
        elasticity,
        why,
        failed is not None,
    )


def _missed_most(failed: RateTrial) -> TargetResult | None:
    """Return the one of people's own targets that is missed most, else one of every search."""
    missed = [ruled for ruled in failed.targets if ruled.outcome == _MISSED]
    return min(missed, key=lambda ruled: (not ruled.is_own, _margin(ruled)), default=None)


def _least_margin(passed: RateTrial | None) -> TargetResult | None:
    known = [ruled for ruled in passed.targets if ruled.margin is not None] if passed else []
    return min(known, key=lambda ruled: (not ruled.is_own, _margin(ruled)), default=None)


def _margin(ruled: TargetResult) -> float:
    if ruled.is_endless:
        return -math.inf
    return 0.0 if ruled.margin is None else ruled.margin


def _same(passed: RateTrial | None, limiting: TargetResult) -> TargetResult | None:
    targets = passed.targets if passed else []
    return next((each for each in targets if each.target == limiting.target), None)


def _shape(
    passed: RateTrial | None,
    failed: RateTrial | None,
    before: TargetResult | None,
    after: TargetResult | None,
) -> tuple[LimitShape, float | None, str]:
    if passed is None or failed is None or before is None or after is None:
        return LimitShape.UNKNOWN, None, "only one edge is known"
    if after.is_endless:
        return LimitShape.CLIFF, None, "requests stay without reply"
    if any(
        each.outcome == _MISSED and each.metric.startswith("lag_slope") for each in failed.targets
    ):
        return (
            LimitShape.CLIFF,
            None,
            "requests come faster than they are answered: it goes on growing",
        )
    was, became = _badness(before), _badness(after)
    if was is None or became is None:
        return LimitShape.UNKNOWN, None, "it was not measured at both edges"
    if was <= 0:
        return LimitShape.CLIFF, None, "there was none of it below"
    ratio = became / was
    elasticity = math.log(max(ratio, 1e-9)) / math.log(failed.rate_per_s / passed.rate_per_s)
    why = f"{elasticity:.1f} % for each per cent of the rate"
    return (LimitShape.CLIFF if elasticity >= CLIFF else LimitShape.SLOPE), elasticity, why


def _badness(ruled: TargetResult) -> float | None:
    """Return the figure, or what is missing to the whole where more is better."""
    if ruled.value is None:
        return None
    return 1 - ruled.value if ruled.metric.startswith("goodput") else ruled.value
