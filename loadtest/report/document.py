"""The report for programs: JSON with a version. Pure but for the file."""

import json
import math
import os
from pathlib import Path
from typing import TypeAlias

from loadtest.report import detail
from loadtest.verdict.blocks import Estimate
from loadtest.verdict.figures import Figures
from loadtest.verdict.findings import Findings
from loadtest.verdict.judge import Ruling
from loadtest.verdict.latencies import Latencies
from loadtest.verdict.verdict import Verdict

VERSION = 1
"""Raised when a key changes its meaning or goes; new keys may come at any time."""
PERCENTILES = (50.0, 90.0, 95.0, 99.0, 99.9)

Json: TypeAlias = detail.Json


def document(about: dict[str, Json], findings: Findings, verdict: Verdict) -> dict[str, Json]:
    """Return the report; `about` says which scenario it was, when and where.

    Times are seconds. Infinity and what was not measured are null.
    """
    return {
        "version": VERSION,
        **about,
        "verdict": verdict.word.value,
        "exit_code": int(verdict.exit),
        "doubts": list(verdict.doubts),
        "targets": [_target(ruling) for ruling in verdict.rulings],
        "whole": _figures(findings.whole),
        "classes": {
            name: {
                **_figures(figures),
                "series": [
                    {key: _finite(value) for key, value in each._asdict().items()}
                    for each in findings.series[name]
                ],
                **detail.of_class(findings.detail, name),
            }
            for name, figures in findings.by_class.items()
        },
        "warm_up": _figures(findings.warm_up) if findings.warm_up else None,
        "daemon": findings.daemon
        and {key: _finite(value) for key, value in findings.daemon._asdict().items()},
        "daemon_over_time": detail.of_daemon(findings.detail.looks),
        "served_by": dict(findings.detail.served_by),
        "load_tester": {
            "cpu_share": _finite(findings.cpu_share),
            "timers_late_s": _latencies(findings.pulse),
            "replies_to_others": findings.foreign,
            "failed_sends": list(findings.failed_sends[:10]),
        },
    }


def write(path: Path, told: dict[str, Json]) -> None:
    """Write it; whoever reads meanwhile sees the old file or the new one."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    scratch.write_text(json.dumps(told, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    scratch.replace(path)


def _target(ruling: Ruling) -> Json:
    return {
        "target": ruling.target.text,
        "outcome": ruling.outcome.value,
        "value": _finite(ruling.value),
        "interval": ruling.interval and [_finite(each) for each in ruling.interval],
        "bound": _finite(ruling.bound),
        "leeway": ruling.leeway,
        "margin": _finite(ruling.margin),
        "why": ruling.why,
    }


def _figures(figures: Figures) -> dict[str, Json]:
    return {
        "planned": figures.planned,
        "sent": figures.sent,
        "answered": figures.answered,
        "results": figures.results,
        "errors": dict(figures.errors),
        "expired": figures.expired,
        "missing": figures.missing,
        "in_flight": figures.in_flight,
        "refused": figures.refused,
        "duplicates": figures.duplicates,
        "checked": figures.checked,
        "wrong": figures.wrong,
        "latency_s": _latencies(figures.latencies),
        "send_delay_s": _latencies(figures.lateness),
        "acknowledgement_s": _latencies(figures.acknowledgement),
        "stages_s": {name: _latencies(each) for name, each in figures.stages.items()},
        "drain_s": _finite(figures.drain_s),
        "throughput_per_s": _estimate(figures.throughput),
        "lag_slope_per_s": _estimate(figures.lag_slope),
    }


def _latencies(latencies: Latencies) -> dict[str, Json]:
    return {
        "samples": latencies.samples,
        "mean": _finite(latencies.mean_s),
        "percentiles": {
            f"{percent:g}": {
                "value": _finite(latencies.percentile(percent)),
                "interval": [_finite(each) for each in latencies.interval(percent)],
            }
            for percent in PERCENTILES
        },
        "longest": _finite(latencies.longest_s),
        "longest_seen": _finite(latencies.longest_seen_s),
        "histogram_us": latencies.encoded(),
    }


def _estimate(estimate: Estimate | None) -> Json:
    if estimate is None:
        return None
    interval: list[Json] = [_finite(each) for each in estimate.interval]
    return {"value": _finite(estimate.value), "interval": interval}


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
