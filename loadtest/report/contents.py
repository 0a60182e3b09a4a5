"""What a run came to, in the form of the report for programs. Pure.

Whatever is no number, infinite or was not measured is None there.
"""

import math

import msgspec

from loadtest.report.document import (
    VERSION,
    About,
    ClassReport,
    DaemonReport,
    FiguresReport,
    LatencyReport,
    LoadTesterReport,
    RunReport,
    TargetReport,
    ValueReport,
)
from loadtest.verdict.blocks import Estimate
from loadtest.verdict.daemon_course import daemon_course
from loadtest.verdict.figures import Figures
from loadtest.verdict.findings import Daemon, Findings
from loadtest.verdict.judge import Ruling
from loadtest.verdict.latencies import Latencies
from loadtest.verdict.verdict import Verdict

_PERCENTILES = (50.0, 90.0, 95.0, 99.0, 99.9)
# One of them says why; further ones show that it lasted.
_FAILED_SENDS_TOLD = 10


def report(about: About, findings: Findings, verdict: Verdict) -> RunReport:
    """Return the report of a run."""
    return RunReport(
        **msgspec.structs.asdict(about),
        version=VERSION,
        verdict=verdict.word.value,
        exit_code=int(verdict.exit),
        doubts=list(verdict.doubts),
        targets=[_target(ruling) for ruling in verdict.rulings],
        whole=_figures(findings.whole),
        classes={name: _class(findings, name) for name in findings.by_class},
        warm_up=_figures(findings.warm_up) if findings.warm_up else None,
        daemon=findings.daemon and _daemon(findings.daemon),
        daemon_over_time=daemon_course(findings.detail.looks),
        served_by=dict(findings.detail.served_by),
        load_tester=LoadTesterReport(
            _finite(findings.cpu_share),
            _latencies(findings.pulse),
            findings.foreign,
            list(findings.failed_sends[:_FAILED_SENDS_TOLD]),
        ),
    )


def _target(ruling: Ruling) -> TargetReport:
    interval = ruling.interval
    return TargetReport(
        ruling.target.text,
        ruling.outcome.value,
        _finite(ruling.value),
        (_finite(interval.low), _finite(interval.high)) if interval else None,
        _finite(ruling.bound),
        _finite(ruling.margin),
        ruling.why,
        ruling.leeway,
    )


def _class(findings: Findings, name: str) -> ClassReport:
    detail = findings.detail
    return ClassReport(
        **msgspec.structs.asdict(_figures(findings.by_class[name])),
        series=findings.series[name],
        over_time=detail.courses[name],
        bands=detail.bands[name],
        batch_rows={str(rows): count for rows, count in detail.batch_rows[name].items()},
    )


def _figures(figures: Figures) -> FiguresReport:
    return FiguresReport(
        planned=figures.planned,
        sent=figures.sent,
        answered=figures.answered,
        results=figures.results,
        errors=dict(figures.errors),
        expired=figures.expired,
        missing=figures.missing,
        in_flight=figures.in_flight,
        refused=figures.refused,
        duplicates=figures.duplicates,
        checked=figures.checked,
        wrong=figures.wrong,
        latency_s=_latencies(figures.latencies),
        send_delay_s=_latencies(figures.lateness),
        acknowledgement_s=_latencies(figures.acknowledgement),
        stages_s={name: _latencies(each) for name, each in figures.stages.items()},
        drain_s=_finite(figures.drain_s),
        throughput_per_s=_estimate(figures.throughput),
        lag_slope_per_s=_estimate(figures.lag_slope),
    )


def _latencies(latencies: Latencies) -> LatencyReport:
    return LatencyReport(
        latencies.samples,
        {
            f"{percent:g}": _value(latencies.percentile(percent), latencies.interval(percent))
            for percent in _PERCENTILES
        },
        _finite(latencies.longest_s),
        latencies.encoded(),
        _finite(latencies.longest_seen_s),
        _finite(latencies.mean_s),
    )


def _estimate(estimate: Estimate | None) -> ValueReport | None:
    return None if estimate is None else _value(*estimate)


def _value(value: float, interval: tuple[float, float]) -> ValueReport:
    low, high = interval
    return ValueReport(_finite(value), (_finite(low), _finite(high)))


def _daemon(daemon: Daemon) -> DaemonReport:
    return DaemonReport(*map(_finite, daemon))


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
