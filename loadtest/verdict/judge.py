"""Judges each target by the findings. Pure.

A target on a percentile or a share is met only when the samples show it (loadtest.verdict.
confidence), and it is not met when the measured value is on the wrong side. In between it is
undecided: too few samples. So it is with a slope, by its interval: met when all of it is within the
bound and its leeway, missed when all is beyond. What was not measured is undecided as well: no data is
never a pass.
"""

import math
from enum import Enum
from typing import NamedTuple

from loadtest.verdict import confidence
from loadtest.verdict.findings import Findings
from loadtest.verdict.latencies import Interval
from loadtest.verdict.measure import Reading, read
from loadtest.verdict.metrics import Unit
from loadtest.verdict.targets import Quantity, Target


class TargetOutcome(Enum):
    """How a target came out."""

    MET = "met"
    MISSED = "missed"
    UNDECIDED = "undecided"


class Ruling(NamedTuple):
    """A target and how it came out.

    `margin`: how far the value is within the bound, as a share of the bound; negative when it is
    outside, None where that says nothing. `why`: for what is undecided. `leeway`: so much beyond the
    bound is still within it.
    """

    target: Target
    outcome: TargetOutcome
    value: float
    interval: Interval | None
    bound: float
    is_share: bool
    margin: float | None
    why: str = ""
    leeway: float = 0.0


def judge(target: Target, findings: Findings) -> Ruling:
    """Return how `target` came out."""
    is_share = target.metric.kind.unit is Unit.SHARE or any(
        isinstance(term, Quantity) and term.is_share for term in target.bound
    )
    reading = read(target.metric, findings, as_share=is_share)
    bounds = [
        Reading(term.value)
        if isinstance(term, Quantity)
        else read(term, findings, as_share=is_share)
        for term in target.bound
    ]
    bound, leeway = sum(each.value for each in bounds), reading.leeway or 0.0
    unknown = [each.unknown for each in (reading, *bounds) if each.unknown]
    if math.isnan(reading.value) or math.isnan(bound):
        outcome, why = TargetOutcome.UNDECIDED, "; ".join(unknown) or "nothing was measured"
    elif math.isinf(bound):
        outcome, why = TargetOutcome.UNDECIDED, "what it is compared with is infinite"
    else:
        outcome, why = _rule(target.operator, reading, bound)
    return Ruling(
        target,
        outcome,
        reading.value,
        reading.interval,
        bound,
        is_share,
        _margin(target.operator, reading.value, bound + leeway),
        why,
        leeway,
    )


def _rule(operator: str, reading: Reading, bound: float) -> tuple[TargetOutcome, str]:
    if reading.trials is not None:
        return _rule_by_samples(operator, reading, bound)
    if reading.leeway is not None and reading.interval is not None:
        return _rule_by_interval(reading.interval, bound + reading.leeway)
    return (
        TargetOutcome.MET if _holds(operator, reading.value, bound) else TargetOutcome.MISSED
    ), ""


def _rule_by_interval(interval: Interval, most: float) -> tuple[TargetOutcome, str]:
    """Rule on what should not be more than `most`."""
    if interval.high <= most:
        return TargetOutcome.MET, ""
    if interval.low > most:
        return TargetOutcome.MISSED, ""
    return TargetOutcome.UNDECIDED, "it cannot be told from noise in so short a time: run longer"


def _rule_by_samples(operator: str, reading: Reading, bound: float) -> tuple[TargetOutcome, str]:
    """Rule on a percentile or a share: so many samples are over the bound, so many may be."""
    if reading.trials is None:
        raise ValueError("a reading without samples")
    against, samples, allowed = reading.trials(operator, bound)
    if not 0 < allowed < 1:  # such as < 0%, >= 100%: every single sample decides
        met = _holds(operator, reading.value, bound)
        return (TargetOutcome.MET if met else TargetOutcome.MISSED), ""
    if confidence.shows(against, samples, allowed):
        return TargetOutcome.MET, ""
    if confidence.refutes(against, samples, allowed):
        return TargetOutcome.MISSED, ""
    least = confidence.needed(0, allowed)
    if samples >= least and not _holds(operator, reading.value, bound):
        return TargetOutcome.MISSED, ""
    wanted = max(confidence.needed(against, allowed), least)
    why = (
        f"too few samples: {against:,} of {samples:,} are beyond the bound; with as many, "
        f"{wanted:,} samples would show it"
    )
    return TargetOutcome.UNDECIDED, why


def _holds(operator: str, value: float, bound: float) -> bool:
    return {
        "<": value < bound,
        "<=": value <= bound,
        ">": value > bound,
        ">=": value >= bound,
        "==": value == bound,
    }[operator]


def _margin(operator: str, value: float, bound: float) -> float | None:
    if not bound or not math.isfinite(bound) or math.isnan(value) or operator == "==":
        return None
    return (bound - value if operator.startswith("<") else value - bound) / bound
