"""Workers that serve partitions in micro-batches, for all rules side by side.

Rule 1: a worker gathers what its partitions have until N records wait or T has passed since the
first; a run of b records takes a + c * b, and only one runs at a time. A batch that is not full
grows while the worker is busy.
Rule 2: a worker joins `start_s` after it was asked for. When one joins or leaves, partitions are
dealt anew and nobody begins a batch for `stall_s`; batches that run are finished.
Rule 3: of those that must go, the ones that are still starting go first.

Records are a fluid here. Arrays have a row for each rule and a column for each partition; those of
workers are flat, `most` for each rule.
"""

from collections import deque

import numpy as np
import numpy.typing as npt

from studies.scaling.patterns import STEP_S
from studies.scaling.site import Site

_SOME = 0.5
"""Records from which on something waits: less is what rounding leaves."""


class Fleet:
    """The workers of each of `rules` rules."""

    def __init__(self, rules: int, site: Site) -> None:
        self._site = site
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
        self._since_s = np.zeros(rules * site.most)
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

    def step(self, arrived: npt.NDArray[np.int64], now: float) -> None:
        """Serve for one step; `arrived` are the records of each partition up to `now`."""
        site = self._site
        self._welcome(now)
        np.copyto(self.done, self._taken, where=self._done_s <= now)
        queued: npt.NDArray[np.float64] = arrived - self._taken
        waiting = self._by_worker(queued)
        np.copyto(self._since_s, now, where=waiting < _SOME)
        due = (waiting >= site.max_rows) | (now - self._since_s >= site.linger_s)
        starts = due & (self._free_s <= now) & (waiting >= _SOME)
        if starts.any():
            self._run(starts, queued, waiting, now)

    def _run(
        self,
        starts: npt.NDArray[np.bool_],
        queued: npt.NDArray[np.float64],
        waiting: npt.NDArray[np.float64],
        now: float,
    ) -> None:
        """Let the workers that are in `starts` take a batch, from all their partitions alike."""
        site = self._site
        rows = np.minimum(waiting, site.max_rows)
        part = np.divide(rows, waiting, out=np.zeros_like(rows), where=starts)
        begin_s = np.maximum(self._free_s, now - STEP_S)
        np.copyto(self._free_s, begin_s + site.run_s + site.row_s * rows, where=starts)
        np.copyto(self._since_s, now, where=starts)
        self._taken += queued * part[self._owner]
        np.copyto(self._done_s, self._free_s[self._owner], where=starts[self._owner])

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
        dealt = np.arange(site.partitions) * min(members, site.partitions) // site.partitions
        self._owner[rule] = first + dealt
        self._free_s[first : first + site.most] = np.inf
        self._free_s[first : first + members] = now + site.stall_s
