"""A lane that opens by the clock, under `tidemill supervise`: a worker for each opening. Pure.

One worker at most, as the rest of the day is computed. Its rules: where something waits, it is asked for
a start before the moment, a start being as long as the longest of the last five took; from the moment on it answers what
had come by then, in batches; then it ends. Requests that come meanwhile wait for the next moment,
although a worker takes some of them along. A window that is not over when the next worker would be
asked for keeps its own.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from loadtest.office_hours.computed.day import Cost, Day, Up
from loadtest.scenario.rates import Times

_LAST_STARTS = 5


class OpeningRules(NamedTuple):
    """What the supervisor goes by.

    Attributes:
        look_s: from one look to the next.
        joins_s: how much earlier than start and look a worker is asked for.
        commit_s: on average until an answer is committed.
        start_s: how long a start is taken for before one was seen.
    """

    look_s: float
    joins_s: float
    commit_s: float
    start_s: float


class _Life(NamedTuple):
    """A worker's: asked for, able to serve, told to end."""

    from_s: float
    ready_s: float
    dismissed_s: float


def openings(
    times_s: Times,
    moments_s: Sequence[float],
    rules: OpeningRules,
    cost: Cost,
    starts_s: Sequence[float],
) -> Day:
    """Return the day of a lane that opens at `moments_s`, ascending, all requests before the last.

    `starts_s`: what the workers' starts take, one after the other; the last one is that of all
    that follow.
    """
    done_s, lives = np.empty(len(times_s)), list[_Life]()
    starts, last_starts_s = _endless(starts_s), deque[float](maxlen=_LAST_STARTS)
    busy_s, first = 0.0, 0
    for moment_s in moments_s:
        after = int(np.searchsorted(times_s, moment_s, side="right"))
        if after == first:
            continue
        ahead_s = max(last_starts_s, default=rules.start_s) + rules.look_s + rules.joins_s
        asked_s = max(moment_s - ahead_s, float(times_s[first])) + rules.look_s / 2
        if lives and asked_s <= lives[-1].dismissed_s:
            life = lives.pop()
        else:
            from_s = max(asked_s, lives[-1].dismissed_s + cost.end_s) if lives else asked_s
            last_starts_s.append(next(starts))
            life = _Life(from_s, from_s + last_starts_s[-1], from_s)
        free_s = max(moment_s, life.ready_s)
        for run_s in cost.batch_s(after - first):
            until = min(first + cost.max_rows, after)
            free_s += run_s
            busy_s += run_s
            done_s[first:until] = free_s
            first = until
        dismissed_s = free_s + rules.commit_s + rules.look_s / 2
        lives.append(_Life(life.from_s, free_s, dismissed_s))
    ups = tuple(Up(life.from_s, life.dismissed_s + cost.end_s) for life in lives)
    return Day(done_s - times_s, ups, busy_s)


def _endless(starts_s: Sequence[float]) -> Iterator[float]:
    yield from starts_s
    while True:
        yield starts_s[-1]
