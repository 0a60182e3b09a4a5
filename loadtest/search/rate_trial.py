"""What is kept of each step, as the history has it. Pure.

Dataclasses, since pydantic writes named tuples without their names.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

from loadtest.report import words
from loadtest.search.bracket import Purpose, RateWord, TrialResult
from loadtest.search.stability import word_of
from loadtest.search.step_length import LONGEST_S
from loadtest.verdict.findings import Findings
from loadtest.verdict.judge import Ruling
from loadtest.verdict.verdict import Verdict


@dataclass(frozen=True)
class TargetResult:
    """A target and how it came out; None for what is infinite or unknown."""

    target: str
    metric: str
    outcome: str
    value: float | None
    bound: float | None
    margin: float | None
    shown: str
    """The value as people read it."""
    is_endless: bool
    """Whether the value is infinite, since a reply is missing."""
    is_own: bool
    """Whether the scenario or the command line asks for it; else every search does."""


@dataclass(frozen=True)
class ClassResults:
    """What became of a class of requests."""

    offered_per_s: float
    sent: int
    results: int
    errors: int
    missing: int
    achieved_per_s: float | None
    p50_s: float | None
    p99_s: float | None
    lag_slope_per_s: float | None


@dataclass(frozen=True)
class RateTrial:
    """A step: a rate of all classes together, what came of it, and why if it proves nothing."""

    rate_per_s: float
    purpose: Purpose
    seconds: float
    word: RateWord
    why: str
    targets: list[TargetResult]
    classes: dict[str, ClassResults]
    load_tester_cpu: float
    began: str
    took_s: float

    @property
    def trial(self) -> TrialResult:
        """What the decision looks at."""
        return TrialResult(self.rate_per_s, self.word, self.seconds >= LONGEST_S)


class Offer(NamedTuple):
    """What is to be offered: `per_class` in requests a second, for `seconds` after the warm-up."""

    rate_per_s: float
    purpose: Purpose
    per_class: dict[str, float]
    seconds: float


def rate_trial(
    offer: Offer, findings: Findings, verdict: Verdict, own: int, *, began: str, took_s: float
) -> RateTrial:
    """Return what is kept of a step; the first `own` targets are not those of every search."""
    word, why = word_of(verdict)
    return RateTrial(
        offer.rate_per_s,
        offer.purpose,
        offer.seconds,
        word,
        why,
        [_ruled(ruling, is_own=number < own) for number, ruling in enumerate(verdict.rulings)],
        {name: _served(name, per_s, findings) for name, per_s in offer.per_class.items()},
        findings.cpu_share,
        began,
        took_s,
    )


def _ruled(ruling: Ruling, *, is_own: bool) -> TargetResult:
    return TargetResult(
        ruling.target.text,
        str(ruling.target.metric),
        ruling.outcome.value,
        _finite(ruling.value),
        _finite(ruling.bound),
        _finite(ruling.margin),
        words.value(ruling, ruling.value),
        ruling.value == math.inf,
        is_own,
    )


def _served(name: str, per_s: float, findings: Findings) -> ClassResults:
    figures = findings.by_class[name]
    return ClassResults(
        per_s,
        figures.sent,
        figures.results,
        figures.errors.total(),
        figures.missing,
        _finite(figures.throughput and figures.throughput.value),
        _finite(figures.latencies.percentile(50)),
        _finite(figures.latencies.percentile(99)),
        _finite(figures.lag_slope and figures.lag_slope.value),
    )


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
