"""What the last so many seconds say: how fast a count grew, and which number was the largest. Pure."""

from collections import deque
from typing import NamedTuple

_SPACING_S = 0.25
"""Bounds the memory: looks that follow each other more closely are kept as one."""
_LEAST_S = 5.0
"""What came within the very first look is no rate yet: it is spread over this long."""


class _Count(NamedTuple):
    at_s: float
    total: float


class SlidingRate:
    """Remembers a count for `longest_s`, at most 8 samples a second."""

    def __init__(self, longest_s: float, *, least_s: float = _LEAST_S) -> None:
        """`least_s`: what came in less time than that is spread over it."""
        self._longest_s = longest_s
        self._least_s = least_s
        self._samples: deque[_Count] = deque()

    def see(self, total: float, at_s: float) -> None:
        """The count is `total` at `at_s`; not to be called while it is unknown."""
        samples = self._samples
        if len(samples) > 1 and at_s - samples[-2].at_s < _SPACING_S:
            samples.pop()
        samples.append(_Count(at_s, total))
        while len(samples) > 1 and samples[1].at_s <= at_s - self._longest_s:
            samples.popleft()

    def rate(self, window_s: float) -> float | None:
        """Return the growth a second over the last `window_s`; None before the second look.

        It is taken between two looks, so a gap in the looks makes the window longer, never the rate
        higher.
        """
        if not self._samples:
            return None
        first, last = self._samples[0], self._samples[-1]
        if first is last:
            return None
        for sample in reversed(self._samples):
            if sample.at_s <= last.at_s - window_s:
                first = sample
                break
        return (last.total - first.total) / max(last.at_s - first.at_s, self._least_s)


class _Number(NamedTuple):
    at_s: float
    number: int


class SlidingMax:
    """Remembers no more than can still be the largest: at most one entry for each number."""

    def __init__(self, window_s: float, *, now: float) -> None:
        self._window_s = window_s
        self._since_s = now
        self._falling: deque[_Number] = deque()

    def see(self, number: int, now: float) -> None:
        """Take `number` in and forget what is older than the window."""
        falling = self._falling
        while falling and falling[-1].number <= number:
            falling.pop()
        falling.append(_Number(now, number))
        while falling[0].at_s < now - self._window_s:
            falling.popleft()

    def covered(self, now: float) -> bool:
        """Whether it has looked for a whole window."""
        return now - self._since_s >= self._window_s

    @property
    def number(self) -> int:
        """The largest number seen within the window before the last look."""
        return self._falling[0].number
