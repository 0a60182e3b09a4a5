"""A day under `tidemill supervise`: a worker while there is work, none when idle. Pure.

One worker at most, as the rest of the day is computed. Its rules: the first request wakes it at the
next look; a batch closes at N rows, or T after its first request was fetched, and goes on growing while two
are in flight; when nothing came and nothing was unanswered for a while, it ends.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from loadtest.office_hours.computed.day import Cost, Day, Up
from loadtest.scenario.rates import Times
from loadtest.traffic.records import Counts


class Rules(NamedTuple):
    """What the supervisor is set to.

    Attributes:
        lingers_s: T of each lane.
        look_s: on average until a change is seen and acted on.
        commit_s: on average until an answer is committed.
        idle_s: how long nothing comes or waits before the worker ends.
    """

    lingers_s: Sequence[float]
    look_s: float
    commit_s: float
    idle_s: float


def follow(times_s: Times, lanes: Counts, rules: Rules, cost: Cost) -> Day:
    """Return the day; `lanes`: int32 (n,), which lane each request is for."""
    walk = _Walk(rules, cost, len(times_s))
    for number, (at_s, lane) in enumerate(zip(times_s.tolist(), lanes.tolist(), strict=True)):
        walk.arrive(number, at_s, lane)
    walk.end()
    return Day(walk.done_s - times_s, tuple(walk.ups), walk.busy_s)


class _Walk:
    """The worker's life, request by request."""

    def __init__(self, rules: Rules, cost: Cost, requests: int) -> None:
        self._rules = rules
        self._cost = cost
        self._open: dict[int, list[int]] = {}
        self._due_s: dict[int, float] = {}
        self._from_s: float | None = None
        self._ready_s = 0.0
        self._free_s = 0.0
        self._before_s = 0.0
        self._quiet_s = 0.0
        self.done_s = np.full(requests, np.nan)
        self.ups: list[Up] = []
        self.busy_s = 0.0

    def arrive(self, number: int, at_s: float, lane: int) -> None:
        """A request comes; they come in the order of their times."""
        self._close_until(at_s)
        if self._from_s is not None and not self._open and at_s > self._ends_s:
            self._sleep()
        if self._from_s is None:
            self._wake(at_s)
        fetched_s = max(at_s, self._ready_s)
        if fetched_s > at_s:
            self._close_until(fetched_s)
        rows = self._open.setdefault(lane, [])
        self._due_s.setdefault(lane, fetched_s + self._rules.lingers_s[lane])
        rows.append(number)
        if len(rows) == self._cost.max_rows:
            self._run(lane, fetched_s)
        self._quiet_s = max(self._quiet_s, at_s)

    def end(self) -> None:
        """No request comes any more."""
        self._close_until(np.inf)
        if self._from_s is not None:
            self._sleep()

    @property
    def _ends_s(self) -> float:
        """When the worker is told to end, as nothing is open and nothing comes."""
        return self._quiet_s + self._rules.idle_s + self._rules.look_s

    def _wake(self, at_s: float) -> None:
        asked_s = at_s + self._rules.look_s
        if self.ups:
            asked_s = max(asked_s, self.ups[-1].to_s)
        self._from_s = asked_s
        self._ready_s = self._free_s = self._before_s = asked_s + self._cost.ready_s

    def _sleep(self) -> None:
        if self._from_s is not None:
            self.ups.append(Up(self._from_s, self._ends_s + self._cost.end_s))
        self._from_s = None

    def _close_until(self, now_s: float) -> None:
        for lane in sorted(self._due_s, key=self._due_s.__getitem__):
            closed_s = max(self._due_s[lane], self._before_s)
            if closed_s <= now_s:
                self._run(lane, closed_s)

    def _run(self, lane: int, closed_s: float) -> None:
        rows = self._open.pop(lane)
        del self._due_s[lane]
        took_s = self._cost.run_s(len(rows))
        # The one that ran before is done when the next may be assembled ahead of this one.
        self._before_s, self._free_s = self._free_s, max(closed_s, self._free_s) + took_s
        self.busy_s += took_s
        self.done_s[rows] = self._free_s
        self._quiet_s = max(self._quiet_s, self._free_s + self._rules.commit_s)
