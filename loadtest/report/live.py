"""What is shown while a run lasts: one line that changes on a terminal, else a line now and then."""

from collections import deque
from types import TracebackType
from typing import Protocol, Self

import numpy as np
from rich.console import Console
from rich.live import Live
from rich.text import Text

from loadtest.report import words
from loadtest.traffic.records import Floats, nearest_rank
from loadtest.traffic.seen import Progress

_BETWEEN = "  "
# p50, in flight, the rates, failures, p99; the time is left.
_LEAST_FIRST = (3, 2, 1, 5, 4)
_LAST_S = 5
"""Rates and percentiles are of the last seconds."""
_PLAIN_EVERY = 10
"""Without a terminal every tenth second has a line."""


class View(Protocol):
    """Shows progress; a context manager."""

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End."""

    def told(self, progress: Progress) -> None:
        """Show this."""


class Window:
    """The last seconds of a run. Pure."""

    def __init__(self, due_s: Floats) -> None:
        """`due_s`: when requests are due by plan, float64 (n,), in any order."""
        self._due_s = np.sort(due_s)
        self._last: deque[Progress] = deque(maxlen=_LAST_S + 1)

    def line(self, progress: Progress, width: int) -> str:
        """Return a line of at most `width` about `progress` and the seconds before it.

        What does not fit is left out, the least important first.
        """
        self._last.append(progress)
        first = self._last[0]
        took_s = max(progress.at_s - first.at_s, 1e-9)
        offered = np.searchsorted(self._due_s, [first.at_s, progress.at_s], "right")
        recent_s = np.concatenate([each.recent_s for each in self._last])
        p50, p99 = (
            nearest_rank(recent_s, percent) if len(recent_s) else np.nan for percent in (50, 99)
        )
        sent_per_s = (progress.handed - first.handed) / took_s
        parts = [
            f"{max(progress.at_s, 0.0):.0f}/{progress.end_s:.0f} s",
            f"{sent_per_s:,.0f}/s of {(offered[1] - offered[0]) / took_s:,.0f}/s",
            f"in flight {progress.open:,}",
            f"p50 {words.seconds(float(p50))}",
            f"p99 {words.seconds(float(p99))}",
            f"failed {progress.failures:,}",
        ]
        for least in _LEAST_FIRST:
            if len(_BETWEEN.join(filter(None, parts))) > width:
                parts[least] = ""
        return _BETWEEN.join(filter(None, parts))


class Plain:
    """Plain lines, for logs."""

    def __init__(self, console: Console, window: Window) -> None:
        self._console = console
        self._window = window
        self._count = 0

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End."""

    def told(self, progress: Progress) -> None:
        """Print every tenth."""
        line = self._window.line(progress, self._console.width)
        self._count += 1
        if self._count % _PLAIN_EVERY == 0:
            self._console.print(line, soft_wrap=True, markup=False)


class Terminal:
    """One line that changes."""

    def __init__(self, console: Console, window: Window) -> None:
        self._console = console
        self._window = window
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        """Begin."""
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the line away."""
        self._live.stop()

    def told(self, progress: Progress) -> None:
        """Show it."""
        self._live.update(Text(self._window.line(progress, self._console.width)), refresh=True)


def view(console: Console, due_s: Floats) -> View:
    """Return the view that fits `console`; `due_s` as for Window."""
    window = Window(due_s)
    return Terminal(console, window) if console.is_terminal else Plain(console, window)
