"""The report for programs: JSON with a version. Pure but for the file.

These classes are all that is written and all that is read: a comparison and the page take them as they
are. What goes over time is as it was measured (loadtest.verdict.course, .series, .bands,
.daemon_course). Times are seconds; infinity and what was not measured are None. A key with a default is
one that older reports lack.
"""

import os
from pathlib import Path
from typing import TypeAlias

import msgspec

from loadtest.verdict.bands import Band
from loadtest.verdict.course import Course
from loadtest.verdict.daemon_course import DaemonCourse
from loadtest.verdict.series import Slice

VERSION = 1
"""Raised when a key changes its meaning or goes; new keys may come at any time."""

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
