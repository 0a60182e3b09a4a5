"""Reads what another run wrote with --json."""

from pathlib import Path

import msgspec

from loadtest.report.document import VERSION


class BadReport(Exception):
    """A file that is no report, or of another version; the message names it."""


class Figure(msgspec.Struct, frozen=True):
    """A value and its interval; None is infinite."""

    value: float | None
    interval: tuple[float | None, float | None]


class Times(msgspec.Struct, frozen=True):
    """Latencies of a class, in seconds."""

    samples: int
    percentiles: dict[str, Figure]


class Slice(msgspec.Struct, frozen=True):
    """A twentieth of a class's time."""

    p50_s: float | None
    p99_s: float | None
    p90_s: float | msgspec.UnsetType | None = msgspec.UNSET
    """Unset in reports that do not say it yet."""


class Class(msgspec.Struct, frozen=True):
    """What a report says of a class."""

    sent: int
    results: int
    errors: dict[str, int]
    missing: int
    duplicates: int
    wrong: int
    latency_s: Times
    throughput_per_s: Figure | None
    series: list[Slice]
    checked: int | None = None
    """None in reports that do not say it yet."""


class Report(msgspec.Struct, frozen=True):
    """The part of a report that is compared."""

    version: int
    scenario: str
    digest: str
    verdict: str
    doubts: list[str]
    classes: dict[str, Class]


def read(path: Path) -> Report:
    """Return the report in `path`; raises BadReport."""
    try:
        report = msgspec.json.decode(path.read_bytes(), type=Report)
    except (OSError, msgspec.DecodeError) as error:
        raise BadReport(f"{path} is no report: {error}") from error
    if report.version != VERSION:
        raise BadReport(f"{path} has version {report.version}, not {VERSION}")
    return report
