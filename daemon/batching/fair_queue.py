"""How lanes share what runs one thing at a time: start-time fair queueing.

Sharing is start-time fair queueing. Each lane has a tag, the seconds of runs it was given over its
weight, and the lane with the lowest tag is next. A virtual clock stands at the tag of the turn that
began last, and no lane starts behind it: one that had nothing due gathers no credit.
Source: P. Goyal, H. M. Vin, H. Cheng, "Start-time Fair Queuing", SIGCOMM 1996.

Bound on starvation: from when a lane is due until it gets a run, each other lane gets at most
its longest run + its weight / this weight * this lane's longest run
seconds. A run is charged by its expected time when it is bound and by its real one when it ends.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple


class Turn(NamedTuple):
    """A place in the order of turns; the heavier lane goes first where tags are equal."""

    tag: float
    lightness: int


class FairQueue:
    """The order of turns of lanes with these weights."""

    def __init__(self, weights: Mapping[str, int]) -> None:
        self._weights = dict(weights)
        self._tags = dict.fromkeys(weights, 0.0)
        self._clock = 0.0

    def next_of(self, lane: str) -> Turn:
        """Return the turn that `lane` would get now."""
        return Turn(max(self._tags[lane], self._clock), -self._weights[lane])

    def first(self, lanes: Iterable[str]) -> str | None:
        """Return the lane of `lanes` whose turn is next, None without lanes."""
        return min(lanes, key=self.next_of, default=None)

    def give(self, lane: str, run_s: float) -> Turn:
        """Bind a run of `run_s` for `lane`; returns its turn."""
        turn = self.next_of(lane)
        self._tags[lane] = turn.tag + run_s / self._weights[lane]
        return turn

    def begin(self, turn: Turn) -> None:
        """What was bound by `turn` runs."""
        self._clock = max(self._clock, turn.tag)

    def correct(self, lane: str, by_s: float) -> None:
        """A run of `lane` took `by_s` more (or less) than it was given."""
        self._tags[lane] += by_s / self._weights[lane]

    def rest(self) -> None:
        """The executor found nothing due: no lane owes another anything."""
        self._clock = max(self._clock, *self._tags.values())
