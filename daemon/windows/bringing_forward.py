"""When this worker brings the opening of a lane forward, for what it knows of the lane's partitions. Pure.

The rules are those of ready_by.py. To look costs some cron expressions and all partitions, so it is
done once a second.
"""

import math
from collections.abc import Callable, Collection

from daemon.windows.ready_by import Opening, ReadyBy
from daemon.windows.window import Window


class BringingForward:
    """Told what commits say and how long serving takes, it lets the window open."""

    def __init__(self, window: Window, ready_by: ReadyBy) -> None:
        self.window = window
        self._ready_by = ready_by
        self._passed_over: Opening | None = None
        """A note that was for no time that still counts."""
        self._looked_s = -math.inf

    @property
    def opened(self) -> Opening | None:
        """What commits are to say of the lane's partitions."""
        opening = self.window.opening
        return opening if opening is not None and opening.is_noted else None

    def hear(self, notes: Collection[Opening], wall_s: float) -> None:
        """Take up the last of `notes`, which commits of the lane's partitions carry."""
        note = max(notes, key=lambda each: each.moment_s, default=None)
        known = self.window.opening
        if note is None or note in (self._passed_over, known):
            return
        if known is not None and note.moment_s <= known.moment_s:
            return
        if self._ready_by.is_current(note, wall_s):
            self.window.bring_forward(note)
        else:
            self._passed_over = note

    def look(self, reckon: Callable[[], float], wall_s: float) -> None:
        """Open if it is time: `reckon` says for how many seconds what waits is served.

        0: nothing waits; inf: that is not known.
        """
        moment_s = math.floor(wall_s)
        if self.window.is_due or moment_s == self._looked_s:
            return
        self._looked_s = moment_s
        if not (serving_s := reckon()):
            return
        known = self.window.opening
        if wall_s < self._ready_by.opens_s(serving_s, wall_s, known):
            return
        if moment_s <= self.window.schedule.up_to(wall_s, known):
            return
        if math.isinf(serving_s):
            opening = Opening.for_no_time(moment_s)
        else:
            opening = Opening(self._ready_by.after(wall_s, known), moment_s)
        self.window.bring_forward(opening)

    def time_s(self, wall_s: float) -> float:
        """Return by when the lane is to be ready next, in wall seconds; inf: at no time."""
        due_s = self.window.ready_by_s
        return self._ready_by.after(wall_s, self.window.opening) if due_s is None else due_s
