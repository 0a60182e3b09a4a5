"""The last minute, out of metric samples taken now and then. Pure: `now_s` is monotonic seconds.

Rule 1: counters only grow; who gathers those of processes that come and go adds them up before.
Rule 2: series that differ only in the label `worker` are one.
Rule 3: where a gauge is there without the label `worker`, it speaks for all workers.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, TypeAlias

from prometheus_client.samples import Sample

from daemon.telemetry import metric_names as names
from daemon.telemetry.distribution import Distribution

Labels: TypeAlias = tuple[tuple[str, str], ...]
Group: TypeAlias = tuple[str, ...]
"""Values of the labels that were asked for, in that order; "" for a label that is missing."""

WORKER = "worker"
"""The label that a supervisor gives to the samples of each worker."""

_COUNTED = ("_total", "_bucket", "_sum", "_count")
_STAGES = frozenset({"wait", "run"})
"""Stages that are shown; the others would double what a look costs."""
_SHOWN = (
    *(names.RECORDS, names.REQUESTS, names.REQUEST_SECONDS, names.STAGE_SECONDS),
    *(names.BATCH_ROWS, names.BATCH_FILL_RATIO, names.FLUSHES, names.EXECUTOR_BUSY),
    *(names.INPUT_ELEMENTS, names.PADDING_ELEMENTS),
    *(names.INFLIGHT_REQUESTS, names.INFLIGHT_BYTES, names.LAG_RECORDS, names.LAG_SECONDS),
    *(names.MODEL_INFO, names.DEGRADED, names.LAST_PROGRESS, names.REBALANCES, names.REPLAYS),
    *(names.DEAD_LETTERS, names.REQUESTS_LOST, names.EVENTS),
    *(names.CRASHES, names.SUSPECTS, names.SUSPECT_CRASHES),
    *(names.WAITING_RECORDS, names.WAITING_SECONDS, names.NEXT_OPENING, names.LAST_WINDOW),
    *(names.READY_BY, names.READY_BY_SLACK),
    *(names.RUN_START, names.RUN_ROW, names.RUN_MOST_ROWS, names.FULL_ROWS),
    *names.LARGEST.values(),
)
_SUMMED = (names.WINDOW_SECONDS, names.WINDOW_FILL_RATIO)
"""Histograms of which only the mean is shown."""
_LARGEST = frozenset(names.PREFIX + gauge.name for gauge in names.LARGEST.values())
_HISTOGRAM = ("_bucket", "_sum", "_count")
_FOLLOWED = frozenset(
    names.PREFIX + metric.name + suffix
    for metric in _SHOWN
    for suffix in (_HISTOGRAM if metric.kind == "histogram" else ("",))
) | {names.PREFIX + metric.name + suffix for metric in _SUMMED for suffix in ("_sum", "_count")}


class _Snapshot(NamedTuple):
    at_s: float
    totals: Mapping[str, Mapping[Labels, float]]
    workers: int


class Window:
    """Counters' increases over the last `span_s`, gauges as they are."""

    def __init__(self, *, span_s: float = 60.0, grain_s: float = 5.0) -> None:
        """A snapshot is kept each `grain_s`, so that memory is bounded however often one looks."""
        self._span_s = span_s
        self._grain_s = grain_s
        self._totals: dict[str, defaultdict[Labels, float]] = {}
        self._gauges: dict[str, dict[Labels, float]] = {}
        self._largest: dict[str, defaultdict[Labels, float]] = {}
        self._snapshots: list[_Snapshot] = []
        self._at_s = 0.0

    def observe(self, samples: Iterable[Sample], now_s: float) -> None:
        """Take all samples of a moment; those of other programs' metrics are passed over."""
        self._gauges, self._totals = {}, {}
        for sample in samples:
            if sample.name in _FOLLOWED and sample.labels.get("stage", "run") in _STAGES:
                labels = tuple(sample.labels.items())
                if sample.name in _LARGEST:
                    self._raise(sample.name, labels, sample.value)
                elif sample.name.endswith(_COUNTED):
                    self._count(sample.name, labels, sample.value)
                else:
                    self._gauges.setdefault(sample.name, {})[labels] = sample.value
        self._at_s = now_s
        self._keep(now_s)

    @property
    def seconds(self) -> float:
        """What time the increases are of; 0 before there are two snapshots."""
        return self._at_s - self._snapshots[0].at_s if self._snapshots else 0.0

    @property
    def at_s(self) -> float | None:
        """When it was last looked, None: never."""
        return self._at_s if self._snapshots else None

    @property
    def workers(self) -> float:
        """How many workers were seen, on average over the window."""
        seen = [snapshot.workers for snapshot in self._snapshots]
        return sum(seen) / len(seen) if seen else 0.0

    def total(self, metric: names.Metric, *by: str, suffix: str = "") -> dict[Group, float]:
        """Return a counter as it stands, added up by the labels `by`.

        `suffix`: which of a histogram's, "_count" or "_sum".
        """
        return _added(self._totals.get(names.PREFIX + metric.name + suffix, {}), by)

    def increase(self, metric: names.Metric, *by: str) -> dict[Group, float]:
        """Return by how much a counter grew in the window, added up by the labels `by`."""
        return _added(self._grown(names.PREFIX + metric.name), by)

    def rate(self, metric: names.Metric, *by: str) -> dict[Group, float]:
        """Return how fast a counter grew, a second; nothing before there is a window."""
        seconds = self.seconds
        if seconds <= 0:
            return {}
        return {group: value / seconds for group, value in self.increase(metric, *by).items()}

    def gauge(
        self,
        metric: names.Metric,
        *by: str,
        of: Callable[[Iterable[float]], float] = sum,
    ) -> dict[Group, float]:
        """Return a gauge's present values, combined by the labels `by`."""
        series = self._gauges.get(names.PREFIX + metric.name, {})
        whole = {labels: value for labels, value in series.items() if not _is_one_worker_s(labels)}
        values: dict[Group, list[float]] = defaultdict(list)
        for labels, value in (whole or series).items():
            values[_group(labels, by)].append(value)
        return {group: of(each) for group, each in values.items()}

    def distribution(self, metric: names.Metric, *by: str) -> dict[Group, Distribution]:
        """Return what a histogram counted in the window, by the labels `by`."""
        name = names.PREFIX + metric.name
        counts = _added(self._grown(name + "_bucket"), (*by, "le"))
        sums = _added(self._grown(name + "_sum"), by)
        buckets: dict[Group, dict[float, float]] = defaultdict(dict)
        for (*group, bound), count in counts.items():
            buckets[tuple(group)][float(bound)] = count
        largest = self._largest_of(metric, by)
        return {
            group: Distribution.of(each, total=sums.get(group, 0.0), largest=largest.get(group))
            for group, each in buckets.items()
        }

    def _largest_of(self, metric: names.Metric, by: Group) -> Mapping[Group, float]:
        """The largest ever seen, for that of the last minute is not known."""
        values: dict[Group, float] = {}
        if gauge := names.LARGEST.get(metric):
            for labels, value in self._largest.get(names.PREFIX + gauge.name, {}).items():
                group = _group(labels, by)
                values[group] = max(value, values.get(group, 0.0))
        return values

    def _raise(self, name: str, labels: Labels, value: float) -> None:
        series = self._largest.setdefault(name, defaultdict(float))
        whole = tuple(each for each in labels if each[0] != WORKER)
        series[whole] = max(series[whole], value)

    def _count(self, name: str, labels: Labels, value: float) -> None:
        whole = tuple(each for each in labels if each[0] != WORKER)
        self._totals.setdefault(name, defaultdict(float))[whole] += value

    def _keep(self, now_s: float) -> None:
        """Keep this snapshot if it is time, and of the old ones the last that spans the window."""
        kept = self._snapshots
        if not kept or now_s - kept[-1].at_s >= self._grain_s:
            kept.append(_Snapshot(now_s, self._totals, self._workers()))
        while len(kept) > 1 and now_s - kept[1].at_s >= self._span_s:
            del kept[0]

    def _grown(self, name: str) -> dict[Labels, float]:
        before = self._snapshots[0].totals.get(name, {}) if self._snapshots else {}
        now: Mapping[Labels, float] = self._totals.get(name, {})
        return {labels: value - before.get(labels, 0.0) for labels, value in now.items()}

    def _workers(self) -> int:
        return len(self._gauges.get(names.PREFIX + names.INFLIGHT_REQUESTS.name, {}))


def _added(series: Mapping[Labels, float], by: Group) -> dict[Group, float]:
    sums: dict[Group, float] = defaultdict(float)
    for labels, value in series.items():
        sums[_group(labels, by)] += value
    return dict(sums)


def _group(labels: Labels, by: Group) -> Group:
    named = dict(labels)
    return tuple(named.get(label, "") for label in by)


def _is_one_worker_s(labels: Labels) -> bool:
    return any(name == WORKER for name, _ in labels)
