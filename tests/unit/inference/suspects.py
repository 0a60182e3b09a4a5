"""A model and a search for what is wrong with its requests, in virtual time."""

import math

import numpy as np

from daemon.batching.fitting_rows import FittingRows
from daemon.batching.ladder import EXACT
from daemon.batching.run_times import RunTimes
from daemon.inference.searches import Searches, SearchLimits
from daemon.values.messages import Batch
from runtime import ModelFailed, ModelOutOfMemory, ModelTimeout
from tests.requests import BUCKET, make_request

RUN_S = 30.0
SEARCH_S = 60.0
GOOD, FAILS, LOOPS, HUNGRY = "good", "fails", "loops", "hungry"


class World:
    """Runs what a search asks for; one model, one thing at a time.

    A run takes `base_s` and `row_s` for each row. `memory_rows` is what fits at a time; `company` is
    the most requests that run together; runs are filled up to the rungs of `ladder`.
    """

    def __init__(
        self,
        *,
        base_s=0.002,
        row_s=0.0001,
        memory_rows=math.inf,
        company=math.inf,
        ladder=EXACT,
    ):
        self.base_s, self.row_s = base_s, row_s
        self.memory_rows = memory_rows
        self.company = company
        self.now_s = 1000.0
        self.run_times = RunTimes()
        self.fitting_rows = FittingRows()
        for rows in (1, 8, 64):
            self.run_times.observe(BUCKET.model, rows, base_s + row_s * rows)
        limits = SearchLimits(run_s=RUN_S, search_s=SEARCH_S, max_rows=64, ladder=ladder)
        self.searches = Searches(
            {(BUCKET.lane, BUCKET.model): limits}, self.run_times, self.fitting_rows
        )
        self.nature = {}
        self.runs = []
        self.results, self.blamed, self.ended = [], [], []
        self.answered_s = []

    def requests(self, *natures, rows=1, **fields):
        made = [
            make_request(offset=len(self.nature) + place, rows=rows, **fields)
            for place in range(len(natures))
        ]
        for request, nature in zip(made, natures, strict=True):
            self.nature[request.record.offset] = nature
        return made

    def batch(self, *natures, rows=1, **fields):
        """Let a batch of new requests run as the line does, before it is searched."""
        requests = self.requests(*natures, rows=rows, **fields)
        batch = Batch(BUCKET, requests, rows * len(requests), "full")
        self.run(batch, self.searches.limits_of(BUCKET, batch.rows, self.now_s))
        return requests

    def run(self, batch, limits):
        began_s = self.now_s
        failure = self._fate(batch, limits)
        run_s = self.now_s - began_s
        self.runs.append((batch, limits, failure, run_s))
        if isinstance(failure, ModelOutOfMemory):
            self.fitting_rows.failed(BUCKET, self.rows_at_once(batch, limits), self.now_s)
        if failure is None:
            self.fitting_rows.succeeded(BUCKET, self.rows_at_once(batch, limits), self.now_s)
            self.run_times.observe(BUCKET.model, batch.rows, run_s)
            verdict = self.searches.succeeded(batch, run_s, self.now_s)
            self.results += batch.requests
            self.answered_s.append(self.now_s)
        else:
            verdict = self.searches.failed(batch, failure, limits, run_s, self.now_s)
        if verdict.blamed is not None:
            self.blamed.append(verdict.blamed)
            self.answered_s.append(self.now_s)
        if verdict.ended is not None:
            self.ended.append(verdict.ended)

    def search(self):
        """Make every run that searches ask for, with nothing else in between."""
        while (suspects := self.searches.take(self.now_s)) is not None:
            self.run(*suspects)
            self.searches.rest()

    @property
    def longest_silence_s(self):
        """The longest time between two answers, from the start."""
        return max(np.diff([1000.0, *self.answered_s]), default=0.0)

    def natures(self, requests):
        return [self.nature[request.record.offset] for request in requests]

    @staticmethod
    def rows_at_once(batch, limits):
        rows = min(batch.rows, limits.max_rows) if len(batch.requests) == 1 else batch.rows
        return limits.ladder.up(rows)

    def _fate(self, batch, limits):
        natures = self.natures(batch.requests)
        together = len(batch.requests)
        if self.rows_at_once(batch, limits) > self.memory_rows or HUNGRY in natures:
            self.now_s += self.base_s
            return ModelOutOfMemory("no memory")
        if LOOPS in natures:
            self.now_s += limits.run_s
            return ModelTimeout("too long")
        if FAILS in natures or together > self.company:
            self.now_s += self.base_s
            return ModelFailed("no such thing")
        run_s = self.base_s + self.row_s * batch.rows
        slow_s = max((nature for nature in natures if isinstance(nature, float)), default=0.0)
        self.now_s += min(max(run_s, slow_s), limits.run_s)
        return ModelTimeout("too long") if max(run_s, slow_s) > limits.run_s else None
