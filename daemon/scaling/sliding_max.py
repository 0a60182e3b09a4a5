"""The largest number of the last so many seconds. Pure: `now` is monotonic seconds."""

from collections import deque
from typing import NamedTuple


class _Seen(NamedTuple):
    at_s: float
    number: int


class Highest:
    """Remembers no more than can still be the largest: at most one entry for each number."""

    def __init__(self, window_s: float, *, now: float) -> None:
        self._window_s = window_s
        self._since_s = now
        self._falling: deque[_Seen] = deque()

    def see(self, number: int, now: float) -> None:
        """Take `number` in and forget what is older than the window."""
        falling = self._falling
        while falling and falling[-1].number <= number:
            falling.pop()
        falling.append(_Seen(now, number))
        while falling[0].at_s < now - self._window_s:
            falling.popleft()

    def covered(self, now: float) -> bool:
        """Whether it has looked for a whole window."""
        return now - self._since_s >= self._window_s

    @property
    def number(self) -> int:
        """The largest number seen within the window before the last look."""
        return self._falling[0].number
