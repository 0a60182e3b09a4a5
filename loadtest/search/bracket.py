"""Which rate is tried next, by what was tried before. Pure.

Doubling until a rate fails, or halving until one passes; then bisection in log space until the
bracket is narrow. Source of the two phases: MLPerf LoadGen's FindPeakPerformance. Unlike there, both
edges are run twice, since on a shared machine a single stall may fail any rate, and a lucky run may
pass one: what passes and then fails does not hold, and the bracket moves down; what fails and
then passes is run once more, and two of three decide.
"""

import math
from collections.abc import Sequence
from enum import Enum, StrEnum
from typing import NamedTuple

_MOST_TRIALS = 60
"""Far more than needed: 20 doublings, 6 bisections and some repetitions. Noise must have an end."""
_MOST_INVALID = 2
"""Runs of a rate; a stall of a shared machine passes, what comes again is none."""
_MOST_UNDECIDED = 3
"""Runs of a rate, each twice as long as the one before."""
_CONFIRM_STRETCH = 2
"""What passed by luck does not pass twice as long."""


class RateWord(Enum):
    """What came of a rate: it holds or not, or the run proves nothing, by samples or at all."""

    PASS = "PASS"  # noqa: S105 - no password
    FAIL = "FAIL"
    UNDECIDED = "UNDECIDED"
    INVALID = "INVALID"


class TrialResult(NamedTuple):
    """A rate that was offered; `is_longest`: no longer run is allowed."""

    rate_per_s: float
    word: RateWord
    is_longest: bool = False


class SearchBounds(NamedTuple):
    """Where is searched: rates, and the share by which both edges may differ."""

    start_per_s: float
    precision: float
    least_per_s: float
    most_per_s: float


class Purpose(StrEnum):
    """Why a rate is tried."""

    START = "start"
    DOUBLE = "double"
    HALVE = "halve"
    BISECT = "bisect"
    LONGER = "longer"
    CONFIRM = "confirm"
    DECIDE = "decide"


class Next(NamedTuple):
    """The rate to try, for `stretch` times the usual time."""

    rate_per_s: float
    purpose: Purpose
    stretch: int = 1


class SearchEnd(Enum):
    """Why the search is over; the last three are not decided here."""

    FOUND = "found"
    NOTHING_PASSES = "nothing passes"
    NEVER_FAILS = "never fails"
    UNPROVED = "unproved"
    TRIALS = "too many trials"
    TIME = "time is over"
    UNREST = "never at rest"
    INTERRUPTED = "interrupted"


class Edge(Enum):
    """What the upper edge of a bracket is."""

    OPEN = "nothing was tried above"
    FAILS = "fails"
    TOO_CLOSE = "is too close to call"
    INVALID = "proves nothing"


class Bracket(NamedTuple):
    """The highest rate that holds, and the lowest above it that was not seen to hold.

    None where there is no such rate (yet). `fails`: the lowest above that fails; it is beyond `upper`
    where that is not known to.
    """

    lower: float | None
    upper: float | None
    edge: Edge
    fails: float | None


class _Standing(Enum):
    PASSED = "passed once"
    HOLDS = "passed, and confirmed"
    FAILED = "failed once"
    BREAKS = "failed, and confirmed; or passed, and not confirmed"
    SPLIT = "failed, then passed"
    LONGER = "proved nothing, and is to be run longer"
    UNDECIDED = "has too few samples, however long"
    UNPROVED = "proved nothing, twice in a row"


_CONCLUSIVE = {RateWord.PASS, RateWord.FAIL}
_PASSES = {_Standing.PASSED, _Standing.HOLDS}
_FAILS = {_Standing.FAILED, _Standing.BREAKS}
_EDGES = {
    _Standing.UNDECIDED: Edge.TOO_CLOSE,
    _Standing.UNPROVED: Edge.INVALID,
    _Standing.LONGER: Edge.INVALID,
    _Standing.SPLIT: Edge.TOO_CLOSE,
}
# By what a rate came to, in this order.
_STANDINGS = {
    "P": _Standing.PASSED,
    "PP": _Standing.HOLDS,
    "PF": _Standing.BREAKS,
    "F": _Standing.FAILED,
    "FF": _Standing.BREAKS,
    "FP": _Standing.SPLIT,
    "FPP": _Standing.HOLDS,
    "FPF": _Standing.BREAKS,
}


def decide(trials: Sequence[TrialResult], bounds: SearchBounds) -> Next | SearchEnd:
    """Return what is to be tried after `trials`, in the order they were made, or why nothing is."""
    if not trials:
        return Next(bounds.start_per_s, Purpose.START)
    last = trials[-1].rate_per_s
    standing = _standing(trials, last)
    if len(trials) >= _MOST_TRIALS:
        return SearchEnd.TRIALS
    if standing is _Standing.LONGER:
        return Next(last, Purpose.LONGER, 2 ** _inconclusive(trials, last))
    if standing is _Standing.SPLIT:
        return Next(last, Purpose.DECIDE, _CONFIRM_STRETCH)
    return _between(trials, bounds)


def bracket(trials: Sequence[TrialResult]) -> Bracket:
    """Return the bracket by what is known so far."""
    standings = {trial.rate_per_s: _standing(trials, trial.rate_per_s) for trial in trials}
    broken = [rate for rate, standing in standings.items() if standing not in _PASSES]
    upper = min(broken, default=None)
    holding = [
        rate
        for rate, standing in standings.items()
        if standing in _PASSES and (upper is None or rate < upper)
    ]
    edge = Edge.OPEN if upper is None else _EDGES.get(standings[upper], Edge.FAILS)
    fails = min((rate for rate in broken if standings[rate] in _FAILS), default=None)
    return Bracket(max(holding, default=None), upper, edge, fails)


def steps_between(precision: float) -> int:
    """Return how many bisections it takes from a doubling to the precision."""
    return math.ceil(math.log2(math.log(2) / math.log1p(precision)))


def _between(trials: Sequence[TrialResult], bounds: SearchBounds) -> Next | SearchEnd:
    lower, upper, edge, _ = bracket(trials)
    if upper is None and lower is not None:
        if lower < bounds.most_per_s:
            return Next(min(2 * lower, bounds.most_per_s), Purpose.DOUBLE)
        return _confirmation(trials, lower) or SearchEnd.NEVER_FAILS
    if lower is None and upper is not None:
        if upper > bounds.least_per_s:
            return Next(max(upper / 2, bounds.least_per_s), Purpose.HALVE)
        return _confirmation(trials, upper) or (
            SearchEnd.NOTHING_PASSES if edge is Edge.FAILS else SearchEnd.UNPROVED
        )
    if lower is None or upper is None:
        raise ValueError("trials without a rate")
    if upper / lower > 1 + bounds.precision:
        return Next(math.sqrt(lower * upper), Purpose.BISECT)
    # The upper edge first: if it holds after all, the lower one need not be run again.
    return (
        _confirmation(trials, upper)
        or _confirmation(trials, lower)
        or (SearchEnd.UNPROVED if edge is Edge.INVALID else SearchEnd.FOUND)
    )


def _confirmation(trials: Sequence[TrialResult], rate_per_s: float) -> Next | None:
    standing = _standing(trials, rate_per_s)
    if standing is _Standing.PASSED:
        return Next(rate_per_s, Purpose.CONFIRM, _CONFIRM_STRETCH)
    return Next(rate_per_s, Purpose.CONFIRM) if standing is _Standing.FAILED else None


def _standing(trials: Sequence[TrialResult], rate_per_s: float) -> _Standing:
    mine = [trial for trial in trials if trial.rate_per_s == rate_per_s]
    last = mine[-1]
    if last.word is RateWord.UNDECIDED:
        spent = last.is_longest or _inconclusive(trials, rate_per_s) >= _MOST_UNDECIDED
        return _Standing.UNDECIDED if spent else _Standing.LONGER
    if last.word is RateWord.INVALID:
        spent = _inconclusive(trials, rate_per_s) >= _MOST_INVALID
        return _Standing.UNPROVED if spent else _Standing.LONGER
    conclusive = (trial.word for trial in mine if trial.word in _CONCLUSIVE)
    return _STANDINGS["".join(word.value[0] for word in conclusive)]


def _inconclusive(trials: Sequence[TrialResult], rate_per_s: float) -> int:
    """Return how many runs of this rate proved nothing since the last one that did."""
    words = [trial.word for trial in trials if trial.rate_per_s == rate_per_s]
    proved = (number for number, word in enumerate(reversed(words)) if word in _CONCLUSIVE)
    return next(proved, len(words))
