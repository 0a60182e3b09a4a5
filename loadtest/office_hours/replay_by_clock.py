"""Some hours of the day, compressed, before a live supervisor with a lane that opens by the clock."""

import json
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from loadtest.office_hours.computed.by_opening import OpeningRules, openings
from loadtest.office_hours.computed.compression import Compression, DayPart
from loadtest.office_hours.computed.day import Cost
from loadtest.office_hours.documents import LANES, TOPICS
from loadtest.office_hours.supervised import (
    COMMIT_S,
    LOOK_S,
    Replayed,
    Told,
    beside,
    supervise,
    written,
)
from loadtest.scenario.rates import Times
from loadtest.traffic.clock import WallClock
from loadtest.traffic.seen import Seen

WORKER_SECONDS, SHARE, BUSY = "worker_seconds_off", "share_of_always_up", "busy_between_batches"
_TOLERANCE = 0.1
"""Seen and computed differ by no more in worker-seconds, on a machine that does nothing else."""
_MOST_SHARE = 1 / 8
"""Of the time of a worker that is always up."""
_LEAST_BUSY = 0.8
"""Between the first and the last batch of a window."""
JOINS_S = 3.0
"""So much earlier than a start and a look is a worker asked for (docs/windows.md)."""
_GRACE_S = 60.0


class ServedWindow(NamedTuple):
    """What was answered between two moments: `run_s` of `span_s`, from the first run to the last reply."""

    results: int
    batches: int
    run_s: float
    span_s: float


class ReplayTarget(NamedTuple):
    """What a figure is held against."""

    name: str
    value: float
    bound: float
    is_met: bool


class ReplayedByClock(NamedTuple):
    """What was computed and seen, how it was compressed, and each window in which anything was answered."""

    compression: Compression
    replayed: Replayed
    windows: tuple[ServedWindow, ...]
    documents: int

    @property
    def run_s(self) -> float:
        """For how long the model ran."""
        return sum(window.run_s for window in self.windows)

    @property
    def utilisation(self) -> float:
        """Share of the worker-seconds for which the model ran."""
        return self.run_s / self.replayed.worker_s if self.replayed.worker_s else 0.0

    @property
    def busy_between(self) -> float:
        """Share of the time between first and last batch of windows for which the model ran."""
        span_s = sum(window.span_s for window in self.windows)
        return self.run_s / span_s if span_s else 0.0

    @property
    def ahead_s(self) -> float:
        """How long before its opening a worker was there, on average."""
        ups, interval_s = self.replayed.ups, self.compression.interval_s
        return sum(-up.from_s % interval_s for up in ups) / max(len(ups), 1)

    @property
    def after_s(self) -> float:
        """How long a worker was there after the last reply of its window, on average."""
        ups = self.replayed.ups
        span_s = sum(window.span_s for window in self.windows)
        return (self.replayed.worker_s - span_s) / max(len(ups), 1) - self.ahead_s

    @property
    def share(self) -> float:
        """Worker-seconds, of those of a worker that is always up."""
        return self.replayed.worker_s / self.compression.takes_s

    @property
    def deviation(self) -> float:
        """By how much more worker-seconds were seen than computed."""
        return self.replayed.worker_s / self.replayed.computed.up_s - 1

    @property
    def deviation_again(self) -> float | None:
        """The same beside what was computed again, None where nothing was."""
        again = self.replayed.again
        return self.replayed.worker_s / again.up_s - 1 if again is not None else None

    @property
    def targets(self) -> tuple[ReplayTarget, ...]:
        """What was to be seen, and whether it was."""
        off, share, busy = self.deviation, self.share, self.busy_between
        return (
            ReplayTarget(WORKER_SECONDS, off, _TOLERANCE, abs(off) <= _TOLERANCE),
            ReplayTarget(SHARE, share, _MOST_SHARE, share <= _MOST_SHARE),
            ReplayTarget(BUSY, busy, _LEAST_BUSY, busy >= _LEAST_BUSY),
        )

    def share_of(self, part: DayPart, documents: int) -> float:
        """Return the share of an hour's worker for `part` as it is, by what windows cost here.

        Starts, waits and ends are as long there, and so many documents take as long as they are meant to.
        """
        beside_s = (self.replayed.worker_s - self.run_s) / max(len(self.windows), 1)
        run_s = self.run_s * self.compression.factor * documents / max(self.documents, 1)
        return (part.openings * beside_s + run_s) / (part.to_s - part.from_s)


def replay(
    bootstrap: str,
    times_s: Times,
    compression: Compression,
    cost: Cost,
    told: Told,
) -> ReplayedByClock:
    """Replay the part of the day that `compression` names; raises WorkerFailed, KafkaError.

    `times_s`: when requests come in the whole day.
    """
    short_s, moments_s = compression.times_s(times_s), compression.moments_s
    rules = OpeningRules(LOOK_S, JOINS_S, COMMIT_S / 2, cost.start_s)
    settings = {
        "scaling.start_time": written(cost.start_s),
        f"lanes.{LANES[0]}.open": json.dumps([compression.expression]),
        f"lanes.{LANES[0]}.zone": "UTC",
    }
    supervised = supervise(
        bootstrap,
        settings,
        {TOPICS[0]: short_s},
        # What an opening leaves behind, the next one answers.
        grace_s=compression.interval_s + _GRACE_S,
        told=told,
        clock=WallClock(compression.interval_s),
    )
    return ReplayedByClock(
        compression,
        beside(
            cost,
            supervised,
            lambda spent, starts_s: openings(short_s, moments_s, rules, spent, starts_s),
        ),
        served_windows(supervised.seen, moments_s),
        len(short_s) // compression.files,
    )


def served_windows(seen: Seen, moments_s: Sequence[float]) -> tuple[ServedWindow, ...]:
    """Return what was answered after each of `moments_s`, where anything was. Pure."""
    stages = seen.stages
    told_s = stages.seconds.get("run", np.full(len(stages.numbers), np.nan))
    received_s = seen.records.received_s[stages.numbers]
    windows = np.where(np.isnan(told_s), -1, np.searchsorted(moments_s, received_s, side="right"))
    found = []
    for number in np.unique(windows[windows >= 0]).tolist():
        mine = windows == number
        ran = {*zip(stages.batch_rows[mine].tolist(), told_s[mine].tolist(), strict=True)}
        run_s = sum(each_s for _, each_s in ran)
        first_run_s = float(told_s[mine][received_s[mine].argmin()])
        # Ways back differ by milliseconds: a window is no shorter than its runs.
        span_s = max(float(np.ptp(received_s[mine])) + first_run_s, run_s)
        found.append(ServedWindow(int(np.count_nonzero(mine)), len(ran), run_s, span_s))
    return tuple(found)
