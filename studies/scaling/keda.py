"""KEDA's rule for Kafka, through Kubernetes' horizontal pod autoscaler.

Sources: pkg/scalers/kafka_scaler.go and pkg/scaling/executor/scale_scaledobjects.go of KEDA; the
algorithm and the default behaviour of Kubernetes' HorizontalPodAutoscaler.

Rule 1: the metric is the lag of all partitions together, no more than threshold times partitions.
Rule 2: every 15 s as many are recommended as the threshold goes into the metric, unless the ratio
to what runs is within a tenth of 1.
Rule 3: up at once, to at most twice as many or four more; down to the largest recommendation of the
stabilisation window.
Rule 4: KEDA itself goes from none to one when there is lag, and to none after a cool-down without.
"""

import math
from collections import deque
from typing import NamedTuple

from studies.scaling.rules import Sight
from studies.scaling.site import Site

_SYNC_S = 15
_PHASE_S = 7
"""When within its 15 s the autoscaler looks: the loads change at whole minutes."""

_TOLERANCE = 0.1
_COOLDOWN_S = 300
_POLLING_S = 5
"""KEDA's default is 30, which would wake it later."""


_CRON_LINGER_S = 2.0
"""Of workers that have no clock of their own."""


class Setting(NamedTuple):
    """lagThreshold, the stabilisation window, ensureEvenDistributionOfPartitions.

    `activation` is activationLagThreshold, `cooldown_s` cooldownPeriod.
    """

    threshold: int
    down_s: int
    even: bool
    activation: int = 0
    cooldown_s: int = _COOLDOWN_S

    @property
    def name(self) -> str:
        """As the tables show it."""
        parts = [
            f"threshold {self.threshold}, down {self.down_s} s",
            "even" * self.even,
            f"activation {self.activation}" * bool(self.activation),
            f"cool-down {self.cooldown_s} s" * (self.cooldown_s != _COOLDOWN_S),
        ]
        return ", ".join(filter(None, parts))


SETTINGS = tuple(
    Setting(threshold, down_s, even)
    for threshold in (10, 20, 50, 80, 100, 150, 200, 500, 1000, 2000, 5000, 10_000)
    for down_s in (300, 60)
    for even in (False, True)
)
"""From KEDA's default, 10, to 100 s of a worker's work; the autoscaler's default window is 300 s."""


class Keda:
    """An autoscaler with one setting."""

    def __init__(self, setting: Setting, site: Site) -> None:
        self.name = setting.name
        self.linger_s: float | None = _CRON_LINGER_S if site.ready_every_s else None
        self.opens = False
        self._setting = setting
        self._partitions = site.partitions
        self._most = site.most
        self._recommended: deque[tuple[float, int]] = deque()
        self._active_s = -math.inf

    def workers(self, sight: Sight, now: float) -> int:
        """Return how many; asked once a second of the replay."""
        running = sight.workers
        if now % _POLLING_S == 0:
            if self._is_active(sight, now):
                self._active_s = now
                running = max(1, running)
            elif now - self._active_s >= self._setting.cooldown_s:
                running = 0
        if running and now % _SYNC_S == _PHASE_S:
            running = self._synced(sight.lag, running, now)
        return running

    def _is_active(self, sight: Sight, now: float) -> bool:  # noqa: ARG002 -- a clock's trigger needs it
        return sight.lag > self._setting.activation

    def _synced(self, lag: int, running: int, now: float) -> int:
        wanted = self._recommendation(lag, running)
        recommended = self._recommended
        recommended.append((now, wanted))
        while recommended[0][0] <= now - self._setting.down_s:
            recommended.popleft()
        if wanted < running:
            return min(running, max(number for _, number in recommended))
        return min(wanted, max(2 * running, running + 4))

    def _recommendation(self, lag: int, running: int) -> int:
        threshold = self._setting.threshold
        metric = min(lag, threshold * self._partitions)
        if abs(metric / (threshold * running) - 1) <= _TOLERANCE:
            return running
        wanted = math.ceil(metric / threshold)
        if self._setting.even:
            wanted = _factor(wanted, self._partitions)
        return min(max(1, wanted), self._most)


class KedaCron(Keda):
    """The same with a cron trigger beside it: one worker at least for a while, again and again.

    Its workers do not gather for long by themselves: the clock is what gathers.
    """

    def __init__(
        self,
        setting: Setting,
        site: Site,
        *,
        every_s: int,
        for_s: int,
        from_s: int = 0,
        beside: str = "",
    ) -> None:
        """`from_s`: within `every_s`; `beside`: what is said of the trigger by lag, else its setting."""
        super().__init__(setting, site)
        clock = f"cron, {for_s // 60} min of {every_s // 60}"
        self.name = f"{clock}, {beside or setting.name}"
        self.linger_s = _CRON_LINGER_S
        self._every_s = every_s
        self._for_s = for_s
        self._from_s = from_s

    def _is_active(self, sight: Sight, now: float) -> bool:
        is_up = (now - self._from_s) % self._every_s < self._for_s
        return is_up or super()._is_active(sight, now)


def _factor(workers: int, partitions: int) -> int:
    """Return the fewest workers, at least `workers`, that divide `partitions`; all at most."""
    divisors = (number for number in range(max(1, workers), partitions) if partitions % number == 0)
    return next(divisors, partitions)
