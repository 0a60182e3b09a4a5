"""Reads one metric of a target from the findings. Pure."""

import math
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from loadtest.scenario.quantities import duration
from loadtest.verdict import confidence
from loadtest.verdict.blocks import Estimate
from loadtest.verdict.figures import Figures
from loadtest.verdict.findings import Findings
from loadtest.verdict.latencies import Interval, Latencies
from loadtest.verdict.metrics import PERCENTILE, Source
from loadtest.verdict.sources import absence
from loadtest.verdict.targets import Metric

Trials: TypeAlias = Callable[[str, float], tuple[int, int, float]]
"""Takes operator and bound; returns how many samples are against the target, of how many, and
what share of them may be."""

GROWTH_SHARE = 0.01
"""Of the rate: a lag that grows by less is not told from one that stays. A server that is 90 % busy
keeps within it in nearly every minute's run; 5 % too few servers are beyond it in as many. It is a
fifth of what a search's bracket leaves open."""


class Reading(NamedTuple):
    """A value, where it truly lies, and the samples behind it if it is a share of some.

    `unknown`: why there is no value, empty when there is one. `leeway`: the interval decides, and so
    much beyond the bound is still within it.
    """

    value: float
    interval: Interval | None = None
    trials: Trials | None = None
    unknown: str = ""
    leeway: float | None = None


def read(metric: Metric, findings: Findings, *, as_share: bool) -> Reading:
    """Return what was measured of `metric`; amounts as a share or as a number."""
    if metric.kind.needs_daemon:
        return _daemons(metric, findings)
    figures = findings.by_class[metric.traffic] if metric.traffic else findings.whole
    if why := absence(metric, figures):
        return _unknown(why)
    if metric.name in _READERS:
        return _READERS[metric.name](metric, figures)
    count = _amount(metric, figures)
    samples = figures.checked if metric.kind.source is Source.CHECKED else figures.sent
    return _share(count, samples) if as_share else Reading(float(count))


def _percentile(metric: Metric, figures: Figures) -> Reading:
    latencies = figures.latencies
    if metric.argument:
        if metric.argument not in figures.stages:
            return _unknown(f"no reply names the station '{metric.argument}'")
        latencies = figures.stages[metric.argument]
    if not latencies.samples:
        return _unknown("there is no result")
    allowed = 1 - metric.percent / 100
    return Reading(
        latencies.percentile(metric.percent),
        latencies.interval(metric.percent),
        lambda operator, bound: (_beyond(latencies, operator, bound), latencies.samples, allowed),
    )


def _goodput(metric: Metric, figures: Figures) -> Reading:
    late = figures.in_time.over(duration(metric.argument))
    return _share(figures.in_time.samples - late, figures.asked)


def _beyond(latencies: Latencies, operator: str, bound_s: float) -> int:
    return latencies.over(bound_s, strictly=operator == "<=")


def _amount(metric: Metric, figures: Figures) -> int:
    if metric.name == "errors":
        if metric.argument.startswith("!"):
            return figures.errors.total() - figures.errors[metric.code]
        return figures.errors[metric.code] if metric.code else figures.errors.total()
    return {
        "expired": figures.expired,
        "missing": figures.missing,
        "duplicates": figures.duplicates,
        "wrong": figures.wrong,
    }[metric.name]


def _share(count: int, samples: int) -> Reading:
    if not samples:
        return _unknown("there is no request to count")
    # Duplicates may be more than there are requests.
    within = min(count, samples)

    def trials(operator: str, bound: float) -> tuple[int, int, float]:
        if operator.startswith("<"):
            return within, samples, bound
        return samples - within, samples, 1 - bound

    return Reading(count / samples, Interval(*confidence.share_interval(within, samples)), trials)


def _estimated(estimate: Estimate | None, leeway: float | None = None) -> Reading:
    if estimate is None:
        return _unknown("too few requests over too short a time")
    return Reading(estimate.value, estimate.interval, leeway=leeway)


def _lag_slope(_metric: Metric, figures: Figures) -> Reading:
    took_s = figures.last_s - figures.first_s
    return _estimated(figures.lag_slope, GROWTH_SHARE * figures.sent / took_s if took_s else 0.0)


def _daemons(metric: Metric, findings: Findings) -> Reading:
    if findings.daemon is None:
        return _unknown("the daemon's metrics were not read often enough from first to last")
    value = {
        "utilisation": findings.daemon.utilisation,
        "memory_growth": findings.daemon.memory_growth,
        "descriptor_growth": findings.daemon.descriptor_growth,
    }[metric.name]
    return Reading(value) if math.isfinite(value) else _unknown("the metrics do not say")


def _unknown(why: str) -> Reading:
    return Reading(math.nan, unknown=why)


_READERS: dict[str, Callable[[Metric, Figures], Reading]] = {
    PERCENTILE: _percentile,
    "goodput": _goodput,
    "max": lambda _metric, figures: Reading(figures.latencies.longest_s),
    "drain": lambda _metric, figures: Reading(figures.drain_s),
    "throughput": lambda _metric, figures: _estimated(figures.throughput),
    "lag_slope": _lag_slope,
}
