"""The lanes as the page shows them. Pure."""

from collections.abc import Mapping
from typing import NamedTuple, Self

from daemon.scaling.report import ScalingReport
from daemon.telemetry import metric_names as names
from daemon.telemetry.distribution import Distribution
from daemon.telemetry.status.backlog import growth
from daemon.telemetry.status.inputs import About, LaneAbout
from daemon.telemetry.status.trends import Trend, Trends
from daemon.telemetry.status.window import Group, Window


class Quantiles(NamedTuple):
    """Of times, in seconds."""

    p50: float | None
    p99: float | None

    @classmethod
    def of(cls, distribution: Distribution | None) -> Self | None:
        """Return those of `distribution`, None without any observation."""
        if distribution is None or not distribution.observations:
            return None
        return cls(distribution.quantile(0.5), distribution.quantile(0.99))


class LaneRow(NamedTuple):
    """One lane; rates are records a second over the window, None is unknown."""

    name: str
    about: LaneAbout
    arriving: float | None
    answering: float | None
    lag_records: float | None
    lag_seconds: float | None
    wait_s: Quantiles | None
    run_s: Quantiles | None
    request_s: Quantiles | None
    flushes: Mapping[str, float]
    """Batches closed in the window, by cause."""
    trend: Trend
    growth: float | None
    """Records a second by which its backlog grows; None: it does not, or that is not known, or it
    opens by the clock, and grows in between by design."""


def lanes(
    about: About, window: Window, trends: Trends, scaling: ScalingReport | None
) -> list[LaneRow]:
    """Return all lanes in the order of the configuration.

    What the scaler sees of the whole group stands before what workers see of their partitions.
    """
    arriving = window.rate(names.RECORDS, "lane")
    answering = window.rate(names.REQUESTS, "lane")
    stages = window.distribution(names.STAGE_SECONDS, "lane", "stage")
    requests = window.distribution(names.REQUEST_SECONDS, "lane")
    flushes = window.increase(names.FLUSHES, "lane", "cause")
    waiting = lag_records(about, window, scaling)
    behind = _lag_seconds(about, window, scaling)
    arrivals = {name: _flow(arriving, (name,), window) for name in about.lanes}
    if scaling is not None:
        arrivals |= {name: load.arrival_rate for name, load in scaling.lanes.items()}
    return [
        LaneRow(
            name=name,
            about=each,
            arriving=arrivals[name],
            answering=_flow(answering, (name,), window),
            lag_records=waiting.get(name),
            lag_seconds=behind.get(name),
            wait_s=Quantiles.of(stages.get((name, "wait"))),
            run_s=Quantiles.of(stages.get((name, "run"))),
            request_s=Quantiles.of(requests.get((name,))),
            flushes={cause: n for (lane, cause), n in flushes.items() if lane == name and n},
            trend=trends.of(name),
            growth=None
            if each.zone is not None
            else growth(
                trends.of(name).lags,
                step_s=trends.step_s,
                linger_s=each.linger_s,
                max_rows=each.max_rows,
                arriving=arrivals[name],
            ),
        )
        for name, each in about.lanes.items()
    ]


def lag_records(about: About, window: Window, scaling: ScalingReport | None) -> Mapping[str, float]:
    """Return the records not yet answered, by lane, of those for which they are known."""
    if scaling is not None:
        loads = scaling.lanes.items()
        return {name: load.lag_records for name, load in loads if load.lag_records is not None}
    by_topic = window.gauge(names.LAG_RECORDS, "topic")
    return {
        name: sum(known) for name, each in about.lanes.items() if (known := _known(by_topic, each))
    }


def _lag_seconds(
    about: About, window: Window, scaling: ScalingReport | None
) -> Mapping[str, float]:
    if scaling is not None:
        loads = scaling.lanes.items()
        return {name: load.lag_seconds for name, load in loads if load.lag_seconds is not None}
    by_topic = window.gauge(names.LAG_SECONDS, "topic", of=max)
    return {
        name: max(known) for name, each in about.lanes.items() if (known := _known(by_topic, each))
    }


def _known(by_topic: Mapping[Group, float], lane: LaneAbout) -> list[float]:
    return [by_topic[topic,] for topic in lane.topics if (topic,) in by_topic]


def _flow(rates: Mapping[Group, float], lane: Group, window: Window) -> float | None:
    """A worker that has seen nothing of a lane yet sees 0/s; without workers nothing is known."""
    return rates.get(lane, 0.0 if window.seconds and window.workers else None)
