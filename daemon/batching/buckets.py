"""Requests that wait, bucket by bucket: only those of one bucket may share a batch."""

import math
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import chain, groupby, islice
from operator import attrgetter, itemgetter
from typing import Literal, TypeAlias

from daemon.batching.timer_queue import TimerQueue
from daemon.values.lane import LanePolicy
from daemon.values.ledger import Ledger
from daemon.values.messages import Bucket, FlushCause, Request
from daemon.values.request_run import RequestRun, Waiting, gathered, in_runs

_ARRIVAL, _EXPIRY, _OFFSET = attrgetter("arrived_s"), attrgetter("expires_s"), itemgetter(0)

_LOOK_AHEAD = 32
"""Requests beyond the first misfit that are tried in a batch's remaining room: enough to fill it
with small ones, few beside the run of a batch (0.1 us each)."""

Limit = Literal["full", "bytes"]
"""Why nothing more went into a batch."""

Cut: TypeAlias = Callable[[Sequence[Request]], Sequence[Sequence[Request]]]
"""Returns the slices in which a batch runs; one: whole."""


class BucketQueue:
    """One bucket's waiting requests in order of arrival, with their rows and bytes.

    Rule 1: a batch starts with the oldest request and takes each next one that still fits, so a
    request leaves no later than if the batch ended at the first that does not fit.
    Rule 2: a request that exceeds a limit by itself is a batch by itself.
    Rule 3: what is left of a batch that is cut waits apart, and is the next to leave, slice by slice.
    Rule 4: a run of requests is cut where a batch ends. Where each request of it has to be looked at,
    it waits from then on as single ones.
    """

    __slots__ = (
        "_closed_by",
        "_count",
        "_cut_oldest_s",
        "_slices",
        "_waiting",
        "cost_bytes",
        "deadlines",
        "key",
        "laggards",
        "policy",
        "rows",
    )

    def __init__(self, key: Bucket, policy: LanePolicy) -> None:
        self.key = key
        self.policy = policy
        self.rows = 0
        self.cost_bytes = 0
        self.deadlines: TimerQueue[Waiting] = TimerQueue()
        self.laggards: set[Waiting] = set()
        self._count = 0
        self._waiting: deque[Waiting] = deque()
        # What is left of a batch that was cut, why it was closed, when its oldest request arrived.
        self._slices: deque[Sequence[Request]] = deque()
        self._closed_by: FlushCause = "full"
        self._cut_oldest_s = math.inf

    @property
    def oldest_s(self) -> float:
        """When the oldest request arrived, of a batch that is cut also one that has left.

        Raises IndexError when nothing waits.
        """
        if not self._slices:
            return self._waiting[0].arrived_s
        return min([self._cut_oldest_s, *[each.arrived_s for each in islice(self._waiting, 1)]])

    @property
    def earliest_deadline_s(self) -> float:
        """When the first waiting request expires, inf when none does."""
        first = self.deadlines.first()
        return math.inf if first is None else first[0]

    @property
    def full(self) -> bool:
        """Whether a further request could not join the next batch."""
        return (
            self.rows >= self.policy.max_rows
            or self.cost_bytes >= self.policy.max_bytes
            or bool(self._slices)
        )

    def extend(self, waiting: list[Waiting]) -> None:
        """Let requests wait, each at its place by arrival; the list is not kept."""
        waiting.sort(key=_ARRIVAL)
        self._count += sum([each.count for each in waiting])
        self.rows += sum([each.rows for each in waiting])
        self.cost_bytes += sum([each.cost_bytes for each in waiting])
        self._await(waiting)
        # Requests whose preparation took longer may come after younger ones.
        overtaken = []
        while self._waiting and self._waiting[-1].arrived_s > waiting[0].arrived_s:
            overtaken.append(self._waiting.pop())
        if overtaken:
            waiting = sorted([*reversed(overtaken), *waiting], key=_ARRIVAL)
        self._waiting.extend(waiting)

    def _await(self, waiting: Iterable[Waiting]) -> None:
        """Note when each of them expires, a run when its first does."""
        timed = [each for each in waiting if each.expires_s < math.inf]
        for expires_s, group in groupby(timed, _EXPIRY):
            self.deadlines.put_new([*group], expires_s)

    def take(
        self, cause: FlushCause, *, most_rows: float, cut: Cut
    ) -> tuple[Sequence[Request], FlushCause]:
        """Remove and return the next batch and why it closed, which is `cause` when all that waits fits.

        `most_rows` are what it may have at present, where that is less than N. Where `cut` makes it
        several, the first is returned, and the others are the next ones.
        """
        if not self._slices:
            max_rows = int(min(self.policy.max_rows, most_rows))
            requests, limit = self._alike(max_rows) or self._first_fit(max_rows)
            self._closed_by = limit or cause
            self._cut_oldest_s = in_runs(requests)[0].arrived_s
            self._slices.extend(cut(requests))
            if len(self._slices) > 1:
                self._part(requests)
        taken = self._slices.popleft()
        self._forget(taken)
        return taken, "slice" if self._slices else self._closed_by

    def _alike(self, max_rows: int) -> tuple[Sequence[Request], Limit | None] | None:
        """Take the next batch where no request has to be looked at alone, else take nothing."""
        if self.rows != self._count:  # some have several rows
            return None
        count = min(max_rows, self._count)
        taken = self._first(count)
        size_bytes = sum([each.cost_bytes for each in taken])
        if size_bytes >= self.policy.max_bytes:
            self._waiting.extendleft(reversed(taken))
            return None
        limit: Limit | None = "full" if count == max_rows else None
        return gathered(taken), limit

    def _first(self, count: int) -> list[Waiting]:
        """Take the first `count` requests; a run that goes on behind them is cut."""
        popleft = self._waiting.popleft
        if len(self._waiting) == self._count:  # no runs
            return [popleft() for _ in range(count)]
        taken: list[Waiting] = []
        while count > 0:
            each = popleft()
            if not isinstance(each, Request) and each.count > count:
                each = self._cut_off(each, count)
            taken.append(each)
            count -= each.count
        return taken

    def _cut_off(self, run: RequestRun, count: int) -> RequestRun:
        """Return the first `count` requests of `run`, which was the first; its others are that now."""
        taken, left = run.part(0, count), run.part(count, run.count)
        self._waiting.appendleft(left)
        self._replace(run, [taken, left])
        return taken

    def _replace(self, run: RequestRun, instead: Sequence[Waiting]) -> None:
        """Let what is known of `run` be known of what stands for it, in its order."""
        self.deadlines.discard([run])
        self._await(instead)
        if run in self.laggards:
            self.laggards.remove(run)
            self.laggards.add(instead[0])

    def _part(self, requests: Sequence[Request]) -> None:
        """Let those of runs wait as single requests, of which slices are made."""
        each_one = iter(requests)
        for each in in_runs(requests):
            its = [*islice(each_one, each.count)]
            if not isinstance(each, Request):
                self._replace(each, its)

    def _take_apart(self, run: RequestRun) -> None:
        """Let `run` wait as single requests from now on."""
        requests = run.apart()
        self._waiting = deque(
            chain.from_iterable(requests if each is run else (each,) for each in self._waiting)
        )
        self._replace(run, requests)

    def _first_fit(self, max_rows: int) -> tuple[Sequence[Request], Limit | None]:
        """Take the next batch request by request; what does not fit stays at the front."""
        taken: list[Request] = []
        passed: list[Request] = []
        limit: Limit | None = None
        rows, size_bytes = max_rows, self.policy.max_bytes  # what is left of them
        while self._waiting and rows > 0 and size_bytes > 0 and len(passed) <= _LOOK_AHEAD:
            request = self._waiting[0]
            if not isinstance(request, Request):
                self._take_apart(request)
                continue
            self._waiting.popleft()
            if not taken or (request.rows <= rows and request.cost_bytes <= size_bytes):
                taken.append(request)
                rows -= request.rows
                size_bytes -= request.cost_bytes
            else:
                passed.append(request)
                limit = limit or ("full" if request.rows > rows else "bytes")
        self._waiting.extendleft(reversed(passed))
        if rows <= 0:
            limit = "full"
        elif size_bytes <= 0:
            limit = "bytes"
        return taken, limit

    def expire(self, now: float) -> list[Request]:
        """Remove and return the requests whose deadline has passed. O(waiting) when any has."""
        expired: list[Request] = []
        while (first := self.deadlines.first()) is not None and first[0] <= now:
            if isinstance(first[1], Request):
                expired.append(first[1])
                self.deadlines.discard([first[1]])
            else:
                self._take_apart(first[1])
        # Where all are given the same time, the expired are the oldest.
        count = len(expired)
        while count and not self._slices and self._waiting[0].expires_s <= now:
            self._waiting.popleft()
            count -= 1
        if count:
            self._keep(lambda each: each.expires_s > now)
        self._forget(expired)
        return expired

    def drop(self, ledgers: Collection[Ledger]) -> list[Request]:
        """Remove and return the requests of `ledgers`. O(waiting)."""
        dropped = gathered([each for each in self._all() if each.ledger in ledgers])
        if dropped:
            self._keep(lambda each: each.ledger not in ledgers)
            self._forget(dropped)
        return [*dropped]

    def ledgers(self) -> set[Ledger]:
        """Return those of which requests wait. O(waiting)."""
        return {each.ledger for each in self._all()}

    def oldest_of(self, ledger: Ledger) -> tuple[int, Waiting] | None:
        """Return the lowest offset of `ledger` that waits, and what has it. O(waiting).

        Not the first in the queue: what was prepared later may have arrived at the same time.
        """
        offsets = [(_first_offset(each), each) for each in self._all() if each.ledger is ledger]
        return min(offsets, key=_OFFSET, default=None)

    def _all(self) -> Iterable[Waiting]:
        return chain(*self._slices, self._waiting)

    def _keep(self, stays: Callable[[Waiting], bool]) -> None:
        self._waiting = deque(filter(stays, self._waiting))
        left = [list(filter(stays, each)) for each in self._slices]
        self._slices = deque([each for each in left if each])

    def _forget(self, requests: Sequence[Request]) -> None:
        gone = in_runs(requests)
        self._count -= len(requests)
        self.rows -= sum([each.rows for each in gone])
        self.cost_bytes -= sum([each.cost_bytes for each in gone])
        if self.deadlines:
            self.deadlines.discard(gone)
        if self.laggards:
            self.laggards.difference_update(gone)


def _first_offset(waiting: Waiting) -> int:
    if isinstance(waiting, Request):
        return waiting.record.offset
    return waiting.columns.offsets[0]
