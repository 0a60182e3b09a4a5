"""Whose values a thread takes next, and what is given up because it takes too long. Pure.

Rule 1. Lanes take turns by fair queueing (daemon.batching.fair_queue); in a lane the oldest group
  is next.
Rule 2. A slice ends with its group, or after SLICE_S between two values; what is left of the group
  waits for its lane's next turn. So who comes new waits for a value or for SLICE_S, whichever is
  longer, however much the other lanes have: no longer than any lane has patience, but for one value.
Rule 3. A value that takes longer than its group's limit is given up: Late is its result, and its group
  comes back with what it has. Else one with more such values than there are threads would take them
  all and have no answer. What the thread brings later counts no more. So it is where the work itself
  ended a value that took too long, and says Late.
Rule 4. A group comes back with what it has once that takes GROUP_BYTES, since nobody counts results
  before they are back.
Rule 5. A lock is taken for a slice, not for a value: it cost a transform that does nothing 1.4 us a
  value. So `TimeSlice.came` is called without one while `give_up_late` may be: each stores and reads
  single values, in an order that tells the other enough.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from config.settings import LEAST_PATIENCE
from daemon.batching.fair_queue import FairQueue

SLICE_S = LEAST_PATIENCE
"""No lane may have less patience. Slices on the loop are shorter: see loop_slices.py."""

GROUP = 16
"""Values that go together: long enough to hide a hand-over, short enough to share out."""
LARGE_GROUP = 64
"""The same where steps are short: to hand a group over and back, or to wake the dispatcher for what
comes of it, is worth 20 to 100 us."""
GROUP_BYTES = 2**20
"""Bytes of results that come back together: to write as many takes longer than to hand them over."""
_LEAST_S = 1e-6
"""No call is free."""

In = TypeVar("In")
Out = TypeVar("Out")


class Late(NamedTuple):
    """The result of a value that took longer than its limit."""

    limit_s: float


class ValueGroup(Generic[In, Out]):
    """Values of one lane that come back together, as results in their order.

    `work` makes a result of a value; what it raises is the `failure` of all. `is_cut` turns true when
    one is late, or results take much memory: those behind have no result. `is_wanted` turns false
    when nobody waits for them any more.
    """

    def __init__(
        self,
        lane: str,
        work: Callable[[In], Out],
        values: Sequence[In],
        *,
        limit_s: float,
        size: Callable[[Out], int],
    ) -> None:
        """`limit_s` is what one value may take; `size` tells the bytes that a result holds."""
        self.lane = lane
        self.work = work
        self.values = values
        self.limit_s = limit_s
        self.size = size
        self.results: list[Out | Late] = []
        self.results_bytes = 0
        self.failure: BaseException | None = None
        self.is_cut = False
        self.is_wanted = True

    @property
    def is_over(self) -> bool:
        """Whether each value has its result, or none is to get one any more."""
        is_whole = len(self.results) == len(self.values)
        return is_whole or self.is_cut or self.failure is not None or not self.is_wanted


class TimeSlice:
    """A group in a thread's hands; `values` are those without a result when it began."""

    def __init__(self, group: ValueGroup[Any, Any], now_s: float, longest_s: float) -> None:
        self.group = group
        self.values = group.values[len(group.results) :]
        self.results: list[Any] = []
        self.results_bytes = 0
        self.failure: BaseException | None = None
        self.began_s = now_s
        self.ends_s = now_s + longest_s
        self.value_began_s = now_s
        self.is_given_up = False

    @property
    def value(self) -> object:
        """The value under way."""
        return self.values[len(self.results)]

    @property
    def late_s(self) -> float:
        """When the value under way has passed its limit."""
        return self.value_began_s + self.group.limit_s

    def work_off(self, clock: Callable[[], float]) -> None:
        """Make results of its values, one after the other; what that raises is its failure."""
        work, came = self.group.work, self.came
        try:
            for value in self.values:
                if not came(work(value), clock()):
                    break
        except BaseException as failure:  # noqa: BLE001 -- raised to who waits for the group
            self.failure = failure

    def came(self, result: object, now_s: float) -> bool:
        """Take the result of the value under way; returns whether the slice goes on with the next.

        Called by its thread alone.
        """
        self.value_began_s = now_s  # first: who sees the result sees the time of the next value
        self.results.append(result)
        if isinstance(result, Late):
            return False
        self.results_bytes += self.group.size(result)
        return not (
            now_s >= self.ends_s
            or self.results_bytes + self.group.results_bytes >= GROUP_BYTES
            or self.is_given_up
            or len(self.results) == len(self.values)
            or not self.group.is_wanted
        )


class TimeSlices:
    """Groups that wait, by lane, and the slices under way."""

    def __init__(
        self, weights: Mapping[str, int], slice_s: float = SLICE_S, *, least_group: int = GROUP
    ) -> None:
        """`weights` are all lanes', as in the settings; `slice_s` is the longest slice.

        `least_group`: values that go together however long each takes.
        """
        self._slice_s = slice_s
        self._least_group = least_group
        self._lanes = FairQueue(weights)
        self._waiting: dict[str, deque[ValueGroup[Any, Any]]] = {lane: deque() for lane in weights}
        self._under_way: set[TimeSlice] = set()
        self._value_s = dict.fromkeys(weights, slice_s)  # in each lane's last slice

    def group_size(self, lane: str) -> int:
        """Return how many values of `lane` are to go together: about what takes a slice."""
        return min(max(int(self._slice_s / self._value_s[lane]), self._least_group), LARGE_GROUP)

    def put(self, group: ValueGroup[Any, Any]) -> None:
        """Let `group`, which has values, wait for its lane's turn."""
        self._waiting[group.lane].append(group)

    def take(self, now_s: float) -> TimeSlice | None:
        """Return the slice that begins now, None when nothing waits."""
        while (lane := self._lanes.first(self._lanes_that_wait())) is not None:
            group = self._waiting[lane].popleft()
            if group.is_wanted:
                self._lanes.begin(self._lanes.give(lane, self._slice_s))
                piece = TimeSlice(group, now_s, self._slice_s)
                self._under_way.add(piece)
                return piece
        if not self._under_way:
            self._lanes.rest()
        return None

    def end(self, piece: TimeSlice, now_s: float) -> None:
        """Take what came of `piece`, which is over. What was given up is nobody's."""
        if not piece.is_given_up:
            took_s = now_s - piece.began_s
            self._lanes.correct(piece.group.lane, took_s - self._slice_s)
            self._value_s[piece.group.lane] = took_s / max(len(piece.results), 1) + _LEAST_S
            piece.group.failure = piece.failure
            self._let_go(piece, piece.results)

    def give_up_late(self, now_s: float) -> Sequence[TimeSlice]:
        """End the slices whose value has passed its limit, and return them.

        Their lanes are not charged for it: the thread is lost to all of them.
        """
        given_up = []
        for piece in list(self._under_way):
            count = len(piece.results)  # before the time is read: see TimeSlice.came
            if now_s < piece.late_s:
                continue
            piece.is_given_up = True
            results = list(piece.results)
            if len(results) == count < len(piece.values):
                results.append(Late(piece.group.limit_s))
            # Else it came at the last moment; its thread has seen that, or makes one call in vain.
            self._let_go(piece, results)
            given_up.append(piece)
        return given_up

    def next_late_s(self, now_s: float) -> float | None:
        """Return before when nothing more will be late; None when there is nothing."""
        under_way = [piece.group for piece in self._under_way]
        waiting = [group for groups in self._waiting.values() for group in groups]
        times_s = [piece.late_s for piece in self._under_way]
        times_s += [now_s + group.limit_s for group in (*under_way, *waiting)]
        return min(times_s, default=None)

    def _let_go(self, piece: TimeSlice, results: Sequence[Any]) -> None:
        self._under_way.remove(piece)
        piece.group.results += results
        piece.group.results_bytes += piece.results_bytes
        ends_late = bool(results) and isinstance(results[-1], Late)
        if ends_late or piece.group.results_bytes >= GROUP_BYTES:
            piece.group.is_cut = True
        if not piece.group.is_over:
            self._waiting[piece.group.lane].appendleft(piece.group)

    def _lanes_that_wait(self) -> list[str]:
        return [lane for lane, waiting in self._waiting.items() if waiting]
