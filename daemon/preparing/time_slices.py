"""Whose values a thread takes next, and what is given up because it takes too long. Pure.

Rule 1. Lanes take turns by fair queueing (daemon.batching.fair_queue); in a lane the oldest group
  is next.
Rule 2. A slice ends with its group, or after SLICE_S between two values; what is left of the group
  waits for its lane's next turn. So who comes new waits for a value or for SLICE_S, whichever is
  longer, however much the other lanes have.
Rule 3. A value that takes longer than its group's limit is given up: Late is its result, and what
  is left of the group waits for its next turn. What its thread brings later counts no more.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from daemon.batching.fair_queue import FairQueue

SLICE_S = 0.02
"""The linger of the urgent lane in examples/filetype: it may wait as long for a thread as well."""

In = TypeVar("In")
Out = TypeVar("Out")


class Late(NamedTuple):
    """The result of a value that took longer than its limit."""

    limit_s: float


class ValueGroup(Generic[In, Out]):
    """Values of one lane that come back together, as results in their order.

    `work` makes a result of a value; what it raises is the `failure` of all. `is_wanted` turns false
    when nobody waits for them any more.
    """

    def __init__(
        self, lane: str, work: Callable[[In], Out], values: Sequence[In], *, limit_s: float
    ) -> None:
        """`limit_s` is what one value may take."""
        self.lane = lane
        self.work = work
        self.values = values
        self.limit_s = limit_s
        self.results: list[Out | Late] = []
        self.failure: BaseException | None = None
        self.is_wanted = True

    @property
    def is_over(self) -> bool:
        """Whether each value has its result, or none is to get one any more."""
        return (
            len(self.results) == len(self.values) or self.failure is not None or not self.is_wanted
        )


class TimeSlice:
    """A group in a thread's hands; `value` is the one under way, since `value_began_s`."""

    def __init__(self, group: ValueGroup[Any, Any], now_s: float) -> None:
        self.group = group
        self.began_s = now_s
        self.is_given_up = False
        self.next_value(now_s)

    def next_value(self, now_s: float) -> None:
        """Begin the first value that has no result."""
        self.value_began_s = now_s
        self.value = self.group.values[len(self.group.results)]

    @property
    def late_s(self) -> float:
        """When its value has passed its limit."""
        return self.value_began_s + self.group.limit_s


class TimeSlices:
    """Groups that wait, by lane, and the slices under way."""

    def __init__(self, weights: Mapping[str, int]) -> None:
        """`weights` are all lanes', as in the settings."""
        self._lanes = FairQueue(weights)
        self._waiting: dict[str, deque[ValueGroup[Any, Any]]] = {lane: deque() for lane in weights}
        self._under_way: set[TimeSlice] = set()

    def put(self, group: ValueGroup[Any, Any]) -> None:
        """Let `group`, which has values, wait for its lane's turn."""
        self._waiting[group.lane].append(group)

    def take(self, now_s: float) -> TimeSlice | None:
        """Return the slice that begins now, None when nothing waits."""
        while (lane := self._lanes.first(self._lanes_that_wait())) is not None:
            group = self._waiting[lane].popleft()
            if group.is_wanted:
                self._lanes.begin(self._lanes.give(lane, SLICE_S))
                piece = TimeSlice(group, now_s)
                self._under_way.add(piece)
                return piece
        if not self._under_way:
            self._lanes.rest()
        return None

    def came(self, piece: TimeSlice, result: object, now_s: float) -> bool:
        """Take the result of the value under way; returns whether the slice goes on with the next.

        The result of one that was given up is nobody's.
        """
        if piece.is_given_up:
            return False
        piece.group.results.append(result)
        if not piece.group.is_over and now_s - piece.began_s < SLICE_S:
            piece.next_value(now_s)
            return True
        self._end(piece, now_s)
        return False

    def failed(self, piece: TimeSlice, failure: BaseException, now_s: float) -> None:
        """Take what the value under way raised: it ends the slice and its group."""
        if not piece.is_given_up:
            piece.group.failure = failure
            self._end(piece, now_s)

    def give_up_late(self, now_s: float) -> Sequence[TimeSlice]:
        """End the slices whose value has passed its limit, and return them.

        Their lanes are not charged for it: the thread is lost to all of them.
        """
        late = [piece for piece in self._under_way if now_s >= piece.late_s]
        for piece in late:
            piece.is_given_up = True
            piece.group.results.append(Late(piece.group.limit_s))
            self._let_go(piece)
        return late

    def next_late_s(self, now_s: float) -> float | None:
        """Return before when nothing more will be late; None when there is nothing."""
        under_way = [piece.group for piece in self._under_way]
        waiting = [group for groups in self._waiting.values() for group in groups]
        times_s = [piece.late_s for piece in self._under_way]
        times_s += [now_s + group.limit_s for group in (*under_way, *waiting)]
        return min(times_s, default=None)

    def _end(self, piece: TimeSlice, now_s: float) -> None:
        self._lanes.correct(piece.group.lane, now_s - piece.began_s - SLICE_S)
        self._let_go(piece)

    def _let_go(self, piece: TimeSlice) -> None:
        self._under_way.remove(piece)
        if not piece.group.is_over:
            self._waiting[piece.group.lane].appendleft(piece.group)

    def _lanes_that_wait(self) -> list[str]:
        return [lane for lane, waiting in self._waiting.items() if waiting]
