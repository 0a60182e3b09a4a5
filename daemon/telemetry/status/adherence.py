"""How the last windows of lanes that open by the clock went. Pure.

Rule 1: a window is told by the last moment of its outcome, which moves on; how long it took and how
full it was is what sums have grown by since the look before.
Rule 2: workers tell the same moment each for its part: the worst outcome stands, the longest time, and
the mean fill.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, get_args

from daemon.telemetry import metric_names as names
from daemon.telemetry.status.window import Group, Window
from daemon.windows.window import Outcome

_MOST = 20
"""Windows of a lane that are remembered."""
_FROM_BEST_TO_WORST: Sequence[str] = get_args(Outcome)


class WindowSeen(NamedTuple):
    """One window; `moment_s` since 1970, `fill` of its batches. None: it took none, or had none."""

    moment_s: float
    outcome: str
    seconds: float | None
    fill: float | None


@dataclass(slots=True)
class _Parts:
    """What workers told of one moment."""

    outcome: str
    seconds: float | None = None
    filled: float = 0.0
    fills: float = 0.0

    def take(self, outcome: str) -> None:
        self.outcome = max(self.outcome, outcome, key=_FROM_BEST_TO_WORST.index)

    def seen(self, moment_s: float) -> WindowSeen:
        fill = self.filled / self.fills if self.fills else None
        return WindowSeen(moment_s, self.outcome, self.seconds, fill)


class _Mean:
    """By how much the sum and the count of a histogram grew between two looks, by lane."""

    def __init__(self, metric: names.Metric) -> None:
        self._metric = metric
        self._before: dict[str, Mapping[Group, float]] = {"_sum": {}, "_count": {}}

    def grown(self, window: Window) -> dict[str, tuple[float, float]]:
        """Return sum and count of what was observed since the last call."""
        grown: dict[str, dict[str, float]] = {}
        for suffix, before in self._before.items():
            now = window.total(self._metric, "lane", suffix=suffix)
            grown[suffix] = {
                lane: value - before.get((lane,), 0.0) for (lane,), value in now.items()
            }
            self._before[suffix] = now
        return {
            lane: (grown["_sum"][lane], count) for lane, count in grown["_count"].items() if count
        }


class Adherence:
    """Told of each look at the metrics, it remembers the last windows of each lane."""

    def __init__(self) -> None:
        self._windows: defaultdict[str, dict[float, _Parts]] = defaultdict(dict)
        self._last: dict[Group, float] = {}
        self._seconds = _Mean(names.WINDOW_SECONDS)
        self._fills = _Mean(names.WINDOW_FILL_RATIO)

    def observe(self, window: Window) -> None:
        """Take what workers have told since the look before."""
        told = self._told(window)
        seconds, fills = self._seconds.grown(window), self._fills.grown(window)
        for lane in sorted({*told, *seconds, *fills} & self._windows.keys()):
            windows = self._windows[lane]
            for moment_s in told.get(lane, [max(windows)]):
                parts = windows[moment_s]
                if lane in seconds and parts.outcome != "missed":
                    total, count = seconds[lane]
                    parts.seconds = max(parts.seconds or 0.0, total / count)
                if lane in fills:
                    parts.filled += fills[lane][0]
                    parts.fills += fills[lane][1]
            self._windows[lane] = dict(sorted(windows.items())[-_MOST:])

    def of(self, lane: str) -> list[WindowSeen]:
        """Return the last windows of `lane`, the newest last; at most 20."""
        windows = self._windows.get(lane, {})
        return [parts.seen(moment_s) for moment_s, parts in windows.items()]

    def _told(self, window: Window) -> dict[str, list[float]]:
        """Note the moments that have come since the look before; return them by lane."""
        told: defaultdict[str, list[float]] = defaultdict(list)
        moments = window.gauge(names.LAST_WINDOW, "lane", "outcome", of=max)
        for (lane, outcome), moment_s in sorted(moments.items()):
            if moment_s > self._last.get((lane, outcome), -math.inf):
                self._last[lane, outcome] = moment_s
                self._windows[lane].setdefault(moment_s, _Parts(outcome)).take(outcome)
                told[lane].append(moment_s)
        return told
