"""What one worker serves, by the progress of commits while all of them have enough to do. Pure.

Rule 1: commits move by whole batches, so it is measured from one move to another, never from a look
to a look.
Rule 2: an unknown offset, a stuck partition, another number of workers, or one that may have had
nothing to do, ends the stretch that is measured.
Rule 3: a partition whose commit did not move proves nobody busy, however large its lag is.
Rule 4: the first measurement counts whole, later ones are smoothed.
Rule 5: all have enough to do where one topic keeps them all busy, for its partitions are dealt evenly.
"""

from collections.abc import Collection, Mapping
from math import exp
from typing import NamedTuple

from daemon.scaling.observation import Offsets, Partition

_SETTLE_S = 5.0
"""A rebalance holds all workers up for seconds (docs/scaling.md)."""
_SPAN_S = 10.0
"""Of many batches, so that a look's length and a batch more or less do not count for much."""
_SMOOTH_S = 60.0
"""Measurements older than this weigh e times less."""


class Sight(NamedTuple):
    """One complete look: `served` records in all by `workers`, of whom there is at least one.

    `by_design` is how many records are in flight although nobody falls behind.
    """

    at_s: float
    served: int
    workers: int
    partitions: Mapping[Partition, Offsets]
    by_design: float

    @property
    def backlogged(self) -> bool:
        """Whether all workers have a backlog.

        What gathers for a long linger is uneven, so that some partition is always above its share.
        """
        lags = {partition: offsets.lag or 0 for partition, offsets in self.partitions.items()}
        return sum(lags.values()) > self.by_design and self._keeps_all_busy(lags)

    def worked_off(self, before: "Sight") -> bool:
        """Whether all workers have moved a backlog since `before`."""
        return self._keeps_all_busy(
            {
                partition: (offsets.lag or 0)
                if offsets.committed != _committed(before, partition)
                else 0
                for partition, offsets in self.partitions.items()
            }
        )

    def _keeps_all_busy(self, lags: Mapping[Partition, int]) -> bool:
        """Rule 5."""
        by_topic: dict[str, list[int]] = {}
        for (topic, _), lag in lags.items():
            by_topic.setdefault(topic, []).append(lag)
        share = self.by_design / len(lags) if lags else 0.0
        return any(all_busy(each, self.workers, share) for each in by_topic.values())


class BacklogRate:
    """Measures records/s of one worker; `at_s` is when that was last done."""

    def __init__(self) -> None:
        self.rate: float | None = None
        self.at_s: float | None = None
        self._began: Sight | None = None
        self._first: Sight | None = None
        self._last: Sight | None = None

    def see(self, sight: Sight) -> None:
        """Take in a look at which nothing was stuck."""
        if not sight.backlogged:
            self.interrupt()
            return
        if self._began is None or sight.workers != self._began.workers:
            self._began, self._first, self._last = sight, None, sight
        moved = self._last is not None and sight.served != self._last.served
        self._last = sight
        if moved and sight.at_s - self._began.at_s >= _SETTLE_S:
            self._mark(sight)

    def interrupt(self) -> None:
        """Some worker may have had too little to do, or nobody knows."""
        self._began = None

    def _mark(self, sight: Sight) -> None:
        if self._first is None:
            self._first = sight
        elif sight.at_s - self._first.at_s >= _SPAN_S and sight.worked_off(self._first):
            self._measure(self._first, sight)
            self._first = sight

    def _measure(self, first: Sight, last: Sight) -> None:
        span_s = last.at_s - first.at_s
        measured = (last.served - first.served) / span_s / last.workers
        weight = 1.0 if self.rate is None else 1 - exp(-span_s / _SMOOTH_S)
        self.rate = measured if self.rate is None else self.rate + weight * (measured - self.rate)
        self.at_s = last.at_s


def _committed(sight: Sight, partition: Partition) -> int | None:
    offsets = sight.partitions.get(partition)
    return None if offsets is None else offsets.committed


def all_busy(lags: Collection[int], workers: int, share: float) -> bool:
    """Return whether each of `workers` surely has a backlog, whichever partitions it has.

    Each has at least partitions // workers of those of a topic, so there must be fewer than that
    whose lag is not above their `share` of what is in flight by design (records).
    """
    if not workers:
        return False
    idle = sum(lag <= share for lag in lags)
    return idle < len(lags) // workers
