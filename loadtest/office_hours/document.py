"""A day as JSON."""

import json
from pathlib import Path
from typing import Any

from loadtest.office_hours.computed.comparison import Comparison
from loadtest.office_hours.computed.day import BY_MINUTE, BY_SECOND, Day
from loadtest.office_hours.computed.hours import Hours
from loadtest.office_hours.measuring import MeasuredCosts
from loadtest.office_hours.replay_by_clock import ReplayedByClock
from loadtest.office_hours.replay_by_load import FACTOR
from loadtest.office_hours.supervised import Replayed

VERSION = 1
"""Rises when a key changes its meaning or goes."""


def document(
    hours: Hours,
    boot_s: float,
    measured: MeasuredCosts,
    comparisons: list[Comparison],
    replayed: Replayed | None,
    by_clock: ReplayedByClock | None,
) -> dict[str, Any]:
    """Return everything that was measured, computed and seen."""
    fit = measured.fit
    return {
        "version": VERSION,
        "requests_an_hour": list(hours),
        "assumed": {"boot_s": boot_s},
        "measured": {
            "run_base_s": fit.base_s,
            "run_per_row_s": fit.per_row_s,
            "run_is_line": fit.is_line,
            "runs": [{"rows": each.rows, "median_s": each.median_s} for each in fit.points],
            "starts_s": [life.start_s for life in measured.lives],
            "end_s": measured.end_s,
            "dismissal_s": measured.dismissal_s,
            "turn": {
                "rows": measured.turn_rows,
                "computed_s": measured.computed_turn_s,
                "seen_s": list(measured.turns_s),
            },
        },
        "computed": [
            {
                "model": each.model,
                "ways": [
                    {"name": way.name, "own_machine": way.is_own, **_summary(way.day)}
                    for way in each.ways
                ],
            }
            for each in comparisons
        ],
        "replayed": _by_load(replayed) if replayed is not None else None,
        "replayed_by_clock": _by_clock(by_clock) if by_clock is not None else None,
    }


def write(path: Path, told: dict[str, Any]) -> None:
    """Write it."""
    path.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


def _by_load(replayed: Replayed) -> dict[str, Any]:
    return {"factor": FACTOR, **_replayed(replayed)}


def _by_clock(replayed: ReplayedByClock) -> dict[str, Any]:
    compression = replayed.compression
    told = _replayed(replayed.replayed)
    told["seen"] |= {
        "share_of_always_up": replayed.share,
        "utilisation": replayed.utilisation,
        "ahead_s": replayed.ahead_s,
        "after_s": replayed.after_s,
        "windows": [window._asdict() for window in replayed.windows],
    }
    return {
        "hours": compression.part.hours,
        "factor": compression.factor,
        "interval_s": compression.interval_s,
        "open": compression.expression,
        "files_a_document": compression.files,
        **told,
        "off": replayed.deviation,
        "off_again": replayed.deviation_again,
        "targets": [target._asdict() for target in replayed.targets],
    }


def _replayed(replayed: Replayed) -> dict[str, Any]:
    latencies_s = replayed.latencies_s
    return {
        "computed": {
            "worker_seconds": replayed.computed.up_s,
            "start_s": replayed.start_s,
            **_summary(replayed.computed),
        },
        "computed_again": _summary(replayed.again) if replayed.again is not None else None,
        "seen": {
            "worker_seconds": replayed.worker_s,
            "starts": len(replayed.ups),
            "starts_s": list(replayed.starts_s),
            "runs_slower": replayed.slower,
            "worst_wait_s": max(latencies_s, default=None),
            "mean_wait_s": sum(latencies_s) / len(latencies_s) if latencies_s else None,
            "requests": replayed.account.sent,
            "results": len(latencies_s),
            "lost": replayed.account.lost,
            "repeated": replayed.account.repeated,
            "errors": dict(replayed.account.errors),
        },
    }


def _summary(day: Day) -> dict[str, float | int]:
    """Return a day's figures."""
    return {
        "machine_hours_by_second": BY_SECOND.hours(day.ups),
        "machine_hours_by_minute": BY_MINUTE.hours(day.ups),
        "busy_s": day.busy_s,
        "utilisation": day.utilisation,
        "starts": len(day.ups),
        "worst_wait_s": day.worst_s,
        "mean_wait_s": day.mean_s,
        "requests": len(day.wait_s),
    }
