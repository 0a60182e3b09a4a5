"""What targets can be about; docs/load-testing.md lists them."""

from enum import Enum
from typing import NamedTuple


class Unit(Enum):
    """What a value is measured in, and how people write it."""

    SECONDS = "a duration, such as 250ms"
    AMOUNT = "a share such as 0.1%, or a whole number"
    COUNT = "a whole number"
    SHARE = "a share, such as 99%"
    RATE = "a rate, such as 500/s"


class Source(Enum):
    """What a metric is counted from: where there is none of it, there is no value."""

    SENT = "requests that the broker took"
    ANSWERED = "requests with a reply"
    RESULTS = "results"
    CHECKED = "replies to requests whose right answer is known"
    DAEMON = "the daemon's /metrics"


class MetricKind(NamedTuple):
    """One thing that a target can be about.

    `argument`: what stands in parentheses, empty for nothing; `or_none`: it may be left out.
    `operators`: those that make sense.
    """

    unit: Unit
    source: Source
    meaning: str
    operators: tuple[str, ...]
    argument: str = ""
    or_none: bool = False

    @property
    def needs_daemon(self) -> bool:
        """Whether it is read from the daemon's /metrics."""
        return self.source is Source.DAEMON


_UPPER = ("<", "<=")
_LOWER = (">", ">=")
_ANY = ("<", "<=", ">", ">=", "==")

PERCENTILE = "pNN"
"""Stands for p50, p99, p99.9 and so on."""

KINDS: dict[str, MetricKind] = {
    PERCENTILE: MetricKind(
        Unit.SECONDS,
        Source.SENT,
        "percentile by nearest rank (p50, p99, p99.9) of the latency of results; missing replies "
        "are infinite and take part; with a station of the daemon (broker, wait, run): of the time "
        "there, by the header `stages`",
        _UPPER,
        argument="station",
        or_none=True,
    ),
    "max": MetricKind(
        Unit.SECONDS, Source.SENT, "longest latency; infinite when a reply is missing", _UPPER
    ),
    "goodput": MetricKind(
        Unit.SHARE,
        Source.SENT,
        "requests with a result in time, that is not known to be wrong, of all requests",
        _LOWER,
        argument="duration",
    ),
    "errors": MetricKind(
        Unit.AMOUNT,
        Source.ANSWERED,
        "requests answered by an error or found among the dead letters, expired ones too; with a "
        "code: those alone; with !code: all but those",
        _ANY,
        argument="code",
        or_none=True,
    ),
    "expired": MetricKind(
        Unit.AMOUNT, Source.ANSWERED, "requests answered by deadline_exceeded", _ANY
    ),
    "missing": MetricKind(Unit.AMOUNT, Source.SENT, "requests without any reply", _ANY),
    "duplicates": MetricKind(
        Unit.AMOUNT, Source.ANSWERED, "further replies to requests already answered", _ANY
    ),
    "wrong": MetricKind(
        Unit.AMOUNT,
        Source.CHECKED,
        "requests with a reply that is not the golden answer, or bad ones with a result; of those whose "
        "right answer is known: they have `golden`, or are `bad`",
        _ANY,
    ),
    "throughput": MetricKind(
        Unit.RATE,
        Source.RESULTS,
        "results over the time from the first intended send to the last reply",
        _LOWER,
    ),
    "drain": MetricKind(
        Unit.SECONDS,
        Source.ANSWERED,
        "from the last intended send to the last reply",
        (*_UPPER, *_LOWER),
    ),
    "lag_slope": MetricKind(
        Unit.RATE,
        Source.SENT,
        "how fast the number of unanswered requests grows; a hundredth of the rate is leeway, and the "
        "whole interval must be within or beyond, else it is undecided",
        _UPPER,
    ),
    "utilisation": MetricKind(
        Unit.SHARE,
        Source.DAEMON,
        "share of the time that the daemon's executor ran a model",
        _LOWER,
    ),
    "memory_growth": MetricKind(
        Unit.SHARE,
        Source.DAEMON,
        "the daemon's resident memory, median of the last quarter over that of the first, less 1",
        _UPPER,
    ),
    "descriptor_growth": MetricKind(
        Unit.COUNT,
        Source.DAEMON,
        "the daemon's open files, median of the last quarter less that of the first",
        _UPPER,
    ),
}
"""Everything a target can be about."""
