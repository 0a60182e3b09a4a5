"""An executor in virtual time that asks a batcher for work as the line does."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from daemon.values.messages import Batch, Request


class Run(NamedTuple):
    """A batch, and when it ran."""

    batch: Batch
    began_s: float
    ended_s: float


class Executor:
    """Runs what `batcher` gives it; `run_s` says how long a batch takes, `work_s` how much of that is
    work, all of it unless said.

    `ahead`: assemble one batch while another runs, as `batches_in_flight = 2` does.
    """

    def __init__(
        self,
        batcher,
        run_s: Callable[[Batch], float],
        *,
        work_s: Callable[[Batch], float | None] = lambda batch: None,
        ahead: bool = True,
    ) -> None:
        self.batcher = batcher
        self.runs: list[Run] = []
        self.expired: list[Request] = []
        self.now = 0.0
        self._run_s = run_s
        self._work_s = work_s
        self._assembles = ahead
        self._ahead: Batch | None = None
        self._free_s = 0.0
        self._observed = 0

    def work(self, arrivals: Sequence[tuple[float, Sequence[Request]]], *, until_s: float) -> None:
        """Offer `arrivals`, (time, requests) in order of time, and work until `until_s`."""
        arrivals = list(arrivals)
        while True:
            while arrivals and arrivals[0][0] <= self.now:
                self.batcher.offer(arrivals.pop(0)[1])
            self.expired += self.batcher.expire(self.now)
            self._feed()
            moments = [
                arrivals[0][0] if arrivals else None,
                self._free_s if self._free_s > self.now else None,
                self.batcher.next_due(self.now) if self._free_s <= self.now else None,
            ]
            self.now = min((each for each in moments if each is not None), default=math.inf)
            if self.now > until_s:
                return

    def _feed(self) -> None:
        if self._free_s <= self.now:
            self._observe()
            batch = self._next()
            if batch is None:
                return
            self._free_s = self.now + self._run_s(batch)
            self.runs.append(Run(batch, self.now, self._free_s))
        if self._assembles and self._ahead is None:
            self._ahead = self.batcher.take_ahead(self.now)

    def _observe(self) -> None:
        for batch, began_s, ended_s in self.runs[self._observed :]:
            self.batcher.observe_run(
                batch.bucket, batch.rows, ended_s - began_s, work_s=self._work_s(batch)
            )
        self._observed = len(self.runs)

    def _next(self) -> Batch | None:
        if self._ahead is None:
            return self.batcher.take(self.now, more_coming=True)
        if (urgent := self.batcher.due_urgent(self.now, self._ahead)) is not None:
            return urgent
        batch, self._ahead = self._ahead, None
        return batch
