"""What a one-shot run tells at its end, from its metrics. Pure; docs/one-shot.md lists the fields."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from daemon.telemetry import metric_names as names
from daemon.telemetry.distribution import Distribution
from daemon.values.errors import Exit

_P99 = 0.99


class RunOutcome(NamedTuple):
    """How the run ended; `due` and `left` are offsets of the whole group, None when unknown."""

    exit_code: Exit
    reason: str
    due: int | None
    left: int | None
    lost: int
    wall_s: float


class Summary(NamedTuple):
    """One run; all counts but `due` and `left` are this worker's own."""

    exit_code: int
    reason: str
    due: int | None
    """Offsets that the group had before it when the run began."""
    left: int | None
    """Those of them without a commit at the end."""
    lost: int
    """Due offsets that Kafka deleted before a commit had them, or this worker could read them."""
    requests: int
    """Requests whose end the broker has: results, error replies and dead letters."""
    results: int
    errors: Mapping[str, int]
    """Error replies by code."""
    dead_letters: int
    batches: int
    mean_fill: float | None
    """Rows of a batch over its lane's N, on average."""
    wall_s: float
    busy_s: float
    """Time for which the model ran."""
    p99_s: float | None
    """Of the times from a record's timestamp to its acknowledged answer."""


class Counted(Protocol):
    """What this worker counted; see daemon.telemetry.metrics.Metrics."""

    def total(self, metric: names.Metric) -> float:
        """Return the value of a counter, all its labels together."""

    def by_label(self, metric: names.Metric, label: str) -> Mapping[str, float]:
        """Return the values of a counter by one of its labels."""

    def distribution(self, metric: names.Metric) -> Distribution:
        """Return what a histogram observed, all its labels together."""


def summary(outcome: RunOutcome, counted: Counted) -> Summary:
    """Return the summary of a run that ended so, and counted that."""
    by_outcome = counted.by_label(names.REQUESTS, "outcome")
    ends = {each: int(count) for each, count in sorted(by_outcome.items())}
    results, dead = ends.pop(names.OK, 0), ends.pop(names.DEAD_LETTER, 0)
    fills = counted.distribution(names.BATCH_FILL_RATIO)
    return Summary(
        exit_code=int(outcome.exit_code),
        reason=outcome.reason,
        due=outcome.due,
        left=outcome.left,
        lost=outcome.lost,
        requests=results + sum(ends.values()) + dead,
        results=results,
        errors=ends,
        dead_letters=dead,
        batches=int(fills.observations),
        mean_fill=_rounded(fills.mean),
        wall_s=round(outcome.wall_s, 3),
        busy_s=round(float(counted.total(names.EXECUTOR_BUSY)), 3),
        p99_s=_rounded(counted.distribution(names.REQUEST_SECONDS).quantile(_P99)),
    )


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 4)
