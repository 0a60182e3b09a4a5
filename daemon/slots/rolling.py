"""New settings reach the workers one at a time. Pure: `now` is monotonic seconds.

Rule 1: the next worker is drained only when the one before serves again and nobody else starts.
Rule 2: a worker that does not come up with the new settings ends the roll; the others keep theirs.
Rule 3: workers that start meanwhile, whatever for, have the new settings and are not replaced.
"""

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from daemon.slots.slot import Slot, SlotState


class Replace(NamedTuple):
    """Exchange this slot's worker."""

    slot: int


class SlotReplaced(NamedTuple):
    """The slot serves again.

    Attributes:
        pause_s: since its worker was told to drain: it answers what it holds before it ends.
        unserved_s: since its worker ended, in which nobody served its partitions.
    """

    slot: int
    pause_s: float
    unserved_s: float


class Stopped(NamedTuple):
    """The slot's new worker failed before it served; `left` workers keep their old settings."""

    slot: int
    left: int


class Finished(NamedTuple):
    """Every worker has the new settings."""


Step: TypeAlias = Replace | SlotReplaced | Stopped | Finished


class Rolling:
    """Asked about every second for its next step, None while there is nothing to do but wait."""

    def __init__(self) -> None:
        self._revision: int | None = None
        self._current: int | None = None
        self._began_s = 0.0

    @property
    def under_way(self) -> bool:
        """Whether there may be workers left to replace."""
        return self._revision is not None

    def begin(self, revision: int) -> None:
        """Replace all workers of older revisions, those of a roll that is under way included."""
        self._revision = revision

    def step(self, slots: Sequence[Slot], now: float) -> Step | None:
        """Return what to do, or what came of it, given the slots as they are."""
        if self._revision is None:
            return None
        failed = _failed(slots, self._revision)
        if failed is not None:
            left = sum(slot.alive and slot.revision < self._revision for slot in slots)
            self._revision = self._current = None
            return Stopped(failed, left)
        if self._current is not None:
            return self._follow(self._current, slots, now)
        return self._choose(slots, self._revision, now)

    def _follow(self, current: int, slots: Sequence[Slot], now: float) -> Step | None:
        slot = slots[current]
        if slot.replacing:
            return None
        self._current = None
        if slot.state is SlotState.SERVING:
            return SlotReplaced(current, now - self._began_s, now - slot.ended_s)
        return None  # fewer workers are wanted, or the old one died: there is nothing to exchange

    def _choose(self, slots: Sequence[Slot], revision: int, now: float) -> Step | None:
        if any(slot.state is SlotState.STARTING for slot in slots):
            return None
        old = [
            number
            for number, slot in enumerate(slots)
            if slot.state is SlotState.SERVING and slot.revision < revision
        ]
        if not old:
            self._revision = None
            return Finished()
        self._current, self._began_s = old[0], now
        return Replace(old[0])


def _failed(slots: Sequence[Slot], revision: int) -> int | None:
    """Return a slot whose worker did not come up with these settings, None when all did."""
    return next((n for n, slot in enumerate(slots) if slot.failed_revision == revision), None)
