"""How old the lag is, in seconds, seen from outside. Pure.

The oldest unanswered record arrived when the log's end passed its offset. Between two looks the end
is taken to have moved evenly. Workers export the exact age; this one is never off by more than the
time between two looks, or, where a long history was thinned, between two samples that are kept.
"""

from collections import deque
from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple

from daemon.scaling.observation import Observation, Offsets, Partition

_MOST_SAMPLES = 64
"""For each partition; of more, every other one of the older half is forgotten."""


class _EndSeen(NamedTuple):
    end: int
    at_s: float


class LagAge:
    """Remembers when each log's end was where; as far back as the oldest unanswered record."""

    def __init__(self) -> None:
        self._histories: dict[Partition, deque[_EndSeen]] = {}

    def see(self, observation: Observation) -> Mapping[Partition, float | None]:
        """Return the age of each partition's oldest unanswered record; 0 without lag, None unknown.

        What had arrived before the first look is at least as old as that look.
        """
        return {
            partition: self._age_s(partition, offsets, observation.at_s)
            for partition, offsets in observation.partitions.items()
        }

    def _age_s(self, partition: Partition, offsets: Offsets, at_s: float) -> float | None:
        if offsets.end is not None:
            self._remember(partition, offsets.end, at_s)
        lag = offsets.lag
        if not lag:
            return None if lag is None else 0.0
        history = self._histories[partition]
        oldest = offsets.next
        while len(history) > 1 and history[1].end <= oldest:
            history.popleft()
        return at_s - _arrived_s(history, oldest)

    def _remember(self, partition: Partition, end: int, at_s: float) -> None:
        history = self._histories.setdefault(partition, deque())
        if history and end < history[-1].end:  # the topic was made anew
            history.clear()
        if len(history) > 1 and history[-2].end == end:
            history.pop()
        history.append(_EndSeen(end, at_s))
        if len(history) > _MOST_SAMPLES:
            self._histories[partition] = _thinned(history)


def _arrived_s(history: deque[_EndSeen], offset: int) -> float:
    """When the end passed `offset`: between the last look before that and the first one after."""
    if history[0].end > offset:
        return history[0].at_s
    for before, after in pairwise(history):
        if before.end <= offset < after.end:
            share = (offset - before.end) / (after.end - before.end)
            return before.at_s + share * (after.at_s - before.at_s)
    return history[-1].at_s


def _thinned(history: deque[_EndSeen]) -> deque[_EndSeen]:
    samples = list(history)
    half = len(samples) // 2
    return deque(samples[:half:2] + samples[half:])
