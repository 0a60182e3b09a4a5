"""What happened, counted for Prometheus.

Rule 1: nothing is called per request. Stations report a batch or a chunk at a time.
Rule 2: what can be read when somebody asks (`bind`) is not counted before.
All of it happens on the event loop, the scrape included, so that nothing needs a lock.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import NamedTuple, TypeAlias, get_args

import numpy as np
import numpy.typing as npt
import prometheus_client
from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector, CollectorRegistry
from prometheus_client.samples import Sample

from daemon.telemetry import metric_names as names
from daemon.telemetry.distribution import Distribution
from daemon.telemetry.histograms import Histogram, Seconds
from daemon.telemetry.lane_work import LaneWork
from daemon.telemetry.status.waits import Runs
from daemon.values.errors import Code
from daemon.values.messages import FlushCause, Record
from daemon.values.ports import Suspected
from daemon.values.record_columns import timestamps_ms
from daemon.values.reply_run import Leaving, ReplyRun
from daemon.windows.window import Outcome, WindowEnd
from runtime import Model

Labels: TypeAlias = tuple[str, ...]


class Gauges(NamedTuple):
    """What is read at the time of a scrape; cheap, never blocking."""

    inflight_requests: Callable[[], int]
    inflight_bytes: Callable[[], int]
    lag_records: Callable[[], Mapping[str, float]]
    """By topic."""
    lag_seconds: Callable[[], Mapping[str, float]]
    """By topic."""
    suspected: Callable[[], Mapping[tuple[str, int], Suspected]]
    """By topic and partition number."""
    waiting_records: Callable[[], Mapping[str, float]] = dict
    """For their lane to open, by topic."""
    waiting_seconds: Callable[[], Mapping[str, float]] = dict
    """By topic."""
    next_openings: Callable[[], Mapping[tuple[str, str], float]] = dict
    """By lane and topic, in seconds since the epoch."""
    ready_by: Callable[[], Mapping[str, float]] = dict
    """By lane, in seconds since the epoch."""
    ready_by_slack: Callable[[], Mapping[str, float]] = dict
    """By lane, in seconds."""
    runs: Callable[[], Mapping[str, Runs]] = dict
    """By model."""
    full_rows: Callable[[], Mapping[str, float]] = dict
    """By lane."""


class Metrics(Collector):
    """The worker's metrics, on a registry of their own; methods are named for what happened."""

    def __init__(self, events: Callable[[], Mapping[str, int]] = dict) -> None:
        """`events`: how often each was logged, by name; see daemon.telemetry.logs.counts."""
        self._events = events
        self._values: dict[names.Metric, defaultdict[Labels, float]] = {
            metric: defaultdict(float)
            for metric in names.WORKER_METRICS
            if metric.kind != "histogram"
        }
        self._histograms: dict[names.Metric, dict[Labels, Histogram]] = {
            metric: {} for metric in names.WORKER_METRICS if metric.kind == "histogram"
        }
        self._filled: defaultdict[str, float] = defaultdict(float)
        self._gauges: Gauges | None = None
        self._models: Mapping[str, Model] = {}
        for metric in (names.REBALANCES, names.REPLAYS, names.REQUESTS_LOST, names.CRASHES):
            self._values[metric][()] = 0.0  # a counter without labels is there from the start
        self.registry = CollectorRegistry()
        self.registry.register(self)
        prometheus_client.ProcessCollector(registry=self.registry)
        prometheus_client.GCCollector(registry=self.registry)

    def bind(self, gauges: Gauges) -> None:
        """Take the functions that are asked at each scrape."""
        self._gauges = gauges

    def bind_models(self, serving: Mapping[str, Model]) -> None:
        """Take the models that serve, by name: a view, which is looked at in each scrape."""
        self._models = serving

    def received(
        self, lane: str, records: Sequence[Record], *, unreadable: int = 0, wall_s: float
    ) -> None:
        """Records were fetched for `lane` at `wall_s`, and found `unreadable` ones beside them."""
        self._values[names.RECORDS][lane,] += len(records) + unreadable
        self.stage(lane, "broker", _ages(timestamps_ms(records), wall_s))

    def skewed(self, lane: str, count: int) -> None:
        """The timestamps of `count` records were in the future."""
        self._values[names.CLOCK_SKEW][lane,] += count

    def settled(self, lane: str, outcome: str, count: int, seconds: Seconds) -> None:
        """The broker has `count` answers; `outcome` is OK, a Code or DEAD_LETTER.

        `answered` does the same from the answers themselves. `seconds`: from each record's timestamp
        till now; NaN where there is no timestamp.
        """
        self._values[names.REQUESTS][lane, outcome] += count
        self._observe(names.REQUEST_SECONDS, (lane,), seconds)

    def answered(self, lane: str, answers: Sequence[Leaving], *, wall_s: float) -> None:
        """The broker has `answers`, all of `lane`, since `wall_s`."""
        stamps: dict[tuple[Code | None, bool], list[int]] = {}
        for answer in answers:
            if isinstance(answer, ReplyRun):
                self.settled(lane, names.OK, answer.count, _ages(answer.timestamps_ms, wall_s))
            else:
                stamps.setdefault((answer.code, answer.dead), []).append(answer.record.timestamp)
        for (code, dead), group in stamps.items():
            outcome = names.DEAD_LETTER if dead else (code or names.OK)
            self.settled(lane, outcome, len(group), _ages(group, wall_s))
            if code is not None and (dead or code is Code.CRASHED_WORKER):  # that has both
                self.dead_letter(code, len(group))
        self.progress(wall_s)

    def handed_back(self, lane: str, count: int) -> None:
        """`count` requests are left to another worker, unanswered."""
        self._values[names.HANDED_BACK][lane,] += count

    def stage(self, lane: str, stage: names.Stage, seconds: Seconds | float) -> None:
        """Requests of `lane` have spent `seconds` at `stage`; a float: all of them together."""
        self._observe(names.STAGE_SECONDS, (lane, stage), seconds)

    def batch(self, model: str, lane: str, rows: int, fill_ratio: float, cause: FlushCause) -> None:
        """A batch was closed."""
        self._observe(names.BATCH_ROWS, (model,), float(rows))
        self._observe(names.BATCH_FILL_RATIO, (model,), min(fill_ratio, 1.0))
        self._filled[lane] += min(fill_ratio, 1.0)
        self._values[names.FLUSHES][lane, cause] += 1

    def padded(self, model: str, elements: int, padding: int) -> None:
        """A batch was padded: its inputs had so many elements, and `padding` of them filled rows up."""
        self._values[names.INPUT_ELEMENTS][model,] += elements
        self._values[names.PADDING_ELEMENTS][model,] += padding

    def executor_busy(self, model: str, seconds: float) -> None:
        """The executor ran `model` for `seconds`."""
        self._values[names.EXECUTOR_BUSY][model,] += seconds

    def search_run(self, model: str, seconds: float) -> None:
        """A search for culprits ran `model` once, for `seconds`."""
        self._values[names.SEARCH_RUNS][model,] += 1
        self._values[names.SEARCH_SECONDS][model,] += seconds

    def out_of_memory(self, model: str) -> None:
        """There was no memory for a run of `model`."""
        self._values[names.OUT_OF_MEMORY][model,] += 1

    def batch_difference(self, model: str) -> None:
        """A request got another answer of `model` alone than beside others."""
        self._values[names.BATCH_DIFFERENCES][model,] += 1

    def dead_letter(self, code: Code, count: int) -> None:
        """The broker has `count` dead letters."""
        self._values[names.DEAD_LETTERS][code,] += count

    def rebalance(self) -> None:
        """The group gave this worker an assignment."""
        self._values[names.REBALANCES][()] += 1

    def replayed(self, count: int) -> None:
        """`count` records were fetched again."""
        self._values[names.REPLAYS][()] += count

    def lost(self, count: int) -> None:
        """`count` offsets were deleted before they were read."""
        self._values[names.REQUESTS_LOST][()] += count

    def crashed(self, count: int) -> None:
        """`count` workers were found to have died with partitions that are this one's now."""
        self._values[names.CRASHES][()] += count

    def opens_by_clock(self, lane: str) -> None:
        """Moments of `lane` are counted from zero on, so that the first is an increase."""
        for outcome in get_args(Outcome):
            self._values[names.WINDOW_OPENINGS][lane, outcome] += 0.0

    def window_ended(self, lane: str, ended: WindowEnd, fill_ratio: float | None) -> None:
        """A window of `lane` is over; `fill_ratio` of its batches, None: there were none."""
        self._values[names.WINDOW_OPENINGS][lane, ended.outcome] += 1
        self._values[names.LAST_WINDOW][lane, ended.outcome] = ended.moment_s
        if ended.outcome != "missed":
            self._observe(names.WINDOW_DELAY, (lane,), ended.delay_s)
            self._observe(names.WINDOW_SECONDS, (lane,), ended.open_s)
        if fill_ratio is not None:
            self._observe(names.WINDOW_FILL_RATIO, (lane,), fill_ratio)

    def work(self, lane: str) -> LaneWork:
        """Return what was done for `lane` since the start."""
        answers = {
            outcome: count
            for (name, outcome), count in self._values[names.REQUESTS].items()
            if name == lane
        }
        flushes = self._values[names.FLUSHES].items()
        runs = self._histograms[names.STAGE_SECONDS].get((lane, "run"))
        return LaneWork(
            records=self._values[names.RECORDS].get((lane,), 0.0),
            results=answers.get(names.OK, 0.0),
            errors=sum(count for outcome, count in answers.items() if outcome != names.OK),
            batches=sum(
                count for (name, cause), count in flushes if name == lane and cause != "slice"
            ),
            filled=self._filled.get(lane, 0.0),
            run_s=runs.total if runs else 0.0,
        )

    def progress(self, wall_s: float) -> None:
        """An answer was acknowledged at `wall_s`, seconds since the epoch."""
        self._values[names.LAST_PROGRESS][()] = wall_s

    def total(self, metric: names.Metric) -> float:
        """Return the value of a counter, all its labels together."""
        return sum(self._values[metric].values())

    def by_label(self, metric: names.Metric, label: str) -> Mapping[str, float]:
        """Return the values of a counter by one of its labels."""
        place = metric.labels.index(label)
        totals: defaultdict[str, float] = defaultdict(float)
        for labels, value in self._values[metric].items():
            totals[labels[place]] += value
        return totals

    def distribution(self, metric: names.Metric) -> Distribution:
        """Return what a histogram observed, all its labels together."""
        observed = self._histograms[metric].values()
        buckets: defaultdict[float, float] = defaultdict(float)
        for histogram in observed:
            for bound, count in histogram.cumulated():
                buckets[bound] += count
        return Distribution.of(
            buckets,
            total=sum(histogram.total for histogram in observed),
            largest=max((histogram.largest for histogram in observed), default=None),
        )

    def collect(self) -> Iterator[Family]:
        """Yield all metrics with their present values."""
        self._ask_gauges()
        self._look_at_models()
        for metric in names.WORKER_METRICS:
            family = Family(names.PREFIX + _family(metric), metric.meaning, metric.kind)
            if metric.kind == "histogram":
                self._add_histogram(family, metric)
                self._note_largest(metric)
            else:
                for labels, value in self._values[metric].items():
                    family.add_sample(names.PREFIX + metric.name, _named(metric, labels), value)
            yield family

    def describe(self) -> list[Family]:
        """Return nothing: names are checked by the table, not by a collection at registration."""
        return []

    def _observe(self, metric: names.Metric, labels: Labels, values: Seconds | float) -> None:
        histograms = self._histograms[metric]
        histogram = histograms.get(labels)
        if histogram is None:
            histogram = histograms[labels] = Histogram(metric.bounds)
        histogram.observe((values,) if isinstance(values, float) else values)

    def _ask_gauges(self) -> None:
        self._replace(names.EVENTS, self._events())
        if self._gauges is None:
            return
        self._values[names.INFLIGHT_REQUESTS][()] = self._gauges.inflight_requests()
        self._values[names.INFLIGHT_BYTES][()] = self._gauges.inflight_bytes()
        self._replace(names.LAG_RECORDS, self._gauges.lag_records())
        self._replace(names.LAG_SECONDS, self._gauges.lag_seconds())
        self._replace(names.WAITING_RECORDS, self._gauges.waiting_records())
        self._replace(names.WAITING_SECONDS, self._gauges.waiting_seconds())
        self._replace_suspects(self._gauges.suspected())
        self._replace_openings(self._gauges.next_openings())
        self._replace(names.READY_BY, self._gauges.ready_by())
        self._replace(names.READY_BY_SLACK, self._gauges.ready_by_slack())
        runs = self._gauges.runs()
        self._replace(names.RUN_START, {model: each.start_s for model, each in runs.items()})
        rows_s = {model: each.row_s for model, each in runs.items() if each.row_s is not None}
        self._replace(names.RUN_ROW, rows_s)
        most = {model: each.ladder.rungs[-1] for model, each in runs.items() if each.ladder.rungs}
        self._replace(names.RUN_MOST_ROWS, most)
        self._replace(names.FULL_ROWS, self._gauges.full_rows())

    def _look_at_models(self) -> None:
        if not self._models:
            return
        sessions = {name: model.session for name, model in self._models.items()}
        serving = self._values[names.MODEL_INFO]
        serving.clear()
        for name, session in sessions.items():
            serving[name, session.digest, session.provider] = 1.0
        alone = {name: each.signature.alone for name, each in sessions.items()}
        self._replace(names.RUNS_ALONE, {name: float(each) for name, each in alone.items()})
        degraded = any(session.degraded for session in sessions.values())
        self._values[names.DEGRADED][()] = float(degraded)

    def _replace(self, metric: names.Metric, values: Mapping[str, float]) -> None:
        """What went away, such as topics of partitions, must not keep its last value."""
        series = self._values[metric]
        series.clear()
        series.update({(label,): value for label, value in values.items()})

    def _replace_openings(self, openings: Mapping[tuple[str, str], float]) -> None:
        moments = self._values[names.NEXT_OPENING]
        moments.clear()
        for (lane, topic), wall_s in openings.items():
            moments[lane, topic] = wall_s

    def _replace_suspects(self, suspected: Mapping[tuple[str, int], Suspected]) -> None:
        offsets, deaths = self._values[names.SUSPECTS], self._values[names.SUSPECT_CRASHES]
        offsets.clear()
        deaths.clear()
        for (topic, number), each in suspected.items():
            offsets[topic, str(number)] = each.offsets
            deaths[topic, str(number)] = each.deaths

    def _note_largest(self, metric: names.Metric) -> None:
        """The gauge comes after its histogram, by the order of the table."""
        if gauge := names.LARGEST.get(metric):
            for labels, histogram in self._histograms[metric].items():
                self._values[gauge][labels] = histogram.largest

    def _add_histogram(self, family: Family, metric: names.Metric) -> None:
        for labels, histogram in self._histograms[metric].items():
            named = _named(metric, labels)
            counts = [count for _, count in histogram.cumulated()]
            buckets = zip(_bucket_labels(metric, labels), counts, strict=True)
            family.samples += [Sample(family.name + "_bucket", *bucket) for bucket in buckets]
            family.add_sample(family.name + "_count", named, counts[-1])
            family.add_sample(family.name + "_sum", named, histogram.total)


def _family(metric: names.Metric) -> str:
    """A counter's family is named without `_total`, which its samples carry."""
    return metric.name.removesuffix("_total") if metric.kind == "counter" else metric.name


def _ages(
    stamps_ms: Sequence[int] | npt.NDArray[np.int64], wall_s: float
) -> npt.NDArray[np.float64]:
    """Seconds since `stamps_ms`, float64 (n,); NaN for a record without a timestamp (-1)."""
    stamps = np.array(stamps_ms, dtype=np.int64)  # half the time of reading them as floats
    ages_s: npt.NDArray[np.float64] = wall_s - stamps / 1000
    if len(stamps) and stamps.min() < 0:
        ages_s[stamps < 0] = np.nan
    return ages_s


@cache
def _bucket_labels(metric: names.Metric, labels: Labels) -> Sequence[dict[str, str]]:
    """Made once: to make them anew for each look takes as long as all else of it."""
    named = _named(metric, labels)
    bounds = [*map(str, metric.bounds), "+Inf"]
    return [{**named, "le": bound} for bound in bounds]


def _named(metric: names.Metric, labels: Labels) -> dict[str, str]:
    return dict(zip(metric.labels, labels, strict=True))
