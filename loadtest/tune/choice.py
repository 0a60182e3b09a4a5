"""Which settings are best, by the model or as measured, and which are worth a run. Pure."""

import math
from collections.abc import Sequence
from typing import Protocol, TypeVar

from loadtest.tune.fit import Fit
from loadtest.tune.model import Bound, Load, Predicted, can_carry, predict
from loadtest.tune.service import Setting

MARGIN = 0.1
"""Of the bound, that a setting must leave free: percentiles of one load differ by some per cent
from run to run, and a target met by a hair is missed on another day."""
_SAME_SHARE = 0.03
_SAME_POINTS = 0.002
"""Busy shares that differ by less cost the same; then the shorter latency decides."""
_LINGERS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Shares of the shortest bound that are looked at; computed only, so that many cost nothing."""
_NEIGHBOURS = (0.7, 1.0, 1.3)
"""Of the proposed T, to be run; a guess: nearer ones differ by less than the line may be off (fit.py)."""
_DIGITS = 2
"""A third one is below what a run can tell."""


class Candidate(Protocol):
    """A setting and what it comes to."""

    @property
    def setting(self) -> Setting:
        """N and T."""

    @property
    def busy(self) -> float:
        """Share of the executor."""

    @property
    def latency_s(self) -> float:
        """The percentile that a target is about."""


_Candidate = TypeVar("_Candidate", bound=Candidate)


def cheapest_first(candidates: Sequence[_Candidate]) -> list[_Candidate]:
    """Return them, the least busy first; among those that cost the same the quickest first."""
    left, ordered = list(candidates), []
    while left:
        same_as = min(map(_cost, left)) * (1 + _SAME_SHARE) + _SAME_POINTS
        same = [each for each in left if _cost(each) <= same_as]
        best = min(same, key=lambda each: (each.latency_s, each.setting))
        ordered.append(best)
        left.remove(best)
    return ordered


def propose(
    fit: Fit, load: Load, bounds: list[Bound], *, overhead_s: float, most_rows: int
) -> tuple[Predicted, list[Predicted]]:
    """Return the model's choice and all that it looked at.

    The choice is the cheapest that meets all bounds with margin; when none does, the one that is
    nearest to them.
    """
    shortest_s = min(bound.seconds for bound in bounds)
    lingers_s = [rounded(share * shortest_s) for share in _LINGERS]
    looked = [
        predict(fit, Setting(rows, linger_s), load, bounds, overhead_s)
        for rows in _powers(load.request_rows, most_rows)
        for linger_s in lingers_s
    ]
    meeting = [each for each in looked if each.margin >= MARGIN and each.busy < 1]
    if not meeting:
        return max(looked, key=lambda each: each.margin), looked
    return cheapest_first(meeting)[0], looked


def around(
    proposed: Setting, fit: Fit, load: Load, most_rows: int
) -> tuple[list[Setting], list[Setting]]:
    """Return the settings to run, and those that by the model cannot carry the rate."""
    rows = {proposed.max_rows // 2, proposed.max_rows, 2 * proposed.max_rows}
    lingers_s = {rounded(proposed.linger_s * times) for times in _NEIGHBOURS}
    grid = [
        Setting(each, linger_s)
        for each in sorted(rows)
        if load.request_rows <= each <= most_rows
        for linger_s in sorted(lingers_s)
    ]
    carrying = [each for each in grid if can_carry(fit, each, load)]
    return carrying or [proposed], [each for each in grid if each not in carrying]


def _cost(candidate: Candidate) -> float:
    return math.inf if math.isnan(candidate.busy) else candidate.busy


def rounded(seconds: float) -> float:
    """Return a linger that people would write: two digits, whole microseconds."""
    return max(float(f"{seconds:.{_DIGITS}g}"), 1e-6)


def _powers(least: int, most: int) -> list[int]:
    found = [1 << place for place in range(most.bit_length()) if least <= 1 << place <= most]
    return found or [most]
