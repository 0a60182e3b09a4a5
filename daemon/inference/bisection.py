"""Finds the requests that make a batch fail. Pure: it says what to run next and is told how it went.

Rule 1. A request is to blame when a run of it alone failed, and by time only when that run had the
  full limit. Whatever succeeds has its result; so nobody is blamed for the company.
Rule 2. What failed is split: in halves, or, since a run that is ended late costs more than many
  good ones, in as many parts as cost together no more than it (`parts_of`).
Rule 3. When all other parts of what failed have succeeded, the last one is taken to hold a culprit
  and is split without a run. Not for want of memory, which is a matter of company.
Rule 4. Those that need the full limit for their verdict wait until no other suspect does.
Rule 5. A lone request for which there is no memory runs in slices of half the rows, down to one.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise
from math import ceil, inf
from typing import NamedTuple

from daemon.inference.runs import RunLimits
from daemon.values.errors import Code
from daemon.values.ledger import Ledger
from daemon.values.messages import Request
from runtime.errors import ModelOutOfMemory, ModelTimeout, OutputInvalid, RunError

_HALVES = 2


class Failure(NamedTuple):
    """A request that gets no result, and why."""

    request: Request
    code: Code
    detail: str


@dataclass(slots=True)
class _Split:
    """What became of the parts of a group that failed; `open` have not run."""

    open: int
    is_explained: bool = False


@dataclass(slots=True)
class Suspects:
    """Requests that run together to find out whether one of them is to blame.

    `alone`: it is one request, and this is the run by which it is judged; `slice_rows` are at most
    the rows of one run.
    """

    requests: list[Request]
    slice_rows: int
    alone: bool = False
    _split: _Split = field(default_factory=lambda: _Split(1, is_explained=True))

    @property
    def must_hold_a_culprit(self) -> bool:
        """Whether everything that failed together with them has succeeded since."""
        return self._split.open == 1 and not self._split.is_explained

    def split(self, parts: int, *, by_company: bool) -> list["Suspects"]:
        """Return them in `parts` of about the same size; `by_company`: maybe none is to blame."""
        count = min(parts, len(self.requests))
        edges = [len(self.requests) * each // count for each in range(count + 1)]
        split = _Split(count, is_explained=by_company)
        return [
            Suspects(self.requests[first:last], self.slice_rows, _split=split)
            for first, last in pairwise(edges)
        ]

    def ran(self, *, failed: bool) -> None:
        """They are out of the way: they ran, or were split for certain."""
        self._split.open -= 1
        self._split.is_explained |= failed

    def shrank(self) -> None:
        """Some have gone unheard: of the others no more can be said."""
        self._split.is_explained = True


class Bisection:
    """The search for the culprits of one batch; `max_rows` are the rows of one run."""

    def __init__(self, requests: Sequence[Request], *, max_rows: int) -> None:
        self.first = Suspects(list(requests), max_rows)
        """All of them: the run that has failed, or is about to."""
        self._groups: deque[Suspects] = deque()
        self._alone: deque[Suspects] = deque()

    @property
    def waiting(self) -> Iterator[Request]:
        """The requests that are to run."""
        return chain.from_iterable(each.requests for each in (*self._groups, *self._alone))

    @property
    def has_groups(self) -> bool:
        """Whether any wait that need not have the full limit."""
        return bool(self._groups)

    @property
    def is_over(self) -> bool:
        """Whether nothing waits."""
        return not self._groups and not self._alone

    def next(self, *, at_once: bool = False, most_rows: float = inf) -> Suspects:
        """Return what is to run now; raises IndexError when nothing waits.

        `at_once`: a verdict is due, so that one request has its full limit, whatever else waits.
        `most_rows`: more do not fit into memory.
        """
        if at_once:
            return self._next_alone()
        if self._groups:
            self._split_too_large(most_rows)
        return (self._groups or self._alone).popleft()

    def succeeded(self, suspects: Suspects) -> None:
        """Clear `suspects`, who have their results."""
        suspects.ran(failed=False)
        self._deduce()

    def failed(
        self, suspects: Suspects, failure: RunError, limits: RunLimits, *, parts: int
    ) -> Failure | None:
        """Split `suspects`, whose run failed within `limits`, or return the one that is to blame."""
        suspects.ran(failed=True)
        by_company = isinstance(failure, ModelOutOfMemory)
        if len(suspects.requests) > 1:
            split = suspects.split(parts, by_company=by_company)
            self._groups.extendleft(reversed(split))
            return None
        (request,) = suspects.requests
        rows = limits.ladder.up(min(request.rows, suspects.slice_rows))
        if by_company and rows > 1:
            self._alone.append(_judged(suspects, rows // 2))
            return None
        if isinstance(failure, ModelTimeout) and not limits.are_full:
            self._alone.append(_judged(suspects, suspects.slice_rows))
            return None
        return blame(request, failure)

    def drop(self, ledgers: Collection[Ledger]) -> list[Request]:
        """Remove and return the waiting requests of `ledgers`."""
        return self._remove([each for each in self.waiting if each.ledger in ledgers])

    def expire(self, now: float) -> list[Request]:
        """Remove and return the waiting requests whose deadline has passed."""
        return self._remove([each for each in self.waiting if each.expires_s <= now])

    def _split_too_large(self, most_rows: float) -> None:
        suspects = self._groups[0]
        rows = sum([request.rows for request in suspects.requests])
        if rows > most_rows and len(suspects.requests) > 1:
            self._groups.popleft()
            suspects.ran(failed=True)
            parts = suspects.split(ceil(rows / most_rows), by_company=True)
            self._groups.extendleft(reversed(parts))

    def _deduce(self) -> None:
        """Split those who must hold a culprit, since all who failed with them have succeeded."""
        while self._groups and self._groups[0].must_hold_a_culprit:
            suspects = self._groups.popleft()
            suspects.ran(failed=True)
            if len(suspects.requests) == 1:
                self._alone.append(_judged(suspects, suspects.slice_rows))
            else:
                self._groups.extendleft(reversed(suspects.split(_HALVES, by_company=False)))

    def _next_alone(self) -> Suspects:
        if self._alone:
            return self._alone.popleft()
        suspects = self._groups[0]
        suspects.shrank()
        if len(suspects.requests) == 1:
            suspects.ran(failed=True)
            return _judged(self._groups.popleft(), suspects.slice_rows)
        return Suspects([suspects.requests.pop(0)], suspects.slice_rows, alone=True)

    def _remove(self, gone: list[Request]) -> list[Request]:
        lost = {id(request) for request in gone}
        for waiting in (self._groups, self._alone) if gone else ():
            for suspects in list(waiting):
                kept = [each for each in suspects.requests if id(each) not in lost]
                if len(kept) < len(suspects.requests):
                    suspects.requests = kept
                    suspects.shrank()
                if not kept:
                    suspects.ran(failed=False)
                    waiting.remove(suspects)
        return gone


def parts_of(
    requests: Sequence[Request], good_run_s: Callable[[int], float], failing_run_s: float
) -> int:
    """Return in how many parts to split `requests`, whose run took `failing_run_s` in vain.

    `good_run_s` tells what a run of so many rows takes when it succeeds. More parts than two find
    the culprit with fewer runs in vain, as long as all of them together cost no more than one.
    """
    count, rows = len(requests), sum([request.rows for request in requests])
    parts = _HALVES
    while parts < count and 2 * parts * good_run_s(-(-rows // (2 * parts))) <= failing_run_s:
        parts *= 2
    return min(parts, count)


def _judged(suspects: Suspects, slice_rows: int) -> Suspects:
    return Suspects(suspects.requests, slice_rows, alone=True)


def blame(request: Request, failure: RunError) -> Failure:
    """Return how `request` ends, which failed in a run of its own."""
    if isinstance(failure, ModelTimeout):
        return Failure(request, Code.MODEL_TIMEOUT, failure.detail)
    if isinstance(failure, ModelOutOfMemory):
        return Failure(request, Code.OVERLOADED, failure.detail)
    if isinstance(failure, OutputInvalid):
        return Failure(request, Code.INVALID_OUTPUT, failure.detail)
    return Failure(request, Code.INFERENCE_FAILED, failure.detail)
