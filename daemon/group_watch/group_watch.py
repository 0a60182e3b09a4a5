"""Looks at the group again and again, decides, and says in the log what changed.

Who does not know the workers that run takes the group's members for them, and decides nothing
before the first complete look: unknown members are not taken for none.
"""

import asyncio
import contextlib
import math
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import NoReturn, Protocol

from daemon.scaling.observation import Observation
from daemon.scaling.own_rate import Work
from daemon.scaling.report import ScalingReport
from daemon.scaling.scaler import Scaler
from daemon.telemetry.events import Event
from daemon.telemetry.logs import log
from daemon.values.errors import Fatal

_RENEW_S, _AGAIN_S = 86_400.0, 600.0
"""Once a day, for the shortest retention of commits that people set is some days; sooner after a
renewal that could not be made."""
_LATE_S = 30.0
"""A look takes up to 15 s when a silent broker is also connected anew; longer, and it hangs."""


class Watched(AbstractAsyncContextManager[object], Protocol):
    """See daemon.kafka.looking.observer.Observer: entered, it is connected."""

    async def look(self) -> Observation:
        """Return what can be seen now."""

    async def renew(self, served: str) -> bool:
        """Commit the unchanged offsets of an empty group anew, with what its workers served."""


class GroupWatch:
    """Keeps the last report.

    Args:
        watched: what is looked at.
        scaler: decides.
        interval_s: from one look to the next.
        tell: called on the loop with each report.
        working: how many workers serve or are starting; None: as many as the group has members.
        work: what workers told of their work since the last look, None when nothing new.
        clock, pause: monotonic seconds, and waiting for some.
    """

    def __init__(
        self,
        watched: Watched,
        scaler: Scaler,
        interval_s: float,
        *,
        tell: Callable[[ScalingReport], None],
        working: Callable[[], int] | None = None,
        work: Callable[[], Work | None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.report: ScalingReport | None = None
        """The last one, None before the group was seen."""
        self._watched = watched
        self._scaler = scaler
        self._interval_s = interval_s
        self._tell = tell
        self._working = working
        self._work = work
        self._clock = clock
        self._pause = pause
        self._looked_s: float | None = None
        self._renew_s = -math.inf
        self._kept = ""
        """What the commits were to remember last, whether they do or not."""
        self._connection = AsyncExitStack()
        self._is_open = False

    async def open(self) -> None:
        """Connect; raises Fatal: no broker within kafka.start_timeout, denied, a topic is missing."""
        await self._connection.enter_async_context(self._watched)
        self._is_open = True

    async def run(self) -> NoReturn:
        """Look until cancelled, then hang up; raises Fatal as `open` does, and when denied."""
        try:
            if not self._is_open:
                await self.open()
            self._looked_s = self._clock()
            while True:
                await self._look()
        finally:
            await self._connection.aclose()

    async def _look(self) -> None:
        began_s = self._clock()
        self._take(await self._watched.look())
        await self._renew()
        self._looked_s = looked_s = self._clock()
        await self._pause(max(0.0, began_s + self._interval_s - looked_s))

    @property
    def moving(self) -> bool:
        """Whether looks go on; also before the first."""
        looked_s = self._looked_s
        return looked_s is None or self._clock() - looked_s < self._interval_s + _LATE_S

    def _take(self, observation: Observation) -> None:
        before = self.report
        if before is None and self._working is None and not observation.complete:
            return
        workers = self._workers(observation, before)
        self.report = report = self._scaler.take(observation, workers, self._work())
        _log_changes(before, report, workers)
        self._tell(report)

    def _workers(self, observation: Observation, before: ScalingReport | None) -> int:
        if self._working is not None:
            return self._working()
        if observation.members is None and before is not None:
            return before.decision.workers
        return observation.members or 0

    async def _renew(self) -> None:
        """An empty group's commits expire, and remember its workers; see Observer.renew."""
        now, report = self._clock(), self.report
        if report is None or not report.known or report.members != 0:
            return
        if now >= self._renew_s or self._measured != self._kept:
            renewed = await self._keep()
            self._renew_s = now + (_RENEW_S if renewed else _AGAIN_S)

    async def remember(self) -> None:
        """The last worker has ended, and so does this: let commits say what was measured of them."""
        if self._measured != self._kept:
            with contextlib.suppress(Fatal):  # what is denied now was denied to the workers too
                await self._keep()

    async def _keep(self) -> bool:
        self._kept = self._measured
        renewed = await self._watched.renew(self._kept)
        if renewed:
            log(Event.OFFSETS_RENEWED, served=self._kept or None)
        return renewed

    @property
    def _measured(self) -> str:
        """What is to be remembered of the workers, empty before it was measured."""
        measured = self._scaler.measured
        return "" if measured is None else measured.text


def _log_changes(before: ScalingReport | None, report: ScalingReport, workers: int) -> None:
    decision = report.decision
    if before is None or decision.workers != before.decision.workers:
        log(
            Event.SCALING_DECIDED,
            workers=decision.workers,
            before=before.decision.workers if before else workers,
            wanted=decision.wanted,
            reason=decision.reason,
            held=decision.held,
        )
    if before is not None and report.known != before.known:
        if report.known:
            log(Event.SCALING_RESUMED, workers=decision.workers)
        else:
            log(Event.SCALING_PAUSED, workers=decision.workers, reason=decision.reason)
    _log_times(before, report)
    for (topic, number), standing in report.stuck.items():
        if before is None or (topic, number) not in before.stuck:
            log(
                Event.PARTITION_STALLED,
                topic=topic,
                partition=number,
                lag=standing.lag,
                seconds=round(standing.seconds),
            )


def _log_times(before: ScalingReport | None, report: ScalingReport) -> None:
    """Tell of lanes that are ready, and of times that came before they were."""
    for name, load in report.lanes.items():
        earlier = None if before is None else before.lanes[name].ready
        now = load.ready
        if now is not None and now.left_s <= 0 < now.records:
            if earlier is None or earlier.time_s != now.time_s or earlier.left_s > 0:
                log(Event.READY_BY_MISSED, lane=name, ready_by=now.time, records=now.records)
        elif now is not None and earlier is not None and earlier.records and not now.records:
            spare_s = round(earlier.left_s, 3)
            if spare_s > 0:
                log(Event.READY_BY_MET, lane=name, ready_by=earlier.time, spare_s=spare_s)
