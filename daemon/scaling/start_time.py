"""How long it takes from asking for the first worker until there is one in the group. Pure.

Measured only from a group without members, where nobody else may be taken for the one that comes.
"""

from collections import deque

_LAST = 5
"""Of so many starts the longest counts: one was cold, or the host busy, and so it may be again."""


class StartTime:
    """Measures from one look to another; `measured_s` is None before the first start was seen."""

    def __init__(self) -> None:
        self._asked_s: float | None = None
        self._took_s: deque[float] = deque(maxlen=_LAST)

    def see(self, members: int | None, wanted: int, at_s: float) -> None:
        """The group has `members`, None is unknown, and `wanted` are to be there from now on."""
        if members is None:
            return
        if members:
            if self._asked_s is not None:
                self._took_s.append(at_s - self._asked_s)
            self._asked_s = None
        elif not wanted:
            self._asked_s = None
        elif self._asked_s is None:
            self._asked_s = at_s

    @property
    def measured_s(self) -> float | None:
        """The longest of the last starts."""
        return max(self._took_s, default=None)
