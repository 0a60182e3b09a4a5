"""Whether the workers that came last brought anything. Pure: `now` is monotonic seconds.

Rule 1: a step up is judged once its workers run, `start_time` and one window of the served rate
after it; until then, and while the served rate is unknown, nothing is held against it.
Rule 2: it brought something when the group serves at least a tenth of the service rate of the added
workers more than before (the share of Apache Flink's autoscaler).
Rule 3: the verdict is taken anew at each look, so a hiccup of the broker passes by itself.
Rule 4: it is not judged once nothing waits any more: then not the workers limit what is served.
"""

from typing import NamedTuple

RATE_WINDOW_S = 15.0
"""Over how long the served rate is taken: what is judged must lie after the start."""

_LEAST = 0.1
"""Flink's `scaling.effectiveness.threshold`."""


class _Step(NamedTuple):
    at_s: float
    fewer: int
    more: int
    served_rate: float


class ScaleUpGuard:
    """Weighs one step up at a time: the first that is not judged yet."""

    def __init__(self, start_s: float) -> None:
        self._settles_s = start_s + RATE_WINDOW_S
        self._step: _Step | None = None

    def stepped(self, fewer: int, more: int, served_rate: float | None, now: float) -> None:
        """The group is to grow from `fewer` to `more`, and serves `served_rate` before."""
        if self._step is None and served_rate is not None:
            self._step = _Step(now, fewer, more, served_rate)

    def relieved(self, now: float) -> None:
        """Nothing waits for more workers: a step that could be judged by now is none any more."""
        if self._step is not None and self._due(self._step, now):
            self._step = None

    def forget(self) -> None:
        """Workers go, so nothing is to be judged."""
        self._step = None

    def missing(self, workers: int, served: float | None, rate: float, now: float) -> str:
        """Return what came of the last step when that was next to nothing, else "".

        Args:
            workers: serving now.
            served: records/s that the group serves, None when unknown.
            rate: records/s that a worker serves.
            now: monotonic seconds.
        """
        step = self._step
        if step is None or served is None or workers < step.more:
            return ""
        if not self._due(step, now):
            return ""
        gained, added = served - step.served_rate, step.more - step.fewer
        if gained >= _LEAST * added * rate:
            self._step = None
            return ""
        return (
            f"{added} more workers brought {max(0.0, gained):,.0f} records/s"
            f" of {added * rate:,.0f}: more of them would not help"
        )

    def _due(self, step: _Step, now: float) -> bool:
        return now - step.at_s >= self._settles_s
