"""The rates of a class of requests, as segments. Reads the trace; else pure."""

import csv
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from loadtest.plan.rates import Segment
from loadtest.scenario.load import BadScenario
from loadtest.scenario.model import Traffic

_COLUMNS = ("at_s", "rate_per_s")


def segments(traffic: Traffic, capacity_per_s: float | None) -> list[Segment]:
    """Return the segments of an open-loop class with a rate; raises BadScenario."""
    if traffic.rate is not None and traffic.duration is not None:
        per_s = traffic.rate.per_s(capacity_per_s)
        return [Segment(traffic.duration, per_s, per_s)]
    if traffic.ramp is not None and traffic.duration is not None:
        first, last = traffic.ramp.first, traffic.ramp.last
        return [Segment(traffic.duration, first.per_s(capacity_per_s), last.per_s(capacity_per_s))]
    if traffic.steps is not None:
        rates = [step.rate.per_s(capacity_per_s) for step in traffic.steps]
        return [
            Segment(step.duration, per_s, per_s)
            for step, per_s in zip(traffic.steps, rates, strict=True)
        ]
    if traffic.trace is not None:
        return _traced(traffic.trace, traffic.speed, traffic.scale)
    raise ValueError("a class without a rate has no segments")


def _traced(path: Path, speed: float, scale: float) -> list[Segment]:
    """Return each row's rate until the next row's time; the last row only ends it."""
    rows = _rows(path)
    if len(rows) < 2 or any(after[0] <= before[0] for before, after in pairwise(rows)):  # noqa: PLR2004 - a start and an end
        raise BadScenario(f"{path}: needs at least two rows whose at_s rise")
    return [
        Segment((until_s - from_s) / speed, per_s * speed * scale, per_s * speed * scale)
        for (from_s, per_s), (until_s, _) in pairwise(rows)
    ]


def _rows(path: Path) -> Sequence[tuple[float, float]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return [_numbers(row) for row in csv.DictReader(file)]
    except OSError as error:
        raise BadScenario(f"the trace {path} cannot be read: {error}") from error
    except (KeyError, TypeError, ValueError) as error:
        columns = " and ".join(_COLUMNS)
        raise BadScenario(f"{path}: needs the columns {columns} with numbers from 0 on") from error


def _numbers(row: dict[str, str]) -> tuple[float, float]:
    at_s, per_s = (float(row[column]) for column in _COLUMNS)
    if at_s < 0 or per_s < 0:
        raise ValueError("negative")
    return at_s, per_s
