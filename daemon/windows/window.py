"""When a lane that opens by the clock is open in this worker. Pure.

`wall_s` is seconds since 1970 and tells moments; `now_s` is monotonic and measures.

Rule 1: a moment sets a target: what the logs of this worker's partitions hold at it. The lane is open
until that is read; its window is over when that is answered. What comes meanwhile may ride along,
and is not waited for.
Rule 2: a window that is not over at the next moment has overrun, and goes on with the next target.
Rule 3: of several moments that came since the last look only the last one opens, and it is late; the
others are missed. With `missed="skip"` the last one is missed as well.
Rule 4: nothing is stored of what was served. A process that comes after a moment opens for what is
left of its target, and says nothing when there is nothing left.
Rule 5: no moment opens twice in a process, wherever its clock is set.
Rule 6: `at_most` counts from the moment, by whichever clock says first that it is over; what is left
then waits for the next moment.
Rule 7: an opening that is brought forward (ready_by.py) is a moment. For the time of a window that is
not over the target moves on, and nothing has overrun.
"""

import math
from collections.abc import Collection, Iterator, Mapping
from typing import Literal, NamedTuple, TypeAlias

from config.settings import Lane
from daemon.windows.moments import Moments
from daemon.windows.ready_by import Opening
from daemon.windows.schedule import Schedule

Partition: TypeAlias = tuple[str, int]
"""Topic and number."""

Outcome: TypeAlias = Literal["on_time", "late", "overran", "missed"]
"""Opened at its moment, or after it, and over in time; not over in time; never opened."""

PROMPT_S = 2.0
"""How long after its moment a window still opens on time: a look at the clock takes milliseconds, in
a busy process, or one that has just joined, a second or two."""


class Standing(NamedTuple):
    """How far a partition is: all below `position` is read, all below `settled` is answered."""

    position: int
    settled: int


class Question(NamedTuple):
    """Where do the logs of `partitions` end, or did at `as_of_s` (wall; None: now)?

    Clocks of producers have a say in what a log held in the past, and none in what it holds.
    """

    moment_s: float
    partitions: Collection[Partition]
    as_of_s: float | None


class WindowEnd(NamedTuple):
    """How the window of a moment went; `delay_s` from the moment until a target was known, `open_s`
    from then to its end. `ready_by_s`: by when it was to be over, None: at no time in particular.
    """

    moment_s: float
    outcome: Outcome
    delay_s: float = 0.0
    open_s: float = 0.0
    ready_by_s: float | None = None


class _Current(NamedTuple):
    """The window of the last moment that was taken up, `delay_s` after it, at `taken_s` (monotonic).

    `is_skipped`: it is only watched. `ready_by_s`: its time, if it is for one.
    """

    moment_s: float
    taken_s: float
    delay_s: float
    is_skipped: bool
    ready_by_s: float | None

    def passed_s(self, now_s: float) -> float:
        """Return the time since the moment, whatever has been done to the clock since."""
        return self.delay_s + now_s - self.taken_s


class Window:
    """Told the time, how far partitions are, and where logs end, it says whether the lane is open."""

    def __init__(
        self,
        schedule: Schedule,
        *,
        missed: Literal["now", "skip"] = "now",
        at_most_s: float | None = None,
    ) -> None:
        self.is_open = False
        """Whether anything is to be read, as of the last look."""
        self.question: Question | None = None
        """What is to be found out, as of the last look."""
        self.left = 0
        """Records of the current window that were not answered, as of the last look."""
        self.schedule = schedule
        self._moments = Moments(schedule)
        self._skips = missed == "skip"
        self._at_most_s = math.inf if at_most_s is None else at_most_s
        self._current: _Current | None = None
        self._targets: dict[Partition, int] = {}
        """Of the current moment for `_known`, of an earlier one for others, until they are known."""
        self._known: set[Partition] = set()
        self._due_since_s = -math.inf
        self._delay_s: float | None = None
        """From the current moment until a target was known."""
        self._is_told = False
        self._had_work = False
        self._is_unfinished = False

    @classmethod
    def of(cls, lane: Lane) -> "Window | None":
        """Return what the settings of a lane say; None: it is always open."""
        schedule = Schedule.of(lane)
        if schedule is None:
            return None
        return cls(schedule, missed=lane.missed, at_most_s=lane.at_most)

    @property
    def next_s(self) -> float:
        """The next opening as of the last look, in wall seconds; inf: there is none."""
        return self._moments.next_s

    @property
    def opening(self) -> Opening | None:
        """The last one that was brought forward."""
        return self._moments.opening

    @property
    def is_due(self) -> bool:
        """Whether something is to be read, or answered, or may be, as of the last look."""
        is_watched = self._current is None or self._current.is_skipped
        return self._is_unfinished and not is_watched

    @property
    def ready_by_s(self) -> float | None:
        """When what is due is to be answered, in wall seconds; None: at no time in particular."""
        return self._current.ready_by_s if self._current is not None and self.is_due else None

    def due_for_s(self, wall_s: float) -> float:
        """Return for how long the oldest of what is due has been due: since its moment."""
        return max(wall_s - self._due_since_s, 0.0) if self.is_due else 0.0

    def shown(self, moment_s: float) -> str:
        """Return a moment as clocks in the lane's zone show it; empty for one that never comes."""
        return self.schedule.shown(moment_s)

    def bring_forward(self, opening: Opening) -> None:
        """Open at its moment, from the next look on; of several the latest counts."""
        self._moments.bring_forward(opening)

    def look(
        self, standings: Mapping[Partition, Standing], *, wall_s: float, now_s: float
    ) -> list[WindowEnd]:
        """Open or shut; return the windows that came to their end since the last look.

        `standings` are those of the lane's partitions that this worker has.
        """
        ended = [*self._take_up(wall_s, now_s)]
        if self._current is not None:
            ended += self._follow(self._current, standings, wall_s, now_s)
        return ended

    def found(self, question: Question, ends: Mapping[Partition, int]) -> None:
        """Take what is known of the answer as targets, unless another moment has come since."""
        if self._current is not None and self._current.moment_s == question.moment_s:
            self._targets.update(ends)
            self._known.update(ends)

    # Moments

    def _take_up(self, wall_s: float, now_s: float) -> Iterator[WindowEnd]:
        """Begin with the last moment that has come since the last look, if there is one."""
        is_first = not self._moments.is_looked_at
        come = self._moments.look(wall_s)
        for moment_s in come.passed_over:
            yield WindowEnd(moment_s, "missed")
        if come.last_s is not None:
            yield from self._begin(come.last_s, wall_s, now_s, is_first=is_first)

    def _begin(
        self, moment_s: float, wall_s: float, now_s: float, *, is_first: bool
    ) -> Iterator[WindowEnd]:
        delay_s = max(wall_s - moment_s, 0.0)
        is_skipped = self._skips and delay_s >= PROMPT_S
        if delay_s >= self._at_most_s or (is_skipped and not is_first):
            if not is_first:
                yield WindowEnd(moment_s, "missed")
            return
        if not self.is_due:
            self._due_since_s = moment_s
        ready_by_s = None
        if self.schedule.ready_by is not None:
            ready_by_s = self.schedule.ready_by.of(moment_s, self.opening)
        if self.ready_by_s is None or self.ready_by_s != ready_by_s:
            yield from self._end_unfinished(now_s)
        self._moments.open(moment_s)
        self._current = _Current(moment_s, now_s, delay_s, is_skipped, ready_by_s)
        self._known.clear()
        self._delay_s = None
        self._is_told = self._had_work = self._is_unfinished = False

    # The window of one moment

    def _follow(
        self,
        current: _Current,
        standings: Mapping[Partition, Standing],
        wall_s: float,
        now_s: float,
    ) -> Iterator[WindowEnd]:
        """See how far the window is, and whether it is over."""
        unknown = standings.keys() - self._known
        self.question = _question(current.moment_s, unknown, wall_s)
        left = {
            partition: standing
            for partition, standing in standings.items()
            if standing.settled < self._targets.get(partition, 0)
        }
        self.left = sum(
            self._targets[partition] - standing.settled for partition, standing in left.items()
        )
        self._had_work = self._had_work or bool(left)
        self._is_unfinished = bool(left or unknown)
        self.is_open = not current.is_skipped and any(
            standing.position < self._targets[partition] for partition, standing in left.items()
        )
        if self._known and self._delay_s is None:
            self._delay_s = current.passed_s(now_s)
        if max(wall_s - current.moment_s, current.passed_s(now_s)) >= self._at_most_s:
            yield from self._end_unfinished(now_s)
            self._shut()
        elif current.is_skipped and left:
            yield from self._end("missed", now_s)
        elif standings and not self._is_unfinished:
            yield from self._end_finished(now_s)

    def _end_finished(self, now_s: float) -> Iterator[WindowEnd]:
        if self._delay_s is not None and self._delay_s < PROMPT_S:
            yield from self._end("on_time", now_s)
        elif self._had_work:
            yield from self._end("late", now_s)

    def _end_unfinished(self, now_s: float) -> Iterator[WindowEnd]:
        if self._is_unfinished:
            yield from self._end("overran" if self._had_work else "missed", now_s)

    def _end(self, outcome: Outcome, now_s: float) -> Iterator[WindowEnd]:
        """Tell once how the current window went."""
        current = self._current
        if current is not None and not self._is_told:
            self._is_told = True
            passed_s = current.passed_s(now_s)
            delay_s = passed_s if self._delay_s is None else self._delay_s
            yield WindowEnd(
                current.moment_s, outcome, delay_s, passed_s - delay_s, current.ready_by_s
            )

    def _shut(self) -> None:
        self._current = None
        self.question = None
        self.is_open = False


def _question(moment_s: float, partitions: Collection[Partition], wall_s: float) -> Question | None:
    if not partitions:
        return None
    return Question(moment_s, partitions, None if wall_s - moment_s < PROMPT_S else moment_s)
