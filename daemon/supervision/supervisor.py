"""A supervisor's life: it looks at the group, keeps as many workers as that takes, and drains them.

All of it happens on one loop; workers are processes of their own, so that nothing waits for a model.
"""

import asyncio
import os
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NoReturn

from daemon.group_watch.group_watch import GroupWatch
from daemon.jobs.hearing import Hearing
from daemon.kafka.looking.observer import Observer
from daemon.process.notify import Notifier
from daemon.process.signals import Signals
from daemon.scaling.report import ScalingReport
from daemon.scaling.scaler import Scaler
from daemon.slots.slots import Slots
from daemon.supervision.gathering import Gathering, SupervisionMetrics
from daemon.supervision.mailbox import socket_folder
from daemon.supervision.renewal import Renewal
from daemon.supervision.reporting import Reporting
from daemon.supervision.revision import Revision
from daemon.supervision.workers import Recipe, Workers
from daemon.telemetry.events import Event
from daemon.telemetry.logs import counts, log, summarise
from daemon.telemetry.otel.reporting import sending_metrics
from daemon.telemetry.scaling_metrics import ScalingMetrics
from daemon.telemetry.status import About
from daemon.values.errors import Exit, Fatal
from daemon.windows.outlook import next_openings

_TICK_S = 0.25
"""Small against all that is counted in seconds; a look at the slots costs microseconds."""
_ABANDONED_S = 15.0
"""Beyond the drain of its workers: then one is left that not even SIGKILL ends."""


class Supervisor:
    """Keeps the workers of one group on this host; to be made inside a running loop."""

    def __init__(
        self, revision: Revision, reread: Callable[[], Revision], about: About, notifier: Notifier
    ) -> None:
        """`reread` returns what the settings say at a SIGHUP; `about`: who it says it is."""
        self._revision = revision
        self._about = about
        self._notifier = notifier
        self._slots = Slots(revision.most, revision.patience, now=time.monotonic())
        self._metrics = ScalingMetrics(counts, self._next_openings)
        supervision = SupervisionMetrics(self._slots.census)
        self._metrics.registry.register(supervision)
        gathering = Gathering(self._metrics.registry)
        self._changed = asyncio.Event()
        self._stack = AsyncExitStack()
        self._workers = Workers(
            self._slots,
            self._recipe,
            _private_folder(self._stack),
            restarted=supervision.restarted,
            listening=gathering.listening,
            left=gathering.ended,
            changed=self._changed.set,
        )
        self._hearing = Hearing(revision.settings, revision.base)
        self._reporting = Reporting(
            revision.settings.http,
            about,
            notifier=notifier,
            slots=self._slots,
            workers=self._workers,
            gathering=gathering,
            metrics=self._metrics,
            watch=lambda: self._watch,
            jobs=self._hearing.heard,
        )
        self._watch = self._watch_as(revision)
        self._watching: asyncio.Task[NoReturn]
        self._renewal = Renewal(
            self._slots,
            reread,
            watch_as=self._watch_as,
            taken=self._take,
            present=lambda: self._revision,
        )

    def _next_openings(self) -> dict[tuple[str, str], float]:
        return next_openings(self._revision.settings.lanes, time.time())

    def _recipe(self, slot: int) -> Recipe:
        return self._revision.recipe(slot)

    async def run(self) -> Exit:
        """Live until told to stop, and its workers with it; raises Fatal."""
        async with self._stack as stack:
            signals = await stack.enter_async_context(
                Signals(
                    self._renewal.begin,
                    reloads="replace the workers, one by one",
                    at_once=self._workers.end_at_once,
                )
            )
            await stack.enter_async_context(
                sending_metrics(self._revision.settings.otel, self._about, self._metrics.registry)
            )
            await self._reporting.start()
            stack.push_async_callback(self._reporting.stop)
            return await self._supervise(signals.stop)

    async def _supervise(self, stop: asyncio.Event) -> Exit:
        """Serve until told to stop; whatever ends that, no worker is left behind."""
        self._watching = asyncio.create_task(self._watch.run(), name="look")
        gathering = asyncio.create_task(self._reporting.run(), name="gather")
        hearing = asyncio.create_task(self._hearing.run(), name="jobs")
        try:
            await self._serve(stop, gathering)
        finally:
            await self._renewal.end()
            clean = await self._drain()
            await _end(self._watching, gathering, hearing)
            summarise(last=True)
        return Exit.CLEAN if clean else Exit.WORK_LEFT

    async def _serve(self, stop: asyncio.Event, gathering: asyncio.Task[NoReturn]) -> None:
        """Return when told to stop; raises what makes it useless to go on."""
        while not stop.is_set():
            for task in (self._watching, gathering):
                if task.done():
                    task.result()
            if self._slots.hopeless is not None:
                code = Exit(self._slots.hopeless)
                raise Fatal(code, f"no worker can serve: they end with code {code}, see their log")
            self._renewal.step()
            report = self._watch.report
            if report is None:
                await self._tend(self._slots.working)
            else:
                decision = report.decision
                hands_back = decision.workers > 0 or decision.rests
                await self._tend(decision.workers, hands_back=hands_back)

    async def _tend(self, wanted: int, *, hands_back: bool = False) -> None:
        """See to the workers, then wait until something happens, but not for long."""
        self._changed.clear()
        await self._workers.tend(wanted, hands_back=hands_back)
        self._reporting.beat(time.monotonic())
        summarise()
        try:
            async with asyncio.timeout(_TICK_S):
                await self._changed.wait()
        except TimeoutError:
            return

    async def _drain(self) -> bool:
        """Let all workers end; return whether each of them left nothing behind."""
        log(Event.DRAIN_STARTED, workers=self._slots.living)
        drain_s = self._revision.patience.drain_s + _ABANDONED_S
        self._notifier.stopping()
        self._notifier.extend(drain_s)
        untidy = self._workers.untidy
        until_s = time.monotonic() + drain_s
        while self._slots.living and time.monotonic() < until_s:
            await self._tend(0)
        clean = not self._slots.living and self._workers.untidy == untidy
        if clean:
            if not self._watching.done():
                await self._watch.remember()
            log(Event.DRAIN_FINISHED)
        return clean

    # What is wanted

    def _watch_as(self, revision: Revision) -> GroupWatch:
        settings = revision.settings
        return GroupWatch(
            Observer(settings, revision.base),
            Scaler(settings, revision.most, files=revision.files),
            settings.scaling.interval,
            tell=self._told,
            working=lambda: self._slots.working,
            work=self._reporting.work,
        )

    def _told(self, report: ScalingReport) -> None:
        self._metrics.report = report
        self._changed.set()

    async def _take(self, revision: Revision, watch: GroupWatch | None) -> None:
        """Go on with another revision, and another look if there is one."""
        self._revision = revision
        if watch is not None:
            before, self._watch = self._watching, watch
            self._watching = asyncio.create_task(watch.run(), name="look")
            await _end(before)


async def _end(*tasks: asyncio.Task[NoReturn]) -> None:
    """Cancel `tasks`; what they end with has been looked at, or does not matter any more."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _private_folder(stack: AsyncExitStack) -> Path:
    """Return a folder of this user alone, removed at the end; raises Fatal."""
    try:
        within = os.environ.get("RUNTIME_DIRECTORY", "").partition(":")[0] or None
        return stack.enter_context(socket_folder(within))
    except OSError as error:
        raise Fatal(
            Exit.SETTINGS, f"no folder for the workers' sockets ({error}): set TMPDIR to one"
        ) from error
