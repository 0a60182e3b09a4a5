"""Requests before a live `tidemill supervise`, and what its log and its replies say of them."""

import asyncio
import math
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from loadtest.office_hours.computed.day import Cost, Day, Up
from loadtest.office_hours.documents import CONFIG, REPLY_TOPICS, Documents
from loadtest.office_hours.turn import JOINED, at_wall_s
from loadtest.plan.plan import of_streams
from loadtest.processes.worker import Worker, WorkerFailed
from loadtest.scenario.rates import Times
from loadtest.traffic.clock import Clock
from loadtest.traffic.exchange import exchange
from loadtest.traffic.login import options
from loadtest.traffic.records import Account, Outcome
from loadtest.traffic.seen import Seen
from loadtest.tune.bursts import answered, runs
from loadtest.tune.fit import BatchRun

LOOK_S, COMMIT_S = 0.25, 0.5
"""scaling.interval of a replay, kafka.commit_interval as it is by default."""
_END_TIMEOUT_S = 30.0
_EXIT_TIMEOUT_S = 90.0
_POLL_S = 0.25
_STARTS = {"worker.spawned"}
_ENDS = {"worker.exited", "worker.lost", "slot.closed"}


Told = Callable[[float, int], None]
"""Is told about once a second how long a replay lasts, and how many requests are answered."""


class Supervised(NamedTuple):
    """What was seen: replies, events of the supervisor's log, and how long it all took."""

    seen: Seen
    events: Sequence[Mapping[str, Any]]
    took_s: float


class Replayed(NamedTuple):
    """A day as it was computed, and as it was seen.

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

    @property
    def worker_s(self) -> float:
        """For how long workers were there, as seen."""
        return sum(up.to_s - up.from_s for up in self.ups)


def supervise(
    bootstrap: str,
    settings: Mapping[str, str],
    times_s: Mapping[str, Times],
    *,
    grace_s: float,
    told: Told,
    clock: Clock | None = None,
) -> Supervised:
    """Send a document at each of `times_s`, by topic, before a supervisor with one worker at most.

    `settings` are those of the supervisor beside the broker's address. A request without reply
    `grace_s` after the last send is lost. Raises WorkerFailed, KafkaError.
    """
    began_s, clock = time.monotonic(), clock or Clock()
    ours = {
        "kafka.bootstrap_servers": bootstrap,
        "scaling.max_workers": "1",
        "scaling.interval": written(LOOK_S),
    }
    documents = Documents()
    load = of_streams([documents.stream(*each) for each in times_s.items() if len(each[1])])
    with Worker(CONFIG, ours | dict(settings), does="supervise") as supervisor:
        supervisor.wait_until_ready()
        broker = options(bootstrap, None)
        seen = asyncio.run(
            exchange(
                load,
                broker,
                REPLY_TOPICS,
                grace_s=grace_s,
                told=lambda now: told(now.at_s, now.answered),
                clock=clock,
            )
        )
        told(clock.now_s(), load.requests - seen.account().lost)
        _wait_until_idle(supervisor)
        supervisor.terminate(_EXIT_TIMEOUT_S)
        events = supervisor.events()
    return Supervised(seen, events, time.monotonic() - began_s)


def beside(
    cost: Cost, supervised: Supervised, compute: Callable[[Cost, Sequence[float]], Day]
) -> Replayed:
    """Return what was seen beside what `compute` makes of costs and of starts, one after the other."""
    rows = supervised.seen.records
    starts = starts_s(supervised.events)
    times_slower = slower(cost, batch_runs(supervised.seen))
    again = seen_cost(cost, times_slower, starts)
    return Replayed(
        compute(cost._replace(boot_s=0.0), [cost.start_s]),
        compute(again, starts) if again is not None else None,
        tuple(rows.latency_s[rows.outcome == Outcome.RESULT].tolist()),
        lives(supervised.events),
        cost.start_s,
        starts,
        times_slower,
        supervised.seen.account(),
        supervised.took_s,
    )


def batch_runs(seen: Seen) -> list[BatchRun]:
    """Return the batches that ran, by what replies say of them. Pure."""
    of_one_burst = np.zeros(len(seen.records.outcome), np.int32)
    return runs(answered(seen.stages, seen.records.latency_s, of_one_burst))


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
            began_s[event["slot"]] = at_wall_s(event)
        elif event["event"] in _ENDS and event["slot"] in began_s:
            found.append(Up(began_s.pop(event["slot"]), at_wall_s(event)))
    return tuple(found)


def starts_s(events: Iterable[Mapping[str, Any]]) -> tuple[float, ...]:
    """Return how long each worker of a supervisor's log with one slot took to serve. Pure."""
    found, began_s = [], None
    for event in events:
        if event["event"] in _STARTS:
            began_s = at_wall_s(event)
        elif event["event"] == JOINED and began_s is not None:
            found.append(at_wall_s(event) - began_s)
            began_s = None
    return tuple(found)


def written(seconds: float) -> str:
    """Return a duration as settings have it. Pure."""
    return f"{round(seconds * 1000)}ms"


def _wait_until_idle(supervisor: Worker) -> None:
    """Return when no worker is there; raises WorkerFailed when one stays."""
    deadline_s = time.monotonic() + _END_TIMEOUT_S
    while len(lives(events := supervisor.events())) < sum(
        event["event"] in _STARTS for event in events
    ):
        if time.monotonic() > deadline_s:
            raise WorkerFailed(f"a worker without work is still there after {_END_TIMEOUT_S:.0f} s")
        time.sleep(_POLL_S)
