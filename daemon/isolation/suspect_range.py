"""What of a partition may have killed a worker, and what each death, and each survival, teaches. Pure.

Rule 1. Suspect is what may have been in flight when a worker died: from the commit on, never more
  than a worker reads ahead of it, never beyond the end of the log.
Rule 2. Suspects run alone, a range at a time, from the lowest offset on. Of a range in which there
  is a killer the lower half runs; what dies is halved again, and so is what is left when it lives:
  a run that is survived costs a moment, a death a restart. But where only one worker has died, which
  held other partitions as well, most likely no killer is there, and what is left runs at once.
Rule 3. Who dies with a single offset alone has not shown yet that it is to blame: it may have been
  killed from outside just then. DEATHS_ALONE deaths of the same offset alone are enough.
Rule 4. When the killer is found, the rest of the suspects still runs alone: there may be another.
  The next one is tried by itself, since who sends what kills often sends it again; when it lives, the
  rest runs at once.

k killers among n offsets in flight cost at most k x (2 + log2 n) deaths, rounded up: the one that
made them suspect, one for each halving, and one more alone (`most_deaths`).
"""

from math import ceil, log2
from typing import NamedTuple

DEATHS_ALONE = 2
"""One is what a single kill from outside at the wrong moment looks like. A third would cost each
killer another restart, to guard against two kills from outside at the same few milliseconds."""
MOST_ALONE = 1_024
"""Offsets that run alone at a time: all else waits meanwhile, about a second at 1 ms each."""


class SuspectRange(NamedTuple):
    """The offsets from a partition's commit up to `end`.

    killer_end: below it is what killed the last worker; none is known when the commit is there.
    deaths_alone: how often the last one below killer_end killed a worker that ran nothing else.
    deaths: of workers since these are suspect; since_s: when that was, seconds since the epoch.
    """

    end: int
    killer_end: int
    deaths_alone: int = 0
    deaths: int = 1
    since_s: int = 0

    def is_blamed(self, offset: int) -> bool:
        """Whether the one at the commit `offset` is to be answered with an error, and never run."""
        return offset < self.killer_end and self.deaths_alone >= DEATHS_ALONE

    def next_end(self, offset: int) -> int:
        """Return up to where to run alone next, from the commit `offset` on."""
        if offset < self.killer_end:
            half = (self.killer_end - offset) // 2
            return offset + min(max(half, 1), MOST_ALONE)
        return min(self.end, offset + MOST_ALONE)

    def died(self, first: int, end: int) -> "SuspectRange":
        """A worker died while it ran [`first`, `end`) alone."""
        of_the_same = self.deaths_alone if end == self.killer_end else 0
        alone = of_the_same + 1 if end - first == 1 else 0
        return self._replace(killer_end=end, deaths_alone=alone, deaths=self.deaths + 1)

    def survived(self, end: int) -> "SuspectRange":
        """What ran alone up to `end` is answered, and the commit is there."""
        killer_end = end if self.deaths == 1 else self.killer_end
        return self._replace(killer_end=killer_end, deaths_alone=0)

    def blamed(self, end: int) -> "SuspectRange":
        """The one below `end` was blamed and is answered, and the commit is there."""
        return self._replace(killer_end=end + 1, deaths_alone=0)


def in_flight(offset: int, log_end: int, *, most_ahead: int, now_s: float) -> SuspectRange | None:
    """Return what may have been in flight above the commit `offset`; None: nothing can have been.

    `most_ahead`: how far a worker reads ahead of its commits; `now_s`: seconds since the epoch.
    """
    end = min(log_end, offset + most_ahead)
    return SuspectRange(end, end, since_s=int(now_s)) if end > offset else None


def most_deaths(killers: int, offsets: int) -> int:
    """Return how many deaths `killers` among `offsets` in flight can cost; two halves at least."""
    return killers * (2 + ceil(log2(max(offsets, 2))))
