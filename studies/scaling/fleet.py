"""Workers that serve partitions in micro-batches, for all rules side by side.

Rule 1: a worker gathers what its partitions have until N records wait or T has passed since the
first; a run of b records takes a + c * b, and only one runs at a time. A batch that is not full
grows while the worker is busy.
Rule 2: a worker joins `start_s` after it was asked for. When one joins or leaves, partitions are
dealt anew and nobody begins a batch for `stall_s`; batches that run are finished.
Rule 3: of those that must go, the ones that are still starting go first.
Rule 4: T counts from when a record came, also while no worker is there.
Rule 5: a lane by the clock is one of which only what came before its last moment is there, and gathers
for nothing. One that is to be ready by a time has a moment when its rule says that its workers open it,
and one a margin before the time.
Rule 6: lanes take turns where both are due, the urgent one first.

Records are a fluid here. Arrays have a row for each rule and a column for each partition; those of
workers are flat, `most` for each rule.
"""

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from studies.scaling.patterns import STEP_S
from studies.scaling.site import Site

URGENT_S = 0.01
"""The linger of an urgent lane."""
_SOME = 0.5
"""Records from which on something waits: less is what rounding leaves."""


class _Lane(NamedTuple):
    """Partitions that are batched together.

    `linger_s` is that of each worker, `since_s` when what waits in each partition began to.
    """

    partitions: slice
    linger_s: npt.NDArray[np.float64]
    since_s: npt.NDArray[np.float64]


class _Waiting(NamedTuple):
    """What of a lane waits: records by partition, by worker, and who of them has a batch due."""

    queued: npt.NDArray[np.float64]
    rows: npt.NDArray[np.float64]
    due: npt.NDArray[np.bool_]


class Fleet:
    """The workers of each of `rules` rules."""

    def __init__(
        self, rules: int, site: Site, lingers_s: Sequence[float | None] | None = None
    ) -> None:
        """`lingers_s`: of the first lane, rule by rule, where it is not the site's; and no clock's then."""
        self._site = site
        given_s = lingers_s or [None] * rules
        usual_s = 0.0 if site.promise_s else site.linger_s
        own_s = [usual_s if each is None else each for each in given_s]
        self._clocked = np.zeros((rules, site.partitions), dtype=bool)
        self._clocked[:, site.lanes[0]] = [
            [bool(site.promise_s) and each is None] for each in given_s
        ]
        self._targets = np.zeros((rules, site.partitions), dtype=np.int64)
        by_lane_s = [np.repeat(own_s, site.most), np.full(rules * site.most, URGENT_S)]
        self._lanes = [
            _Lane(partitions, linger_s, np.zeros((rules, site.partitions)))
            for partitions, linger_s in zip(site.lanes, by_lane_s, strict=False)
        ][::-1]
        self.done: npt.NDArray[np.float64] = np.zeros((rules, site.partitions))
        """Records answered."""
        self.workers = [0] * rules
        """Running or starting."""
        self.members = [0] * rules
        """Running."""
        self._starting: list[deque[tuple[float, int]]] = [deque() for _ in range(rules)]
        self._taken = np.zeros((rules, site.partitions))
        self._done_s = np.zeros((rules, site.partitions))
        self._owner = np.zeros((rules, site.partitions), dtype=np.int64)
        self._free_s = np.full(rules * site.most, np.inf)
        self._last = np.full(rules * site.most, -1)
        """Which of the lanes ran last."""
        for rule in range(rules):
            self._deal(rule, 0.0)

    def resize(self, rule: int, workers: int, now: float) -> None:
        """Ask for more workers, or let some go."""
        added = workers - self.workers[rule]
        self.workers[rule] = workers
        if added > 0:
            self._starting[rule].append((now + self._site.start_s, added))
        leaving = self._not_started(rule, -added)
        if leaving > 0:
            self.members[rule] -= leaving
            self._deal(rule, now)

    def open(self, rule: int, arrived: npt.NDArray[np.int64]) -> None:
        """A moment has come for a rule's lane by the clock: what `arrived` is there."""
        self._targets[rule] = arrived

    def step(self, arrived: npt.NDArray[np.int64], now: float) -> None:
        """Serve for one step; `arrived` are the records of each partition up to `now`."""
        site = self._site
        self._welcome(now)
        np.copyto(self.done, self._taken, where=self._done_s <= now)
        if site.every_s and now % site.every_s == 0:
            self._targets[:] = arrived
        there = np.where(self._clocked, self._targets, arrived)
        waits = [self._waiting(lane, there, now) for lane in self._lanes]
        for may in (lambda number: self._last != number, lambda _: True):
            for number, (lane, (queued, waiting, due)) in enumerate(
                zip(self._lanes, waits, strict=True)
            ):
                starts = due & (self._free_s <= now) & may(number)
                if starts.any():
                    self._run(lane, starts, queued, waiting, now)
                    np.copyto(self._last, number, where=starts)

    def _waiting(self, lane: _Lane, there: npt.NDArray[np.int64], now: float) -> _Waiting:
        queued = np.zeros_like(self._taken)
        own = lane.partitions
        queued[:, own] = there[:, own] - self._taken[:, own]
        rows = self._by_worker(queued)
        np.copyto(lane.since_s, now, where=queued < _SOME)
        oldest_s = np.full_like(self._free_s, now)
        np.minimum.at(oldest_s, self._owner, lane.since_s)
        due = (rows >= self._site.max_rows) | (now - oldest_s >= lane.linger_s)
        return _Waiting(queued, rows, due & (rows >= _SOME))

    def _run(
        self,
        lane: _Lane,
        starts: npt.NDArray[np.bool_],
        queued: npt.NDArray[np.float64],
        waiting: npt.NDArray[np.float64],
        now: float,
    ) -> None:
        """Let the workers that are in `starts` take a batch of `lane`, from all partitions alike."""
        site = self._site
        rows = np.minimum(waiting, site.max_rows)
        part = np.divide(rows, waiting, out=np.zeros_like(rows), where=starts)
        begin_s = np.maximum(self._free_s, now - STEP_S)
        np.copyto(self._free_s, begin_s + site.run_s + site.row_s * rows, where=starts)
        np.copyto(lane.since_s, now, where=starts[self._owner])
        self._taken += queued * part[self._owner]
        owner = self._owner[:, lane.partitions]
        np.copyto(self._done_s[:, lane.partitions], self._free_s[owner], where=starts[owner])

    def _by_worker(self, records: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        sums = np.bincount(self._owner.ravel(), records.ravel(), self._free_s.size)
        return sums.astype(np.float64, copy=False)

    def _welcome(self, now: float) -> None:
        for rule, starting in enumerate(self._starting):
            if starting and starting[0][0] <= now:
                self.members[rule] += starting.popleft()[1]
                self._deal(rule, now)

    def _not_started(self, rule: int, surplus: int) -> int:
        """Send `surplus` away that are still starting; return how many are too few of those."""
        starting = self._starting[rule]
        while surplus > 0 and starting:
            joins_s, number = starting.pop()
            if number > surplus:
                starting.append((joins_s, number - surplus))
            surplus -= min(number, surplus)
        return surplus

    def _deal(self, rule: int, now: float) -> None:
        site, members = self._site, self.members[rule]
        first = rule * site.most
        for lane in site.lanes:
            count = lane.stop - lane.start
            dealt = lane.start + np.arange(count) * min(members, count) // count
            self._owner[rule, lane] = first + dealt % max(1, members)
        self._free_s[first : first + site.most] = np.inf
        self._free_s[first : first + members] = now + site.stall_s
