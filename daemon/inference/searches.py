"""The searches for culprits under way, and how they share the executor with everything else. Pure.

Rule 1. A search is one run after the other, each by itself a turn at the executor. Where other
  batches are due, runs of searches get no more of its time than they do.
Rule 2. Runs by which no request is judged have a short limit while a model is under suspicion:
  from a run that took too long until none has for SUSPICION run limits. It is SLACK times what a
  run of so many rows is expected to take with its deviations, and at least 1 / SHARE of the full
  limit. Where it is too short, those judged alone show by their results how long runs take now.
Rule 3. Who needs the full limit for a verdict waits for all other suspects. But no run begins that
  could end later than `search_s` after the last answer, unless it is one by which a request is
  judged: then an answer comes with it, within search_s + run_s. Nor does another batch then.
"""

from collections.abc import Collection, Mapping, Sequence
from itertools import chain
from math import inf
from typing import NamedTuple

from daemon.batching.fitting_rows import FittingRows
from daemon.batching.ladder import EXACT, Ladder
from daemon.batching.run_times import RunTimes
from daemon.inference.bisection import Bisection, Failure, Suspects, parts_of
from daemon.inference.runs import RunLimits
from daemon.values.ledger import Ledger
from daemon.values.messages import Batch, Bucket, Request
from runtime.errors import ModelTimeout, RunError

SLACK = 8
"""How much longer than expected a run may take: a busy machine has been seen to take 3 to 4 times."""
SHARE = 32
"""Halving a batch of 64 then costs less in runs that are ended early than a fifth of a full run."""
SUSPICION = 10
"""Run limits without a run that took too long: what loops comes in bursts, from one producer."""


class SearchLimits(NamedTuple):
    """`run_s`, `max_rows` and `ladder`: of one run; `search_s`: the longest search without an answer."""

    run_s: float
    search_s: float
    max_rows: int
    ladder: Ladder = EXACT


class Search(NamedTuple):
    """A search as the log tells of it: how many requests, how many of them to blame, its runs."""

    requests: int
    culprits: int
    runs: int
    run_s: float


class Verdict(NamedTuple):
    """What a run told: who is to blame, and the search that ended with it."""

    blamed: Failure | None = None
    ended: Search | None = None


class Searches:
    """Takes up batches that failed; says what is to run, and who is to blame."""

    def __init__(
        self,
        limits: Mapping[tuple[str, str], SearchLimits],
        run_times: RunTimes,
        fitting_rows: FittingRows,
    ) -> None:
        """`limits` are by (lane, model); the others are what is learned of runs."""
        self._limits = limits
        self._run_times = run_times
        self._fitting_rows = fitting_rows
        self._suspected_until_s: dict[str, float] = {}
        self._searches: list[_Search] = []
        self._under_way: tuple[Batch, _Search, Suspects] | None = None
        self._owed_s = 0.0
        self._fruitless_since_s = 0.0

    # What waits

    @property
    def are_running(self) -> bool:
        """Whether suspects run: others wait until they have."""
        return self._under_way is not None

    @property
    def waits(self) -> bool:
        """Whether suspects wait for a run."""
        return any(not each.bisection.is_over for each in self._searches)

    def are_due(self, now: float) -> bool:
        """Whether suspects wait for a run, and it is their turn."""
        search = self._next_search()
        if search is None:
            return False
        longest_s = max(
            self.limits_of(Bucket(lane, model), limits.max_rows, now).run_s
            for (lane, model), limits in self._limits.items()
        )
        return self._owed_s <= 0 or not self._may_take(longest_s, self._limits_of(search), now)

    def ledgers(self) -> set[Ledger]:
        """Return those of which suspects wait."""
        return {request.ledger for request in self._waiting()}

    def next_expiry(self) -> float | None:
        """Return the earliest deadline of a suspect that waits, None when none has one."""
        expires_s = min([request.expires_s for request in self._waiting()], default=inf)
        return None if expires_s == inf else expires_s

    def drop(self, ledgers: Collection[Ledger]) -> list[Request]:
        """Remove and return the suspects that wait of `ledgers`."""
        gone = [each for search in self._searches for each in search.bisection.drop(ledgers)]
        self._forget_emptied()
        return gone

    def expire(self, now: float) -> list[Request]:
        """Remove and return the suspects that wait and whose deadline has passed."""
        gone = [each for search in self._searches for each in search.bisection.expire(now)]
        self._forget_emptied()
        return gone

    # What runs

    def limits_of(self, bucket: Bucket, rows: int, now: float) -> RunLimits:
        """Return the limits of a run by which nobody is judged."""
        limits = self._limits[bucket.lane, bucket.model]
        run_s = limits.run_s
        if now < self._suspected_until_s.get(bucket.model, now):
            usual_s = self._run_times.allowance_s(bucket.model, rows)
            run_s = min(run_s, max(SLACK * usual_s, run_s / SHARE))
        most_rows = self._fitting_rows.most(bucket, now)
        return RunLimits(
            run_s,
            limits.run_s,
            max_rows=int(min(limits.max_rows, most_rows)),
            ladder=limits.ladder.within(most_rows),
        )

    def take(self, now: float) -> tuple[Batch, RunLimits] | None:
        """Return what is to run now, None when no suspect waits, or others run.

        None also while some are of lost partitions: those are to be dropped, not to be run.
        """
        search = None if self.are_running else self._next_search()
        if search is None or any(request.ledger.lost for request in self._waiting()):
            return None
        limits = self._limits_of(search)
        longest_s = self.limits_of(search.batch.bucket, search.batch.rows, now).run_s
        must_judge = not self._may_take(longest_s, limits, now)
        most_rows = self._fitting_rows.most(search.batch.bucket, now)
        suspects = search.bisection.next(at_once=must_judge, most_rows=most_rows)
        rows = sum([request.rows for request in suspects.requests])
        batch = Batch(search.batch.bucket, suspects.requests, rows, search.batch.cause)
        within = self.limits_of(batch.bucket, rows, now)
        if suspects.alone:
            ladder = within.ladder.within(suspects.slice_rows)
            within = within._replace(run_s=within.full_s, ladder=ladder)
        self._under_way = batch, search, suspects
        return batch, within._replace(max_rows=suspects.slice_rows)

    def is_under_way(self, batch: Batch) -> bool:
        """Whether `batch` was taken here and has not come back."""
        return self._under_way is not None and self._under_way[0] is batch

    def succeeded(self, batch: Batch, run_s: float, now: float) -> Verdict:
        """`batch`, one of a search or another, got results after `run_s`."""
        self._fruitless_since_s = now
        if not self.is_under_way(batch):
            self._owed_s = max(self._owed_s - run_s, 0.0)
            return Verdict()
        search, suspects = self._came_back(run_s)
        search.bisection.succeeded(suspects)
        return Verdict(ended=self._ended(search))

    def failed(
        self, batch: Batch, failure: RunError, limits: RunLimits, run_s: float, now: float
    ) -> Verdict:
        """`batch`, one of a search or another, failed within `limits` after `run_s`."""
        if isinstance(failure, ModelTimeout):
            self._suspected_until_s[batch.bucket.model] = now + SUSPICION * limits.full_s
        if self.is_under_way(batch):
            search, suspects = self._came_back(run_s)
        else:
            search = self._begun(batch, limits, run_s, now)
            suspects = search.bisection.first
        parts = self._parts(batch, failure, now)
        blamed = search.bisection.failed(suspects, failure, limits, parts=parts)
        if blamed is not None:
            search.culprits += 1
            self._fruitless_since_s = now
        return Verdict(blamed, self._ended(search))

    def rest(self) -> None:
        """Nothing else is due: searches owe nobody anything."""
        self._owed_s = 0.0

    def _may_take(self, run_s: float, limits: SearchLimits, now: float) -> bool:
        """Whether a run that ends without an answer may begin now and take `run_s`."""
        return now + run_s - self._fruitless_since_s <= limits.search_s

    def _limits_of(self, search: "_Search") -> SearchLimits:
        bucket = search.batch.bucket
        return self._limits[bucket.lane, bucket.model]

    def _next_search(self) -> "_Search | None":
        """Return the oldest one with suspects for a short run, else the oldest of all."""
        waiting = [each for each in self._searches if not each.bisection.is_over]
        groups = [each for each in waiting if each.bisection.has_groups]
        return next(iter(groups or waiting), None)

    def _begun(self, batch: Batch, limits: RunLimits, run_s: float, now: float) -> "_Search":
        self._owed_s = max(self._owed_s - run_s, 0.0)
        if not self._searches:
            self._fruitless_since_s = now - run_s
        search = _Search(batch, Bisection(batch.requests, max_rows=limits.max_rows))
        self._searches.append(search)
        return search

    def _came_back(self, run_s: float) -> "tuple[_Search, Suspects]":
        if self._under_way is None:
            raise ValueError("no run of a search is under way")
        _, search, suspects = self._under_way
        self._under_way = None
        self._owed_s += run_s
        search.runs += 1
        search.run_s += run_s
        return search, suspects

    def _forget_emptied(self) -> None:
        at_work = self._under_way[1] if self._under_way is not None else None
        self._searches = [
            each for each in self._searches if each is at_work or not each.bisection.is_over
        ]

    def _ended(self, search: "_Search") -> Search | None:
        if not search.bisection.is_over:
            return None
        self._searches.remove(search)
        return Search(len(search.batch.requests), search.culprits, search.runs, search.run_s)

    def _parts(self, batch: Batch, failure: RunError, now: float) -> int:
        """Return in how many parts to split what failed: two, unless it failed by time."""
        bucket = batch.bucket
        in_vain_s = 0.0
        if isinstance(failure, ModelTimeout):
            in_vain_s = self.limits_of(bucket, batch.rows, now).run_s
        return parts_of(
            batch.requests,
            lambda rows: self._run_times.expected_s(bucket.model, rows),
            in_vain_s,
        )

    def _waiting(self) -> Sequence[Request]:
        return list(chain.from_iterable(each.bisection.waiting for each in self._searches))


class _Search:
    __slots__ = ("batch", "bisection", "culprits", "run_s", "runs")

    def __init__(self, batch: Batch, bisection: Bisection) -> None:
        self.batch = batch
        self.bisection = bisection
        self.culprits = 0
        self.runs = 0
        self.run_s = 0.0
