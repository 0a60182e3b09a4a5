"""How many workers there should be while it is not known what one serves. Pure and with memory.

Rule 1 (behind): they fall behind when the backlog does not fall, and waits longer, within the time that
a worker takes to come and to answer: whoever is asked for sooner would find it answered. Nobody is
judged before the last that was asked for could serve.
Rule 2 (more): one more then, as far as partitions have a backlog.
Rule 3 (fewer): a fifth fewer, one at least, when all through a down_window nothing waited so long. That
is a trial: if they fall behind, one comes back, and the next trial waits twice as long.
"""

import math

from config.settings import Scaling
from daemon.scaling.required_workers import GroupLoad

_STEP = 0.2
"""Rule 3: as small as what is worth a rebalance (rule 11 of policy.py)."""
_LONGEST = 32
"""Windows between two trials at most, by default an hour: loads change with the hour of the day."""


class StepScaling:
    """Asked at each look while no rate is known."""

    def __init__(self, scaling: Scaling) -> None:
        self._start_s = scaling.start_time
        self._window_s = scaling.down_window
        self._workers = 0
        self._windows = 1
        self._is_trial = False
        self._lowest = math.inf
        """The lowest backlog since `_lowest_s`, or less than what waits long."""
        self._lowest_s = math.inf
        self._long_s = -math.inf
        """When something last waited long, or the number last changed."""

    def workers(self, load: GroupLoad, running: int, now: float) -> int:
        """Return how many there should be instead of `running`; at least one."""
        if running != self._workers:
            self._begin(running, now)
        if not running:
            return 1
        patience_s = self._start_s + load.batching_s
        waits_long = load.backlog > load.arrival_rate * patience_s
        if waits_long:
            self._long_s = now
        if not waits_long or load.backlog < self._lowest:
            self._lowest, self._lowest_s = load.backlog, max(now, self._lowest_s)
        elif now - self._lowest_s >= patience_s:
            self._lowest, self._lowest_s = load.backlog, now
            return running + (running < load.lagging - load.stuck)
        if now - self._long_s >= max(self._windows * self._window_s, patience_s):
            return max(1, running - max(1, math.ceil(_STEP * running)))
        return running

    def _begin(self, running: int, now: float) -> None:
        """Judge anew once those that were asked for serve."""
        was_trial, self._is_trial = self._is_trial, 0 < running < self._workers
        if not running or (was_trial and self._is_trial):
            self._windows = 1
        elif was_trial:
            self._windows = min(2 * self._windows, _LONGEST)
        self._workers = running
        self._lowest, self._lowest_s = math.inf, now + self._start_s
        self._long_s = now
