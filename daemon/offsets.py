"""Which offsets of a partition are answered, and so what may be committed.

Pure: no clock, no loop, no I/O. Offsets are kept as runs [first, end), since requests arrive and
are answered mostly in order: a partition with a million answers in flight is a handful of runs.
Gaps in the offsets (compaction, transaction markers) never hold a commit back.
"""

from bisect import bisect_right
from collections.abc import Sequence


class Ledger:
    """One partition of one assignment: what was started, what is settled.

    A new assignment gets a new ledger, so a late answer settles a ledger that nobody reads any more.
    """

    __slots__ = ("_ends", "_firsts", "_position", "lost", "number", "outstanding", "topic")

    def __init__(self, topic: str, number: int, position: int) -> None:
        self.topic = topic
        self.number = number
        self.lost = False
        self.outstanding = 0
        self._position = position
        self._firsts: list[int] = []
        self._ends: list[int] = []

    @property
    def position(self) -> int:
        """The offset after everything that was read, markers and gaps included."""
        return self._position

    @property
    def committable(self) -> int:
        """The offset below which everything is settled."""
        return self._firsts[0] if self._firsts else self._position

    @property
    def span(self) -> int:
        """How far reading is ahead of the oldest unanswered offset."""
        return self._position - self.committable

    def start(self, offsets: Sequence[int], *, position: int) -> None:
        """Enter `offsets`, ascending and beyond all earlier ones; `position` is read up to."""
        raise NotImplementedError

    def settle(self, offsets: Sequence[int]) -> None:
        """Mark `offsets` answered; any order; raises ValueError for one not outstanding."""
        raise NotImplementedError
