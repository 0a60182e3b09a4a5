"""Which offsets of a partition are answered, and so what may be committed.

Pure: no clock, no loop, no I/O. Requests arrive and are answered mostly in order, so what is
outstanding is a few runs of consecutive offsets, kept as one ascending list of their edges:
[first, end, first, end, ...], `end` being the offset after a run's last. Whole chunks are entered
and settled by set operations on edges, which cost nothing per offset in Python.
Gaps in the offsets (compaction, transaction markers) are never outstanding and hold nothing back.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import TypeAlias

from daemon.values.lane import Lane

Edges: TypeAlias = Sequence[int]
"""Ascending runs of offsets: [first, end, first, end, ...], `end` being the one after a run's last."""


class Ledger:
    """One partition of one assignment: what was started, what is settled.

    A new assignment gets a new ledger, so a late answer settles a ledger that nobody reads any more.
    """

    __slots__ = (
        "__weakref__",
        "_ahead",
        "_edges",
        "_first",
        "_position",
        "closed",
        "has_result",
        "lane",
        "lost",
        "number",
        "topic",
    )

    def __init__(
        self, topic: str, number: int, position: int, lane: Lane, *, ahead: Edges = ()
    ) -> None:
        """`lane` is the one that `topic` belongs to; `ahead` are runs from `position` on that were
        answered before, and are never to be started here.
        """
        self.topic = topic
        self.number = number
        self.lane = lane
        self.lost = False
        """Another worker owes what is unanswered: an answer from here counts for nothing."""
        self.closed = False
        """Nothing is read into it any more, since its log lost what was read: what is unanswered
        in it is still owed, and by this worker alone."""
        self.has_result = False
        """Whether any of its requests has got a result, rather than an error."""
        self._first = position
        self._position = position
        self._edges: list[int] = []
        self._ahead = tuple(ahead)

    @property
    def position(self) -> int:
        """The offset after everything that was read, markers and gaps included."""
        return self._position

    @property
    def committable(self) -> int:
        """The offset below which everything is settled."""
        return self._edges[0] if self._edges else self._position

    @property
    def span(self) -> int:
        """How far reading is ahead of the oldest unanswered offset."""
        return self._position - self.committable

    @property
    def outstanding(self) -> int:
        """How many offsets are started and not settled. O(runs)."""
        return _length(self._edges)

    def settled_from(self, offset: int) -> Edges:
        """Return the runs of offsets from `offset` on that are not outstanding.

        Up to the position all of them, beyond it those that were answered before.
        """
        first = min(max(offset, self._first), self._position)
        outstanding, ahead = _from(first, self._edges), _from(self._position, self._ahead)
        # Where two runs touch, or one is cut out at the end of another, both have the same edge.
        return sorted({first} ^ {self._position} ^ set(outstanding) ^ set(ahead))

    @property
    def has_ahead(self) -> bool:
        """Whether something beyond the position was answered before this assignment."""
        return bool(self._ahead) and self._ahead[-1] > self._position

    def unanswered(self, offset: int) -> bool:
        """Whether `offset` was not answered before this assignment."""
        return bisect_right(self._ahead, offset) % 2 == 0

    def start(self, offsets: Sequence[int], *, position: int) -> None:
        """Enter `offsets`, beyond all earlier ones; `position` is the offset after what was read.

        Raises ValueError, and enters nothing, when an offset is outside of what was newly read.
        """
        edges = _edges_of(offsets)
        if position < self._position or (
            edges and (edges[0] < self._position or edges[-1] > position)
        ):
            raise ValueError(f"{self._name}: read {_shown(offsets)} up to {position}")
        if edges and self._edges and self._edges[-1] == edges[0]:
            self._edges.pop()
            del edges[0]
        self._edges += edges
        self._position = position

    def settle(self, offsets: Sequence[int]) -> None:
        """Mark `offsets` answered, in any order.

        Raises ValueError, and settles nothing, when one of them is not outstanding.
        O(runs between the lowest and the highest of them).
        """
        edges = _edges_of(offsets)
        if not edges:
            return
        low = bisect_right(self._edges, edges[0])
        low -= low % 2
        high = bisect_left(self._edges, edges[-1])
        high += high % 2
        before = self._edges[low:high]
        # What remains of runs once others inside them are cut out is bounded by the edges that
        # occur on one side only; an edge that both have is where run and cut end together.
        after = sorted(set(before).symmetric_difference(edges))
        # Offsets that were not outstanding would have been added instead of cut out.
        if _length(after) != _length(before) - len(offsets):
            raise ValueError(f"{self._name}: settled {_shown(offsets)}, not all outstanding")
        self._edges[low:high] = after

    @property
    def _name(self) -> str:
        return f"{self.topic}/{self.number}"


def _edges_of(offsets: Sequence[int]) -> list[int]:
    """Return the edges of the runs that `offsets` make; raises ValueError for one given twice."""
    if not offsets:
        return []
    run = range(offsets[0], offsets[0] + len(offsets))
    if offsets == run or (offsets[-1] == run[-1] and list(offsets) == list(run)):  # nearly always
        return [run.start, run.stop]
    distinct = set(offsets)
    if len(distinct) != len(offsets):
        raise ValueError(f"an offset twice in {_shown(offsets)}")
    first, last = min(offsets), max(offsets)
    if last - first + 1 == len(offsets):
        return [first, last + 1]
    return sorted(distinct.symmetric_difference([offset + 1 for offset in offsets]))


def _from(offset: int, edges: Edges) -> Edges:
    """Return what of the runs lies at or beyond `offset`."""
    index = bisect_right(edges, offset)
    return [offset, *edges[index:]] if index % 2 else edges[index:]


def _length(edges: Sequence[int]) -> int:
    return sum(edges[1::2]) - sum(edges[::2])


def _shown(offsets: Sequence[int]) -> str:
    return f"{len(offsets)} offsets from {min(offsets, default=None)}"
