"""What changed between two runs of the same load, and whether it is more than noise. Pure.

A latency is worse only when three things hold: it rose by more than the tolerance; the intervals of
the two percentiles do not meet; and the slices of the one run lie above those of the other, slices of
the very percentile. The last is what keeps a single stall of a busy machine, which moves a p99 far and in
one slice only, from counting as a regression. What rose further than chance alone moves it, and yet is
not shown to be worse, is undecided and not noise.
"""

import math
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

from msgspec import UNSET

from loadtest.compare.ranks import chance_of_being_above
from loadtest.report.document import ClassReport, RunReport, ValueReport
from loadtest.verdict.binomial import at_most
from loadtest.verdict.confidence import DOUBT

_LEAST_SLICES = 8
"""Fewer cannot be told apart by their ranks with so little doubt."""
_PERCENTILES = ("50", "90", "99", "99.9")


class ChangeWord(Enum):
    """How a figure changed."""

    SAME = "same"
    NOISE = "noise"
    """It moved, but no further than chance moves it, or than anybody minds."""
    UNDECIDED = "undecided"
    """It moved further, but in a part of the run alone, or there are too few samples."""
    BETTER = "better"
    WORSE = "worse"


class Change(NamedTuple):
    """One figure of both runs; infinite latencies are math.inf."""

    traffic: str
    name: str
    before: float
    after: float
    word: ChangeWord


def obstacles(before: RunReport, after: RunReport) -> list[str]:
    """Return why the two cannot be compared; nothing when they can."""
    found = []
    if before.digest != after.digest:
        found.append("they did not offer the same load: their digests differ")
    for name, report in (("first", before), ("second", after)):
        if report.doubts or report.verdict == "INTERRUPTED":
            found.append(
                f"the {name} run proves nothing: {'; '.join(report.doubts) or 'interrupted'}"
            )
    return found


def changes(before: RunReport, after: RunReport, tolerance: float) -> list[Change]:
    """Return every figure that both have, with its word; `tolerance` is a share."""
    return [
        change
        for name in before.classes
        if name in after.classes
        for change in _of_class(name, before.classes[name], after.classes[name], tolerance)
    ]


def _of_class(
    name: str, before: ClassReport, after: ClassReport, tolerance: float
) -> Iterator[Change]:
    for percent in _PERCENTILES:
        if before.latency_s.samples and after.latency_s.samples:
            yield _latency(name, percent, before, after, tolerance)
    for what in ("errors", "missing", "duplicates"):
        yield _count(name, what, before, after)
    if before.checked != 0 and after.checked != 0:
        yield _count(name, "wrong", before, after)
    if before.throughput_per_s is not None and after.throughput_per_s is not None:
        was, now = _flipped(before.throughput_per_s), _flipped(after.throughput_per_s)
        word = _word(was, now, tolerance, rise=DOUBT, fall=DOUBT)
        yield Change(name, "results/s", -was.value, -now.value, word)


class _Known(NamedTuple):
    value: float
    low: float
    high: float


def _known(figure: ValueReport) -> _Known:
    values = (figure.value, *figure.interval)
    return _Known(*(math.inf if each is None else each for each in values))


def _flipped(figure: ValueReport) -> _Known:
    """Return a figure of which less is worse, as one of which more is."""
    value, low, high = _known(figure)
    return _Known(-value, -high, -low)


def _latency(
    name: str, percent: str, before: ClassReport, after: ClassReport, tolerance: float
) -> Change:
    was = _known(before.latency_s.percentiles[percent])
    now = _known(after.latency_s.percentiles[percent])
    first, second = _slices(before, percent), _slices(after, percent)
    rise = fall = 0.0
    if len(first) >= _LEAST_SLICES and len(second) >= _LEAST_SLICES:
        rise = chance_of_being_above(first, second)
        fall = chance_of_being_above(second, first)
    word = _word(was, now, tolerance, rise=rise, fall=fall)
    return Change(name, f"p{percent}", was.value, now.value, word)


def _slices(of: ClassReport, percent: str) -> list[float]:
    """Return the percentile in each slice; p99 stands for p99.9, of which a slice has too few requests.

    It also stands for p90 in reports that do not say it yet.
    """
    chosen = {
        "50": [each.p50_s for each in of.series],
        "90": [each.p99_s if each.p90_s is UNSET else each.p90_s for each in of.series],
    }
    values = chosen.get(percent, [each.p99_s for each in of.series])
    return [math.inf if value is None else value for value in values]


def _word(was: _Known, now: _Known, tolerance: float, *, rise: float, fall: float) -> ChangeWord:
    """Return the word for a figure of which more is worse; `rise`, `fall`: chances of either."""
    if was.value == now.value:
        return ChangeWord.SAME
    if now.value > was.value:
        by = now.value - was.value
        sure = now.low > was.high and rise <= DOUBT
    else:
        by = was.value - now.value
        sure = now.high < was.low and fall <= DOUBT
    if by <= tolerance * abs(was.value):
        return ChangeWord.NOISE
    if sure:
        return ChangeWord.WORSE if now.value > was.value else ChangeWord.BETTER
    return ChangeWord.NOISE if _by_chance(was, now) else ChangeWord.UNDECIDED


def _by_chance(was: _Known, now: _Known) -> bool:
    """Whether each value lies where the other one may well be, as far as that is known at all."""
    is_bounded = math.isfinite(was.high) and math.isfinite(now.high)
    return is_bounded and was.low <= now.value <= was.high and now.low <= was.value <= now.high


def _count(name: str, what: str, before: ClassReport, after: ClassReport) -> Change:
    was, now = _amount(before, what), _amount(after, what)
    share = after.sent / (before.sent + after.sent) if after.sent else 0.0
    both = was + now
    if was == now:
        word = ChangeWord.SAME
    elif both and 1 - at_most(now - 1, both, share) <= DOUBT:
        word = ChangeWord.WORSE
    elif both and at_most(now, both, share) <= DOUBT:
        word = ChangeWord.BETTER
    else:
        word = ChangeWord.NOISE
    return Change(name, what, float(was), float(now), word)


def _amount(of: ClassReport, what: str) -> int:
    if what == "errors":
        return sum(of.errors.values())
    return {"missing": of.missing, "duplicates": of.duplicates, "wrong": of.wrong}[what]
