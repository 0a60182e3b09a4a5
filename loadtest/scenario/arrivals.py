"""When the requests of a class arrive: the shape of its load, and the process within it.

A *shape* is a key of the class, of which it has exactly one: a field of `Arrival` and an entry of
`SHAPES`. A *process* is a word of its key `arrivals` (arrival_processes.py). Traces are read from
their files; all else is pure.
"""

import csv
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated, NamedTuple, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from loadtest.scenario.arrival_processes import PROCESSES, at_once
from loadtest.scenario.quantities import AnyRate, Duration
from loadtest.scenario.rates import Segment, Times, due_s, requests_of

_TRACE_COLUMNS = ("at_s", "rate_per_s")


class BadTrace(Exception):
    """A trace cannot be read; the message names the file."""


class ScenarioTable(BaseModel):
    """A table of a scenario file."""

    model_config = ConfigDict(extra="forbid", frozen=True)


# What a scenario says


class Ramp(ScenarioTable):
    """A rate that rises or falls evenly."""

    first: AnyRate = Field(alias="from", description="rate at its beginning")
    last: AnyRate = Field(alias="to", description="rate at its end")


class Step(ScenarioTable):
    """A rate for a while."""

    rate: AnyRate = Field(description="rate of the step")
    duration: Duration = Field(gt=0, description="how long it holds")


def _known(process: str) -> str:
    if process not in PROCESSES:
        raise ValueError(f"must be one of {', '.join(PROCESSES)}")
    return process


class Arrival(ScenarioTable):
    """How the requests of a class arrive; it has exactly one of the keys of SHAPES."""

    start: Duration = Field(0.0, description="when its first request may leave")
    rate: AnyRate | None = Field(None, description='"200/s"; "2x": twice the measured capacity')
    ramp: Ramp | None = Field(None, description="a rate that changes evenly over `duration`")
    steps: tuple[Step, ...] | None = Field(None, description="rates one after the other")
    trace: Path | None = Field(
        None, description="CSV with the columns at_s and rate_per_s; its last row is its end"
    )
    backlog: int | None = Field(None, ge=1, description="so many requests at once")
    in_flight: int | None = Field(
        None, ge=1, description="closed loop: so many requests wait at any time; hides stalls"
    )
    duration: Duration | None = Field(
        None, gt=0, description="how long it sends; for rate, ramp and in_flight"
    )
    arrivals: Annotated[str, AfterValidator(_known)] = Field(
        "poisson", description="even gaps, those of independent users, or clustered ones"
    )
    burstiness: float = Field(
        3.0,
        gt=0,
        description="bursty: standard deviation of the gaps over their mean; poisson is 1",
    )
    speed: float = Field(1.0, gt=0, description="trace: replayed so many times as fast")
    scale: float = Field(1.0, gt=0, description="trace: its rates times this")

    @model_validator(mode="after")
    def _one_shape(self) -> Self:
        given = [key for key in SHAPES if getattr(self, key) is not None]
        if len(given) != 1:
            raise ValueError(f"needs exactly one of {', '.join(SHAPES)}")
        needs_duration = SHAPES[given[0]].needs_duration
        if needs_duration != (self.duration is not None):
            needs = "needs a duration" if needs_duration else "has its own duration"
            raise ValueError(f"{given[0]} {needs}")
        return self

    @property
    def shape(self) -> "Shape":
        """The one that it has."""
        return next(shape for key, shape in SHAPES.items() if getattr(self, key) is not None)

    @property
    def rates(self) -> Sequence[AnyRate]:
        """All rates it names."""
        return self.shape.rates(self)

    def times_s(self, seed: int, capacity_per_s: float | None) -> Times:
        """Return when its requests are due, the same for the same seed; raises BadTrace.

        None are due by themselves in a closed loop. `capacity_per_s`: for rates such as 2x.
        """
        return self.start + self.shape.times_s(self, seed, capacity_per_s)


# Shapes


class Shape(NamedTuple):
    """One way to offer load.

    Attributes:
        times_s: when requests are due, by the arrival, a seed and the capacity.
        rates: those that the scenario names.
        needs_duration: whether the class says how long; else the shape does.
        is_paced: whether requests have times of their own, so that each can leave late.
    """

    times_s: Callable[[Arrival, int, float | None], Times]
    rates: Callable[[Arrival], Sequence[AnyRate]] = lambda _: ()
    needs_duration: bool = False
    is_paced: bool = True


def _of_rates(
    segments: Callable[[Arrival, float | None], Sequence[Segment]],
) -> Callable[[Arrival, int, float | None], Times]:
    """Return the times of a shape that is made of rates."""

    def times_s(arrival: Arrival, seed: int, capacity_per_s: float | None) -> Times:
        rates = segments(arrival, capacity_per_s)
        wanted = requests_of(rates)
        counts = PROCESSES[arrival.arrivals](wanted, seed, arrival.burstiness)
        return due_s(counts[counts < wanted], rates)

    return times_s


def _steady(arrival: Arrival, capacity_per_s: float | None) -> Sequence[Segment]:
    (per_s,) = (rate.per_s(capacity_per_s) for rate in arrival.rates)
    return [Segment(arrival.duration or 0.0, per_s, per_s)]


def _rising(arrival: Arrival, capacity_per_s: float | None) -> Sequence[Segment]:
    first_per_s, last_per_s = (rate.per_s(capacity_per_s) for rate in arrival.rates)
    return [Segment(arrival.duration or 0.0, first_per_s, last_per_s)]


def _stepped(arrival: Arrival, capacity_per_s: float | None) -> Sequence[Segment]:
    rates = [rate.per_s(capacity_per_s) for rate in arrival.rates]
    return [
        Segment(step.duration, per_s, per_s)
        for step, per_s in zip(arrival.steps or (), rates, strict=True)
    ]


def _traced(arrival: Arrival, _capacity_per_s: float | None) -> Sequence[Segment]:
    """Return each row's rate until the next row's time; the last row only ends it."""
    path, speed, scale = arrival.trace or Path(), arrival.speed, arrival.scale
    rows = _rows(path)
    if len(rows) < 2 or any(after[0] <= before[0] for before, after in pairwise(rows)):  # noqa: PLR2004 - a start and an end
        raise BadTrace(f"{path}: needs at least two rows whose at_s rise")
    return [
        Segment((until_s - from_s) / speed, per_s * speed * scale, per_s * speed * scale)
        for (from_s, per_s), (until_s, _) in pairwise(rows)
    ]


def _waiting(arrival: Arrival, _seed: int, _capacity_per_s: float | None) -> Times:
    return at_once(arrival.backlog or 0)


def _by_replies(_arrival: Arrival, _seed: int, _capacity_per_s: float | None) -> Times:
    return at_once(0)


SHAPES: dict[str, Shape] = {
    "rate": Shape(_of_rates(_steady), lambda a: [a.rate] if a.rate else [], needs_duration=True),
    "ramp": Shape(
        _of_rates(_rising),
        lambda a: [a.ramp.first, a.ramp.last] if a.ramp else [],
        needs_duration=True,
    ),
    "steps": Shape(_of_rates(_stepped), lambda a: [step.rate for step in a.steps or ()]),
    "trace": Shape(_of_rates(_traced)),
    "backlog": Shape(_waiting, is_paced=False),
    "in_flight": Shape(_by_replies, needs_duration=True, is_paced=False),
}
"""The keys of which each class has exactly one: how its requests are offered."""


def _rows(path: Path) -> Sequence[tuple[float, float]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return [_numbers(row) for row in csv.DictReader(file)]
    except OSError as error:
        raise BadTrace(f"the trace {path} cannot be read: {error}") from error
    except (KeyError, TypeError, ValueError) as error:
        columns = " and ".join(_TRACE_COLUMNS)
        raise BadTrace(f"{path}: needs the columns {columns} with numbers from 0 on") from error


def _numbers(row: dict[str, str]) -> tuple[float, float]:
    at_s, per_s = (float(row[column]) for column in _TRACE_COLUMNS)
    if at_s < 0 or per_s < 0:
        raise ValueError("negative")
    return at_s, per_s
