"""The part of a JSON report that the page is made of. What older reports lack is empty."""

from pathlib import Path

import msgspec

from loadtest.compare.reports import BadReport
from loadtest.report.document import VERSION, Json


class Estimate(msgspec.Struct, frozen=True):
    """A value and its interval; None is infinite or not known."""

    value: float | None
    interval: tuple[float | None, float | None]


class Times(msgspec.Struct, frozen=True):
    """Latencies in seconds; the histogram is HdrHistogram's, in microseconds."""

    samples: int
    percentiles: dict[str, Estimate]
    longest: float | None
    histogram_us: str
    longest_seen: float | None = None
    """Without those that never came; None in reports that do not say it yet."""


class OverTime(msgspec.Struct, frozen=True):
    """See loadtest.verdict.course.Course."""

    interval_s: float
    from_s: list[float]
    planned: list[int]
    sent: list[int]
    results: list[int]
    failures: list[int]
    missing: list[int]
    waiting: list[int]
    p50_s: list[float | None]
    p99_s: list[float | None]
    longest_s: list[float | None]


class Band(msgspec.Struct, frozen=True):
    """See loadtest.verdict.bands.Band."""

    percent: float
    samples: int
    latency_s: float
    stations_s: dict[str, float]


class Class(msgspec.Struct, frozen=True):
    """A class of requests, or all of them."""

    planned: int
    sent: int
    results: int
    errors: dict[str, int]
    missing: int
    refused: int
    duplicates: int
    wrong: int
    latency_s: Times
    send_delay_s: Times
    throughput_per_s: Estimate | None
    checked: int | None = None
    """None in reports that do not say it yet."""
    over_time: OverTime | None = None
    bands: list[Band] = []
    batch_rows: dict[str, int] = {}


class Target(msgspec.Struct, frozen=True):
    """A target and how it came out."""

    target: str
    outcome: str
    value: float | None
    interval: tuple[float | None, float | None] | None
    bound: float | None
    margin: float | None
    why: str
    leeway: float = 0.0


class Flushes(msgspec.Struct, frozen=True):
    """Batches of a lane that closed for one cause, over time."""

    lane: str
    cause: str
    batches: list[float]


class Daemon(msgspec.Struct, frozen=True):
    """The daemon over time, by its metrics."""

    at_s: list[float]
    busy: list[float | None]
    lag_records: list[float | None]
    flushes: list[Flushes]


class Setting(msgspec.Struct, frozen=True):
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


class Report(msgspec.Struct, frozen=True):
    """The part of a report that is shown."""

    version: int
    scenario: str
    description: str
    digest: str
    seed: int
    capacity_per_s: float | None
    began: str
    took_s: float
    verdict: str
    exit_code: int
    doubts: list[str]
    targets: list[Target]
    whole: Class
    classes: dict[str, Class]
    daemon_over_time: Daemon | None = None
    served_by: dict[str, int] = {}
    setting: Setting = Setting()


def read(path: Path) -> Report:
    """Return the report in `path`; raises BadReport."""
    try:
        return _checked(msgspec.json.decode(path.read_bytes(), type=Report), str(path))
    except (OSError, msgspec.DecodeError) as error:
        raise BadReport(f"{path} is no report: {error}") from error


def taken(document: dict[str, Json]) -> Report:
    """Return the report that a run has just made; raises BadReport."""
    try:
        return _checked(msgspec.convert(document, Report), "this run's report")
    except msgspec.ValidationError as error:
        raise BadReport(f"this run's report cannot be shown: {error}") from error


def _checked(report: Report, name: str) -> Report:
    if report.version != VERSION:
        raise BadReport(f"{name} has version {report.version}, not {VERSION}")
    return report
