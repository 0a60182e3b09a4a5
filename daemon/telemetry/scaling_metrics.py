"""What was decided, and by what, as Prometheus reads it.

What is unknown is left out of the page; `scaling_known` says that something is.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

import prometheus_client
from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector, CollectorRegistry

from daemon.scaling.report import ScalingReport
from daemon.telemetry import metric_names as names

_Values: TypeAlias = Mapping[tuple[str, ...], float | None]


class ScalingMetrics(Collector):
    """The metrics of a process that decides how many workers there should be.

    `report` is what was decided last, None before the first time. `registry` has the usual metrics
    of a process besides.
    """

    def __init__(
        self,
        events: Callable[[], Mapping[str, int]],
        next_openings: Callable[[], Mapping[tuple[str, str], float]] = dict,
    ) -> None:
        """`events`: as daemon.telemetry.logs.counts; `next_openings`: by lane and topic, in seconds
        since the epoch.
        """
        self.report: ScalingReport | None = None
        self._events = events
        self._next_openings = next_openings
        self.registry = CollectorRegistry()
        self.registry.register(self)
        prometheus_client.ProcessCollector(registry=self.registry)
        prometheus_client.GCCollector(registry=self.registry)

    def collect(self) -> Iterator[Family]:
        """Yield all metrics with their present values."""
        known = self.report is not None and self.report.known
        yield family(names.SCALING_KNOWN, {(): float(known)})
        yield family(names.EVENTS, {(name,): count for name, count in self._events().items()})
        openings = self._next_openings().items()
        yield family(names.NEXT_OPENING, {(lane, topic): at_s for (lane, topic), at_s in openings})
        if self.report is not None:
            yield from _families(self.report)

    def describe(self) -> list[Family]:
        """Return nothing: names are checked by the table, not by a collection at registration."""
        return []


def _families(report: ScalingReport) -> Iterator[Family]:
    yield family(names.DESIRED_WORKERS, {(): report.decision.workers})
    yield family(names.SERVICE_RATE, {(): report.service_rate})
    yield family(
        names.ARRIVAL_RATE, {(lane,): load.arrival_rate for lane, load in report.lanes.items()}
    )
    ready = {name: load.ready for name, load in report.lanes.items() if load.ready is not None}
    yield family(names.READY_BY, {(lane,): each.time_s for lane, each in ready.items()})
    yield family(names.READY_BY_SLACK, {(lane,): each.slack_s for lane, each in ready.items()})
    stuck = Counter(topic for topic, _ in report.stuck)
    yield family(names.STUCK_PARTITIONS, {(topic,): stuck[topic] for topic in report.topics})
    yield family(names.LAG_RECORDS, {(topic,): lag.records for topic, lag in report.topics.items()})
    yield family(names.LAG_SECONDS, {(topic,): lag.seconds for topic, lag in report.topics.items()})
    shut = {topic: lag.waiting for topic, lag in report.topics.items() if lag.waiting}
    yield family(names.WAITING_RECORDS, {(topic,): waiting for topic, waiting in shut.items()})
    yield family(
        names.WAITING_SECONDS,
        {(topic,): report.topics[topic].waiting_seconds for topic in shut},
    )


def family(metric: names.Metric, values: _Values) -> Family:
    """Return the family of `metric`: its values by those of its labels, without unknown ones."""
    name = names.PREFIX + metric.name
    made = Family(name.removesuffix("_total"), metric.meaning, metric.kind)
    for labels, value in values.items():
        if value is not None:
            made.add_sample(name, dict(zip(metric.labels, labels, strict=True)), value)
    return made
