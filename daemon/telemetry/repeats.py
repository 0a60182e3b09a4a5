"""Which repetitions of a log event are left out. Pure: `now` is monotonic seconds.

Bad input comes in floods: the first few events of a kind say what is wrong, the rest only how much.
What goes on repeating is told of less and less often, up to a longest window.
"""

from collections.abc import Hashable
from typing import NamedTuple

_OTHERS = "others"
"""What the kinds beyond the bound are counted as."""


class Suppressed(NamedTuple):
    """How many events of a kind were left out in a window."""

    kind: Hashable
    times: int


class _Window:
    __slots__ = ("ends_s", "length_s", "seen")

    def __init__(self, begins_s: float, length_s: float) -> None:
        self.ends_s = begins_s + length_s
        self.length_s = length_s
        self.seen = 0


class Repeats:
    """Lets the first `limit` events of a kind pass in each window, and counts the others.

    A window is `window_s` long, and twice as long as the one before it, up to `longest_s`, as long as
    events of the kind have to be left out.
    """

    def __init__(
        self,
        limit: int = 10,
        window_s: float = 10.0,
        *,
        longest_s: float = 10.0,
        most_kinds: int = 1_000,
    ) -> None:
        """`most_kinds` bounds the memory; kinds beyond it share one window."""
        self._limit = limit
        self._window_s = window_s
        self._longest_s = longest_s
        self._most_kinds = most_kinds
        self._windows: dict[Hashable, _Window] = {}

    def admits(self, kind: Hashable, *, now: float) -> bool:
        """Return whether this event of `kind` is written; call `due` first."""
        window = self._windows.get(kind)
        if window is None:
            if len(self._windows) >= self._most_kinds:
                kind = _OTHERS
            window = self._windows.setdefault(kind, _Window(now, self._window_s))
        window.seen += 1
        return window.seen <= self._limit

    def due(self, *, now: float) -> list[Suppressed]:
        """Close the windows that are over and return what was left out in them; O(kinds)."""
        over = {kind: window for kind, window in self._windows.items() if window.ends_s <= now}
        suppressed = self._close(list(over))
        for kind, _ in suppressed:
            length_s = min(2 * over[kind].length_s, self._longest_s)
            if length_s > self._window_s:
                self._windows[kind] = _Window(now, length_s)
        return suppressed

    def close(self) -> list[Suppressed]:
        """Close all windows and return what was left out in them."""
        return self._close(list(self._windows))

    def _close(self, kinds: list[Hashable]) -> list[Suppressed]:
        closed = [(kind, self._windows.pop(kind)) for kind in kinds]
        return [
            Suppressed(kind, window.seen - self._limit)
            for kind, window in closed
            if window.seen > self._limit
        ]
