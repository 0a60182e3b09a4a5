"""A compressed day before a live `tidemill supervise`, and the same day computed."""

import asyncio
import math
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np

from loadtest.office_hours.computed.by_clock import DAY_FROM_S, DAY_TO_S
from loadtest.office_hours.computed.by_load import Rules, follow
from loadtest.office_hours.computed.day import Cost, Day, Up
from loadtest.office_hours.documents import CONFIG, LANES, REPLY_TOPICS, TOPICS, Documents
from loadtest.plan.plan import of_streams
from loadtest.processes.worker import Worker, WorkerFailed
from loadtest.scenario.rates import Times
from loadtest.traffic.exchange import exchange
from loadtest.traffic.login import options
from loadtest.traffic.records import Account, Counts, Outcome
from loadtest.traffic.seen import Seen
from loadtest.tune.bursts import answered, runs
from loadtest.tune.fit import BatchRun

FACTOR = 960.0
"""A day in a minute and a half."""
IDLE_S, LOOK_S, COMMIT_S = 1.0, 0.25, 0.5
"""scaling.idle and scaling.interval of the replay, kafka.commit_interval as it is by default."""
_READY_TIMEOUT_S = 60.0
_END_TIMEOUT_S = 30.0
_EXIT_TIMEOUT_S = 90.0
_GRACE_S = 60.0
_POLL_S = 0.25
_STARTS = {"worker.spawned"}
_ENDS = {"worker.exited", "worker.lost", "slot.closed"}


class Replayed(NamedTuple):
    """The day as it was computed, and as it was seen.

    `again`: computed on the starts and runs of the replay itself, None when there were none; what
    it differs by from what was seen is the model's fault and not the machine's. `latencies_s`: of
    results alone. `start_s`: a start as computed with, `starts_s` as seen. `slower`: see slower().
    """

    computed: Day
    again: Day | None
    latencies_s: tuple[float, ...]
    ups: tuple[Up, ...]
    start_s: float
    starts_s: tuple[float, ...]
    slower: float
    account: Account
    took_s: float


def lanes_of(times_s: Times) -> Counts:
    """Return the lane of each request: 0 by day, 1 at night. Pure."""
    by_day = (times_s >= DAY_FROM_S) & (times_s < DAY_TO_S)
    return np.where(by_day, 0, 1).astype(np.int32)


def replay(
    bootstrap: str,
    times_s: Times,
    lingers_s: Sequence[float],
    cost: Cost,
    progress: Callable[[int], None],
) -> Replayed:
    """Replay a day, FACTOR times as fast; starts take as long as they do.

    `lingers_s`: T by day and at night, of the day that is not compressed. Raises WorkerFailed,
    KafkaError.
    """
    short_s, lanes = times_s / FACTOR, lanes_of(times_s)
    fast_s = [linger_s / FACTOR for linger_s in lingers_s]
    # A change is seen half an interval later on average.
    rules = Rules(fast_s, LOOK_S / 2, COMMIT_S / 2, IDLE_S)
    computed = follow(short_s, lanes, rules, cost._replace(boot_s=0.0))
    began_s = time.monotonic()
    settings = _settings(bootstrap, fast_s)
    with Worker(CONFIG, settings, does="supervise") as supervisor:
        supervisor.wait_until_ready(_READY_TIMEOUT_S)
        seen = asyncio.run(_offer(bootstrap, short_s, lanes, progress))
        _wait_until_idle(supervisor)
        supervisor.terminate(_EXIT_TIMEOUT_S)
        events = supervisor.events()
    took_s = time.monotonic() - began_s
    rows = seen.records
    ran = runs(answered(seen.stages, rows.latency_s, np.zeros(len(times_s), np.int32)))
    times_slower = slower(cost, ran)
    again = seen_cost(cost, times_slower, starts_s(events))
    return Replayed(
        computed,
        follow(short_s, lanes, rules, again) if again is not None else None,
        tuple(rows.latency_s[rows.outcome == Outcome.RESULT].tolist()),
        lives(events),
        cost.start_s,
        starts_s(events),
        times_slower,
        seen.account(),
        took_s,
    )


def slower(cost: Cost, ran: Sequence[BatchRun]) -> float:
    """Return how many times as long as by `cost` these batches ran: the median. Pure.

    NaN without any. Batches are too few, of too many sizes, for a fit of their own.
    """
    return statistics.median(run.run_s / cost.run_s(run.rows) for run in ran) if ran else math.nan


def seen_cost(cost: Cost, slower: float, starts_s: Sequence[float]) -> Cost | None:
    """Return `cost` with the runs and starts that were seen, None when there were none. Pure."""
    if math.isnan(slower) or not starts_s:
        return None
    return cost._replace(
        run_s=lambda rows: slower * cost.run_s(rows),
        start_s=statistics.median(starts_s),
        boot_s=0.0,
    )


def lives(events: Iterable[Mapping[str, Any]]) -> tuple[Up, ...]:
    """Return when each worker of a supervisor's log was there, seconds since 1970. Pure."""
    found, began_s = [], dict[int, float]()
    for event in events:
        if event["event"] in _STARTS:
            began_s[event["slot"]] = _since_1970_s(event)
        elif event["event"] in _ENDS and event["slot"] in began_s:
            found.append(Up(began_s.pop(event["slot"]), _since_1970_s(event)))
    return tuple(found)


def starts_s(events: Iterable[Mapping[str, Any]]) -> tuple[float, ...]:
    """Return how long each worker of a supervisor's log with one slot took to serve. Pure."""
    found, began_s = [], None
    for event in events:
        if event["event"] in _STARTS:
            began_s = _since_1970_s(event)
        elif event["event"] == "readiness.gained" and began_s is not None:
            found.append(_since_1970_s(event) - began_s)
            began_s = None
    return tuple(found)


def _settings(bootstrap: str, lingers_s: Sequence[float]) -> dict[str, str]:
    return {
        "kafka.bootstrap_servers": bootstrap,
        "scaling.max_workers": "1",
        "scaling.idle": _written(IDLE_S),
        "scaling.interval": _written(LOOK_S),
        **{
            f"lanes.{lane}.linger": _written(linger_s)
            for lane, linger_s in zip(LANES, lingers_s, strict=True)
        },
    }


def _written(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms"


async def _offer(
    bootstrap: str, times_s: Times, lanes: Counts, progress: Callable[[int], None]
) -> Seen:
    documents = Documents()
    streams = [documents.stream(topic, times_s[lanes == lane]) for lane, topic in enumerate(TOPICS)]
    seen = await exchange(
        of_streams([each for each in streams if len(each.times_s)]),
        options(bootstrap, None),
        REPLY_TOPICS,
        grace_s=_GRACE_S,
        told=lambda now: progress(now.answered),
    )
    progress(len(times_s) - seen.account().lost)
    return seen


def _wait_until_idle(supervisor: Worker) -> None:
    """Return when no worker is there; raises WorkerFailed when one stays."""
    deadline_s = time.monotonic() + _END_TIMEOUT_S
    while len(lives(events := supervisor.events())) < sum(
        event["event"] in _STARTS for event in events
    ):
        if time.monotonic() > deadline_s:
            raise WorkerFailed(f"a worker without work is still there after {_END_TIMEOUT_S:.0f} s")
        time.sleep(_POLL_S)


def _since_1970_s(event: Mapping[str, Any]) -> float:
    return datetime.fromisoformat(str(event["ts"])).timestamp()
