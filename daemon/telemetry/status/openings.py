"""When lanes open that open by the clock, what waits for it, and how it went before. Pure."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from daemon.scaling.report import ScalingReport
from daemon.telemetry import metric_names as names
from daemon.telemetry.status.adherence import Adherence, WindowSeen
from daemon.telemetry.status.inputs import About
from daemon.telemetry.status.window import Group, Window


class OpeningRow(NamedTuple):
    """One lane; None is unknown, or there is none."""

    lane: str
    zone: str
    next_s: float | None
    """In seconds since 1970."""
    in_s: float | None
    waiting_records: float | None
    waiting_seconds: float | None
    """How old the oldest of them is at most."""
    ready_by_s: float | None
    """By when it is to be ready next, in seconds since 1970."""
    slack_s: float | None
    """What of the time until then is left when all is served; below 0 it would be late."""
    windows: Sequence[WindowSeen]
    """The last ones, the newest last."""


def openings(
    about: About,
    window: Window,
    adherence: Adherence,
    scaling: ScalingReport | None,
    wall_s: float,
) -> list[OpeningRow]:
    """Return the lanes that open by the clock, in the order of the configuration.

    What the scaler sees of the whole group stands before what workers see of their partitions.
    """
    next_s = window.gauge(names.NEXT_OPENING, "lane", of=min)
    records = window.gauge(names.WAITING_RECORDS, "topic")
    seconds = window.gauge(names.WAITING_SECONDS, "topic", of=max)
    ready_by_s = window.gauge(names.READY_BY, "lane", of=min)
    slack_s = window.gauge(names.READY_BY_SLACK, "lane", of=min)
    rows = []
    for name, lane in about.lanes.items():
        if lane.zone is None:
            continue
        opens_s = next_s.get((name,))
        load = None if scaling is None else scaling.lanes.get(name)
        waiting = sum(known) if (known := _of(lane.topics, records)) else None
        waiting_s = max(_of(lane.topics, seconds), default=None)
        ready = ready_by_s.get((name,)), slack_s.get((name,))
        if load is not None:
            waiting, waiting_s = load.waiting_records, load.waiting_seconds
        if load is not None and load.ready is not None:
            ready = load.ready.time_s, load.ready.slack_s
        rows.append(
            OpeningRow(
                lane=name,
                zone=lane.zone,
                next_s=opens_s,
                in_s=None if opens_s is None else max(opens_s - wall_s, 0.0),
                waiting_records=waiting,
                waiting_seconds=waiting_s if waiting else None,
                ready_by_s=ready[0],
                slack_s=ready[1],
                windows=adherence.of(name),
            )
        )
    return rows


def _of(topics: Sequence[str], values: Mapping[Group, float]) -> list[float]:
    return [values[topic,] for topic in topics if (topic,) in values]
