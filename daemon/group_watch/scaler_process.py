"""A scaler's life: connect, look and decide until told to stop, and tell the number to who asks.

The number is served as JSON and as a metric; nobody is started or ended here.
"""

import asyncio
import itertools
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from sys import maxsize
from typing import Any

from aiohttp import web

from config.settings import Settings
from daemon.group_watch.group_watch import GroupWatch
from daemon.group_watch.model_files import files_of
from daemon.jobs.hearing import Hearing
from daemon.kafka.looking.observer import Observer
from daemon.process.notify import Notifier
from daemon.process.signals import Signals
from daemon.scaling.report import ScalingReport, as_json
from daemon.scaling.scaler import Scaler
from daemon.telemetry.events import Event
from daemon.telemetry.http import HttpServer, ProbeResult
from daemon.telemetry.logs import counts, log, summarise
from daemon.telemetry.otel.reporting import sending_metrics
from daemon.telemetry.scaling_metrics import ScalingMetrics
from daemon.telemetry.status import About
from daemon.telemetry.status_page import Status
from daemon.values.errors import Exit
from daemon.windows.outlook import next_openings

_BEAT_S = 1.0
"""As often as a worker looks at its health (daemon/process/health.py)."""
_BEATS_A_STATUS = 5
"""A guess: a service manager shows the status to people, who look now and then."""
_ONCE_S = 5.0
"""Rates need some time between looks."""


def scaler_of(settings: Settings, base: Path) -> Scaler:
    """Return one that does not see the workers' hosts: what bounds it is set, or the partitions.

    The model files need not be here.
    """
    most = settings.scaling.max_workers or maxsize
    return Scaler(settings, most, files=files_of(settings, base))


class ScalerProcess:
    """One process of `tidemill scaler`."""

    def __init__(self, settings: Settings, base: Path, about: About, notifier: Notifier) -> None:
        """`base` is where relative secrets are; `about`: who it says it is."""
        self._about = about
        self._http = settings.http
        self._otel = settings.otel
        self._notifier = notifier
        self._metrics = ScalingMetrics(counts, lambda: next_openings(settings.lanes, time.time()))
        self._watch = GroupWatch(
            Observer(settings, base),
            scaler_of(settings, base),
            settings.scaling.interval,
            tell=self._take,
        )
        self._hearing = Hearing(settings, base)
        self._status = Status(
            about,
            live=self.live,
            ready=self.ready,
            metrics=self._metrics,
            scaling=lambda: self._watch.report,
            jobs=self._hearing.heard,
        )

    async def run(self) -> Exit:
        """Serve until told to stop; raises Fatal."""
        async with AsyncExitStack() as stack:
            signals = await stack.enter_async_context(
                Signals(_ignore, reloads="nothing: start it anew")
            )
            http = HttpServer(
                self._http.host,
                self._http.port,
                live=self.live,
                ready=self.ready,
                registry=self._metrics.registry,
                routes=[web.get("/scale", self._scale), *self._status.routes()],
            )
            await stack.enter_async_context(
                sending_metrics(self._otel, self._about, self._metrics.registry)
            )
            await http.start()
            stack.push_async_callback(http.stop)
            await self._until(signals.stop)
            self._notifier.stopping()
        return Exit.CLEAN

    def live(self) -> ProbeResult:
        """Return whether this process is worth keeping, for /livez."""
        return self._watch.moving, "looks go on" if self._watch.moving else "a look hangs"

    def ready(self) -> ProbeResult:
        """Return whether there is a number, for /readyz."""
        report = self._watch.report
        if report is None:
            return False, "the group and its logs have not been seen whole yet"
        if not report.known:
            return True, f"the number is held: {report.decision.reason}"
        return True, "there is a number"

    async def _until(self, stop: asyncio.Event) -> None:
        """Look and beat until `stop`; raises what ends either."""
        tasks = [
            asyncio.create_task(self._watch.run(), name="look"),
            asyncio.create_task(self._beat(), name="beat"),
            asyncio.create_task(self._status.run(), name="status page"),
            asyncio.create_task(self._hearing.run(), name="jobs"),
            asyncio.create_task(stop.wait(), name="stop"),
        ]
        try:
            ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                await task
        finally:
            await _end(tasks)

    async def _beat(self) -> None:
        for beat in itertools.count():
            summarise()
            if self._watch.moving:
                self._notifier.feed()
            if beat % _BEATS_A_STATUS == 0:
                self._tell_status()
            await asyncio.sleep(_BEAT_S)

    def _take(self, report: ScalingReport) -> None:
        if self._metrics.report is None:
            log(Event.READINESS_GAINED, reason="there is a number")
            self._notifier.ready()
        self._metrics.report = report

    def _tell_status(self) -> None:
        report = self._watch.report
        if report is None:
            self._notifier.status(self.ready()[1])
            return
        decision = report.decision
        self._notifier.status(f"{decision.workers} workers: {decision.held or decision.reason}")

    async def _scale(self, _: web.Request) -> web.Response:
        report = self._watch.report
        if report is None:
            return web.json_response({"reason": self.ready()[1]}, status=503)
        return web.json_response(as_json(report))


async def once(settings: Settings, base: Path) -> ScalingReport:
    """Return what is decided now, after looks for some seconds; changes nothing. Raises Fatal."""
    scaler, interval_s = scaler_of(settings, base), min(settings.scaling.interval, _BEAT_S)
    timeout_s = settings.kafka.start_timeout
    began_s: float | None = None
    async with Observer(settings, base) as observer, asyncio.timeout(timeout_s + _ONCE_S):
        while True:
            observation = await observer.look()
            if began_s is None and observation.complete:
                began_s = observation.at_s
            if began_s is not None:
                report = scaler.take(observation, observation.members or 0)
                if observation.at_s - began_s >= _ONCE_S:
                    return report
            await asyncio.sleep(interval_s)


async def _end(tasks: Sequence[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _ignore() -> None:
    """There is nothing to reload."""
