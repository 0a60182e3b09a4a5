"""The page's document: everything it shows, as JSON has it. Pure.

Times are seconds, rates are per second and over the window, None is unknown.
"""

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Any, NamedTuple, TypeAlias

from daemon.batching.ladder import EXACT, Ladder
from daemon.jobs.last_words import JobsHeard
from daemon.scaling.report import ScalingReport, as_json
from daemon.telemetry import metric_names as names
from daemon.telemetry.distribution import Distribution
from daemon.telemetry.events import Event
from daemon.telemetry.status.adherence import Adherence
from daemon.telemetry.status.inputs import About, Health, WorkerSeen
from daemon.telemetry.status.job_rows import job_rows
from daemon.telemetry.status.lane_rows import LaneRow, lanes
from daemon.telemetry.status.openings import OpeningRow, openings
from daemon.telemetry.status.trends import Trends
from daemon.telemetry.status.verdict import Facts, Finding, SuspectRow, findings
from daemon.telemetry.status.waits import Runs, SharingLane, longest_waits
from daemon.telemetry.status.window import Group, Window

Document: TypeAlias = dict[str, object]

_EVENTS = {event.value: event for event in Event}


class PageMoment(NamedTuple):
    """What is asked about: now, on both clocks, and since when the process lives."""

    now_s: float
    wall_s: float
    started_s: float


class ProcessState(NamedTuple):
    """What the process says of itself beside its metrics; `workers` None: it supervises none.

    `jobs` None: nobody says how jobs stand.
    """

    live: Health
    ready: Health
    was_ready: bool
    scaling: ScalingReport | None
    workers: Sequence[WorkerSeen] | None
    jobs: JobsHeard | None


def document(
    about: About,
    window: Window,
    trends: Trends,
    adherence: Adherence,
    seen: ProcessState,
    moment: PageMoment,
) -> Document:
    """Return the document of one moment."""
    shown = lanes(about, window, trends, seen.scaling)
    opening = openings(about, window, adherence, seen.scaling, moment.wall_s)
    busy = _share(sum(window.rate(names.EXECUTOR_BUSY).values()), window)
    return {
        "wall_s": moment.wall_s,
        "uptime_s": moment.now_s - moment.started_s,
        "seen_s": None if window.at_s is None else moment.now_s - window.at_s,
        "window_s": window.seconds,
        "about": about._replace(lanes={})._asdict(),
        "findings": [
            {"state": each.state.name.lower(), "text": each.text}
            for each in _findings(window, seen, shown, busy)
        ],
        "live": _health(seen.live),
        "ready": _health(seen.ready),
        "work": _work(window, busy, moment.wall_s),
        "lanes": [_lane(lane) for lane in shown],
        "openings": [_opening(each) for each in opening],
        "step_s": trends.step_s,
        "points": trends.points,
        "waits": _waits(about, window),
        "models": _models(window),
        "scaling": None if seen.scaling is None else as_json(seen.scaling),
        "workers": None if seen.workers is None else _workers(seen.workers, moment.now_s),
        "jobs": None if seen.jobs is None else _jobs(seen.jobs, moment.wall_s),
        "errors": _codes(window, names.REQUESTS, "outcome"),
        "dead_letters": _codes(window, names.DEAD_LETTERS, "code"),
        "events": _events(window),
    }


def _findings(
    window: Window,
    seen: ProcessState,
    shown: Sequence[LaneRow],
    busy: float | None,
) -> list[Finding]:
    answered = window.increase(names.REQUESTS, "outcome")
    logged = window.increase(names.EVENTS, "event")
    return findings(
        Facts(
            live=seen.live,
            ready=seen.ready,
            was_ready=seen.was_ready,
            lanes=shown,
            gathered=_gathered(window, seen.scaling),
            busy=busy,
            degraded=any(window.gauge(names.DEGRADED, of=max).values()),
            alone=_alone(window),
            lost=sum(window.total(names.REQUESTS_LOST).values()),
            answers=sum(answered.values()),
            errors=_some(answered, _is_error),
            dead_letters=_some(window.increase(names.DEAD_LETTERS, "code")),
            error_events=_some(logged, lambda event: _level(event) == "error"),
            suspects=_suspects(window),
            scaling=seen.scaling,
            workers=seen.workers or (),
        )
    )


def _alone(window: Window) -> list[str]:
    alone = window.gauge(names.RUNS_ALONE, "model", of=max)
    return sorted(model for (model,), is_alone in alone.items() if is_alone)


def _gathered(window: Window, scaling: ScalingReport | None) -> float:
    """Return how many requests wait for their lane to open; who looks at the group knows of all."""
    if scaling is None:
        return sum(window.gauge(names.WAITING_RECORDS).values())
    return sum(load.waiting_records or 0 for load in scaling.lanes.values())


def _suspects(window: Window) -> list[SuspectRow]:
    crashes = window.gauge(names.SUSPECT_CRASHES, "topic", "partition", of=max)
    return [
        SuspectRow("/".join(partition), requests, crashes.get(partition, 0.0))
        for partition, requests in sorted(
            window.gauge(names.SUSPECTS, "topic", "partition").items()
        )
    ]


def _share(busy: float, window: Window) -> float | None:
    """Return busy seconds a second as a share of the workers' time; None: no workers."""
    share = _over(busy, window.workers)
    return None if share is None or not window.seconds else min(share, 1.0)


def _over(number: float, seconds: float) -> float | None:
    return number / seconds if seconds else None


def _work(window: Window, busy: float | None, wall_s: float) -> Document:
    progress = window.gauge(names.LAST_PROGRESS, of=max).get(())
    return {
        "busy": busy,
        "inflight_requests": window.gauge(names.INFLIGHT_REQUESTS).get(()),
        "inflight_bytes": window.gauge(names.INFLIGHT_BYTES).get(()),
        "answered_s": None if progress is None else max(wall_s - progress, 0.0),
        "answers": sum(window.total(names.REQUESTS).values()),
        "rebalances": sum(window.total(names.REBALANCES).values()),
        "replays": sum(window.total(names.REPLAYS).values()),
        "lost": sum(window.total(names.REQUESTS_LOST).values()),
        "crashes": sum(window.total(names.CRASHES).values()),
        "degraded": any(window.gauge(names.DEGRADED, of=max).values()),
    }


def _lane(lane: LaneRow) -> Document:
    row = _plain(lane)
    return {**row.pop("about"), **row}


def _opening(row: OpeningRow) -> Document:
    return {**row._asdict(), "windows": [each._asdict() for each in row.windows]}


def _plain(value: Any) -> Any:  # noqa: ANN401 -- what a named tuple holds, as JSON has it
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: _plain(each) for name, each in value._asdict().items()}
    return dict(value) if isinstance(value, Mapping) else value


def _waits(about: About, window: Window) -> list[Document]:
    full_rows = window.gauge(names.FULL_ROWS, "lane", of=max)
    sharing = {
        name: SharingLane(lane.models, int(full_rows[name,]), lane.patience_s)
        for name, lane in about.lanes.items()
        if (name,) in full_rows
    }
    return [{"lane": name, "told": told} for name, told in longest_waits(sharing, _runs(window))]


def _runs(window: Window) -> Mapping[str, Runs]:
    """Return what runs take, on average over the workers, by model."""
    row_s = window.gauge(names.RUN_ROW, "model", of=fmean)
    most_rows = window.gauge(names.RUN_MOST_ROWS, "model", of=max)
    ladders = {model: Ladder.to(int(rows)) for (model,), rows in most_rows.items()}
    return {
        model: Runs(start_s, row_s.get((model,)), ladders.get(model, EXACT))
        for (model,), start_s in window.gauge(names.RUN_START, "model", of=fmean).items()
    }


def _models(window: Window) -> list[Document]:
    runs, ran_s = _runs(window), window.increase(names.EXECUTOR_BUSY, "model")
    rows = window.distribution(names.BATCH_ROWS, "model")
    fills = window.distribution(names.BATCH_FILL_RATIO, "model")
    padding = window.increase(names.PADDING_ELEMENTS, "model")
    elements = window.increase(names.INPUT_ELEMENTS, "model")
    busy = window.rate(names.EXECUTOR_BUSY, "model")
    none = Distribution((), (), 0.0)
    return [
        {
            "name": name,
            "digest": digest,
            "provider": provider,
            "busy": _share(busy.get((name,), 0.0), window),
            "batches": _over(rows.get((name,), none).observations, window.seconds),
            "rows": rows.get((name,), none).mean,
            "fill": fills.get((name,), none).mean,
            "padding": _over(padding.get((name,), 0.0), elements.get((name,), 0.0)),
            **_gain(rows.get((name,), none).total, ran_s.get((name,), 0.0), runs.get(name)),
        }
        for name, digest, provider in sorted(
            window.gauge(names.MODEL_INFO, "model", "digest", "provider")
        )
    ]


def _gain(rows: float, busy_s: float, runs: Runs | None) -> Document:
    """Return how many rows a second run while the model runs, and how much more that is than alone."""
    per_s = _over(rows, busy_s)
    alone_s = None if runs is None or runs.cost is None else runs.at(1)
    return {
        "rows_per_s": per_s,
        "gain": None if per_s is None or alone_s is None else per_s * alone_s,
    }


def _jobs(heard: JobsHeard, wall_s: float) -> Document:
    return {
        "known": heard.words is not None,
        "trouble": heard.trouble,
        "more": heard.more,
        "under_way": [_plain(row) for row in job_rows(heard, wall_s)],
    }


def _workers(workers: Sequence[WorkerSeen], now_s: float) -> list[Document]:
    rows = [_plain(worker) for worker in workers]
    return [{"for_s": max(now_s - row.pop("since_s"), 0.0), **row} for row in rows]


def _codes(window: Window, metric: names.Metric, label: str) -> list[Document]:
    """Return codes with how often they occurred in the last minute and since the start."""
    recent = window.increase(metric, label)
    return [
        {"code": group[0], "recent": recent.get(group, 0.0), "total": total}
        for group, total in _most_first(window.total(metric, label), recent)
        if total and _is_error(group[0])
    ]


def _events(window: Window) -> list[Document]:
    recent = window.increase(names.EVENTS, "event")
    return [
        {
            "event": group[0],
            "level": _level(group[0]),
            "meaning": _EVENTS[group[0]].meaning if group[0] in _EVENTS else "",
            "recent": recent.get(group, 0.0),
            "total": total,
        }
        for group, total in _most_first(window.total(names.EVENTS, "event"), recent)
    ]


def _most_first(
    totals: Mapping[Group, float], recent: Mapping[Group, float]
) -> list[tuple[Group, float]]:
    return sorted(totals.items(), key=lambda each: (-recent.get(each[0], 0.0), -each[1], each[0]))


def _some(
    counts: Mapping[Group, float], which: Callable[[str], bool] = lambda _: True
) -> dict[str, float]:
    return {name: count for (name,), count in counts.items() if count and which(name)}


def _is_error(outcome: str) -> bool:
    return outcome not in {names.OK, names.DEAD_LETTER}


def _level(event: str) -> str:
    return _EVENTS[event].level if event in _EVENTS else "warning"


def _health(health: Health) -> Document:
    well, reason = health
    return {"ok": well, "reason": reason}
