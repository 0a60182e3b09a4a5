"""The report for programs: JSON with a version. Pure but for the file.

These classes are all that is written and all that is read: a comparison and the page take them as they
are. What goes over time is as it was measured (loadtest.verdict.course, .series, .bands,
.daemon_course). Times are seconds; infinity and what was not measured are None. A key with a default is
one that older reports lack.
"""

import math
import os
from pathlib import Path
from typing import TypeAlias

import msgspec

from loadtest.verdict.bands import Band
from loadtest.verdict.blocks import Estimate
from loadtest.verdict.course import Course
from loadtest.verdict.daemon_course import DaemonCourse, daemon_course
from loadtest.verdict.figures import Figures
from loadtest.verdict.findings import Daemon, Findings
from loadtest.verdict.judge import Ruling
from loadtest.verdict.latencies import Latencies
from loadtest.verdict.series import Slice
from loadtest.verdict.verdict import Verdict

VERSION = 1
"""Raised when a key changes its meaning or goes; new keys may come at any time."""
PERCENTILES = (50.0, 90.0, 95.0, 99.0, 99.9)

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"


class BadReport(Exception):
    """A file that is no report, or of another version; the message names it."""


class ValueReport(msgspec.Struct, frozen=True):
    """A value and its interval."""

    value: float | None
    interval: tuple[float | None, float | None]


class LatencyReport(msgspec.Struct, frozen=True):
    """Latencies; the histogram is HdrHistogram's, in microseconds."""

    samples: int
    percentiles: dict[str, ValueReport]
    longest: float | None
    histogram_us: str
    longest_seen: float | None = None
    """Without those that never came."""
    mean: float | None = None


class FiguresReport(msgspec.Struct, frozen=True, kw_only=True):
    """See loadtest.verdict.figures.Figures."""

    planned: int
    sent: int
    answered: int | None = None
    results: int
    errors: dict[str, int]
    expired: int = 0
    missing: int
    in_flight: int = 0
    refused: int
    duplicates: int
    checked: int | None = None
    wrong: int
    latency_s: LatencyReport
    send_delay_s: LatencyReport
    acknowledgement_s: LatencyReport | None = None
    stages_s: dict[str, LatencyReport] = {}
    drain_s: float | None = None
    throughput_per_s: ValueReport | None
    lag_slope_per_s: ValueReport | None = None


class ClassReport(FiguresReport, frozen=True, kw_only=True):
    """A class of requests."""

    series: list[Slice] = []
    over_time: Course | None = None
    bands: list[Band] = []
    batch_rows: dict[str, int] = {}
    """Sampled results by the rows that ran together."""


class TargetReport(msgspec.Struct, frozen=True):
    """A target and how it came out."""

    target: str
    outcome: str
    value: float | None
    interval: tuple[float | None, float | None] | None
    bound: float | None
    margin: float | None
    why: str
    leeway: float = 0.0


class DaemonReport(msgspec.Struct, frozen=True):
    """See loadtest.verdict.findings.Daemon."""

    utilisation: float | None
    memory_growth: float | None
    descriptor_growth: float | None
    memory_bytes: float | None
    descriptors: float | None


class LoadTesterReport(msgspec.Struct, frozen=True):
    """Whether the load tester itself kept up."""

    cpu_share: float | None
    timers_late_s: LatencyReport
    replies_to_others: int
    failed_sends: list[str]


class Provenance(msgspec.Struct, frozen=True, kw_only=True):
    """What the run was made with."""

    scenario_file: str = ""
    further_targets: list[str] = []
    brokers: str = ""
    metrics: str | None = None
    embedded: bool = False
    warm_up_s: float = 0.0
    daemon: dict[str, str] = {}
    models: list[dict[str, str]] = []
    daemon_config: str | None = None
    machine: dict[str, str] = {}


class About(msgspec.Struct, frozen=True, kw_only=True):
    """Which run it was."""

    scenario: str
    digest: str
    description: str = ""
    seed: int = 0
    capacity_per_s: float | None = None
    began: str = ""
    took_s: float = 0.0
    setting: Provenance = Provenance()


class RunReport(About, frozen=True, kw_only=True):
    """All that is told of a run."""

    version: int
    verdict: str
    exit_code: int
    doubts: list[str]
    targets: list[TargetReport]
    whole: FiguresReport
    classes: dict[str, ClassReport]
    warm_up: FiguresReport | None = None
    daemon: DaemonReport | None = None
    daemon_over_time: DaemonCourse | None = None
    served_by: dict[str, int] = {}
    load_tester: LoadTesterReport | None = None


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
            list(findings.failed_sends[:10]),
        ),
    )


def encoded(told: object) -> bytes:
    """Return JSON, indented; NaN and infinity are null."""
    return msgspec.json.format(msgspec.json.encode(told), indent=2) + b"\n"


def write(path: Path, told: object) -> None:
    """Write it as JSON; whoever reads meanwhile sees the old file or the new one."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    scratch.write_bytes(encoded(told))
    scratch.replace(path)


def read(path: Path) -> RunReport:
    """Return the report in `path`; raises BadReport."""
    try:
        return decoded(path.read_bytes(), str(path))
    except OSError as error:
        raise BadReport(f"{path} is no report: {error}") from error


def decoded(text: bytes, name: str) -> RunReport:
    """Return the report that `text` is; raises BadReport, which calls it `name`."""
    try:
        found = msgspec.json.decode(text, type=RunReport)
    except msgspec.DecodeError as error:
        raise BadReport(f"{name} is no report: {error}") from error
    if found.version != VERSION:
        raise BadReport(f"{name} has version {found.version}, not {VERSION}")
    return found


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
            for percent in PERCENTILES
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
