"""What the targets of a report promise: rows of the table, and levels to draw into figures. Pure."""

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from loadtest.report import words
from loadtest.report.document import BadReport, RunReport, TargetReport
from loadtest.report.html import chart
from loadtest.report.html.chart import Level, TargetPoint, told
from loadtest.verdict import targets
from loadtest.verdict.metrics import PERCENTILE, Unit
from loadtest.verdict.targets import BadTarget, Quantity

_UNITS = {
    Unit.SECONDS: chart.AxisUnit.SECONDS,
    Unit.RATE: chart.AxisUnit.RATE,
    Unit.SHARE: chart.AxisUnit.SHARE,
}


class Promise(NamedTuple):
    """A target in words; `outcome` is met, missed or undecided."""

    text: str
    outcome: str
    value: str
    interval: str
    bound: str
    margin: str
    why: str


def promises(report: RunReport) -> list[Promise]:
    """Return the targets in their order; raises BadReport."""
    return [_promise(each) for each in report.targets]


def levels(report: RunReport, name: str) -> list[Level]:
    """Return the bounds on percentiles and the longest of the class `name`, those of all included."""
    return [
        Level(bound, text)
        for text, metric, bound in _durations(report)
        if metric.name in {PERCENTILE, "max"} and _is_about(report, metric.traffic, name)
    ]


def points(report: RunReport, names: Iterable[str]) -> list[TargetPoint]:
    """Return the bounds on percentiles of these classes; targets of one point share it."""
    found: dict[tuple[float, float], list[str]] = {}
    for name in names:
        for text, metric, bound in _durations(report):
            if metric.name == PERCENTILE and _is_about(report, metric.traffic, name):
                found.setdefault((100 / (100 - metric.percent), bound), []).append(text)
    return [TargetPoint(x, y, ", ".join(labels)) for (x, y), labels in found.items()]


def _is_about(report: RunReport, traffic: str, name: str) -> bool:
    """A target of all is one of a class when there is no other."""
    return traffic == name or (not traffic and len(report.classes) == 1)


def _durations(report: RunReport) -> Iterator[tuple[str, targets.Metric, float]]:
    """Yield what is said on the latency of replies, the metric and its bound in seconds."""
    for each in report.targets:
        target = _parsed(each)
        metric = target.metric
        if metric.kind.unit is Unit.SECONDS and not metric.argument and each.bound is not None:
            said = metric._replace(traffic="") if len(report.classes) == 1 else metric
            bound = told(each.bound, chart.AxisUnit.SECONDS)
            yield f"{said} {target.operator} {bound}", metric, each.bound


def _promise(each: TargetReport) -> Promise:
    target = _parsed(each)
    is_share = any(isinstance(term, Quantity) and term.is_share for term in target.bound)
    unit = (
        chart.AxisUnit.SHARE
        if is_share
        else _UNITS.get(target.metric.kind.unit, chart.AxisUnit.NUMBER)
    )
    # Infinite is null in the report; what was not measured is undecided.
    unknown = math.nan if each.outcome == "undecided" else math.inf

    def shown(value: float | None) -> str:
        return told(unknown if value is None else value, unit)

    interval = "" if each.interval is None else " … ".join(map(shown, each.interval))
    return Promise(
        each.target,
        each.outcome,
        shown(each.value),
        interval,
        shown(each.bound) + (f" + {shown(each.leeway)}" if each.leeway else ""),
        words.margin_of(each.margin).replace("%", " %"),
        each.why,
    )


def _parsed(each: TargetReport) -> targets.Target:
    try:
        return targets.parse(each.target)
    except BadTarget as error:
        raise BadReport(str(error)) from error
