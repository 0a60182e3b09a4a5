"""What a one-shot run tells at its end, from its metrics. Pure; docs/one-shot.md lists the fields."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from math import inf
from typing import NamedTuple

from prometheus_client.samples import Sample

from daemon.telemetry import metric_names as names
from daemon.values.errors import Exit

_P99 = 0.99


class Outcome(NamedTuple):
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


def summary(outcome: Outcome, samples: Iterable[Sample]) -> Summary:
    """Return the summary; `samples` are those of daemon.telemetry.metrics."""
    told = _Told(samples)
    ends = told.by_label(names.REQUESTS, "outcome")
    results, dead = ends.pop(names.OK, 0), ends.pop(names.DEAD_LETTER, 0)
    batches = told.total(names.BATCH_FILL_RATIO, "_count")
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
        batches=int(batches),
        mean_fill=round(told.total(names.BATCH_FILL_RATIO, "_sum") / batches, 4)
        if batches
        else None,
        wall_s=round(outcome.wall_s, 3),
        busy_s=round(float(told.total(names.EXECUTOR_BUSY)), 3),
        p99_s=_rounded(quantile(told.buckets(names.REQUEST_SECONDS), _P99)),
    )


def quantile(buckets: Mapping[float, float], share: float) -> float | None:
    """Return the `share`-quantile, interpolated in its bucket as Prometheus does.

    `buckets` are counts up to each upper bound, infinity included. None when there is nothing, or
    when it lies above the last bound, so that all that is known is that it is large.
    Source: https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile
    """
    bounds = sorted(buckets)
    total = buckets[bounds[-1]] if bounds else 0
    rank = share * total
    below, lower = 0.0, 0.0
    for bound in bounds:
        count = buckets[bound]
        if total and count >= rank:
            return (
                None if bound == inf else lower + (bound - lower) * (rank - below) / (count - below)
            )
        below, lower = count, bound
    return None


class _Told:
    """The samples of a registry, by name."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        self._samples: defaultdict[str, list[Sample]] = defaultdict(list)
        for sample in samples:
            self._samples[sample.name].append(sample)

    def _of(self, metric: names.Metric, suffix: str = "") -> list[Sample]:
        return self._samples[names.PREFIX + metric.name + suffix]

    def total(self, metric: names.Metric, suffix: str = "") -> float:
        return sum(sample.value for sample in self._of(metric, suffix))

    def by_label(self, metric: names.Metric, label: str) -> dict[str, int]:
        totals: defaultdict[str, int] = defaultdict(int)
        for sample in self._of(metric):
            totals[sample.labels[label]] += int(sample.value)
        return dict(sorted(totals.items()))

    def buckets(self, metric: names.Metric) -> Mapping[float, float]:
        counts: defaultdict[float, float] = defaultdict(float)
        for sample in self._of(metric, "_bucket"):
            counts[float(sample.labels["le"])] += sample.value
        return counts


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 4)
