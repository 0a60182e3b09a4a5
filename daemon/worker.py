"""A worker's life: models warm, group joined, work, drain, end.

Order matters: nothing is fetched before the models are warm, and the process answers on its health
port from the first second.
"""

import asyncio
import os
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext
from itertools import chain
from pathlib import Path

from config.settings import Settings
from daemon.inference.models import Models
from daemon.inference.reloading import Reloading
from daemon.jobs.hearing import Hearing
from daemon.kafka.looking.observer import Observer
from daemon.line.assembly import kafka_line
from daemon.line.gauges import gauges_of
from daemon.line.pipeline import Pipeline
from daemon.loop.cancellable import in_thread, unless
from daemon.loop.event_loop import loop_factory
from daemon.loop.tasks import Tasks
from daemon.one_shot.one_shot import OneShot
from daemon.process.announcer import Announcer, WorkerStanding, longest_end_s
from daemon.process.health import LOOK_S, HealthCheck
from daemon.process.memory import worker_budget
from daemon.process.notify import Notifier
from daemon.process.own_memory import memory_limit, resident_bytes
from daemon.process.signals import Signals
from daemon.process.standard_streams import end_process
from daemon.process.start_attempts import StartAttempts
from daemon.process.watchdog import Watchdog
from daemon.telemetry import metric_names as names
from daemon.telemetry.events import Event
from daemon.telemetry.http import HttpServer, ProbeResult
from daemon.telemetry.logs import log, summarise
from daemon.telemetry.metrics import Metrics
from daemon.telemetry.otel.reporting import reporting
from daemon.telemetry.status import About
from daemon.telemetry.status_page import Status
from daemon.values.errors import Exit
from daemon.values.ports import Source
from runtime import ModelStuck

Reread = Callable[[], Settings]
"""Returns the settings as they are written now; raises SettingsError."""

OpenLine = Callable[..., AbstractAsyncContextManager[tuple[Source, Pipeline]]]
"""See daemon.line.assembly.kafka_line."""


def run(
    settings: Settings,
    base: Path,
    *,
    reread: Reread,
    about: About,
    metrics: Metrics,
    one_shot: OneShot | None = None,
) -> Exit:
    """Serve until told to stop, or until `one_shot` is done; raises Fatal with the exit code.

    `metrics` are told what happens, and can be read afterwards.
    """
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        notifier = Notifier.claim(os.environ)
        return runner.run(Worker(settings, base, reread, about, notifier, metrics, one_shot).run())


class Worker:
    """One process: one member of the group, one executor."""

    def __init__(
        self,
        settings: Settings,
        base: Path,
        reread: Reread,
        about: About,
        notifier: Notifier,
        metrics: Metrics,
        one_shot: OneShot | None = None,
        *,
        open_line: OpenLine = kafka_line,
    ) -> None:
        """`base` is where relative paths start; `reread` serves reloads, `about` the status page."""
        self._settings = settings
        self._base = base
        self._one_shot = one_shot
        self._open_line = open_line
        self._metrics = metrics
        self._about = about
        self._models = Models(settings, base, on_stuck=_end_stuck)
        self._start_attempts = StartAttempts(
            os.environ,
            f"{settings.kafka.group}/{settings.kafka.instance_id}",
            [base / model.path for model in settings.models.values()],
        )
        self._tasks: Tasks
        self._hands_back: Callable[[], bool] = lambda: False
        self._source: Source | None = None
        self._line: Pipeline | None = None
        self._ready_before = False
        self._announcer = Announcer(
            notifier, end_s=longest_end_s(settings), look_s=LOOK_S, now=time.monotonic()
        )
        self._reread = reread
        self._watchdog = Watchdog(settings.limits.stall)
        self._health = self._make_health()
        self._hearing = Hearing(settings, base)
        self._status = Status(
            about,
            live=self._health.live,
            ready=self.ready,
            metrics=self._metrics,
            jobs=self._hearing.heard,
        )

    async def run(self) -> Exit:
        """Live from start to drain; raises Fatal."""
        self._tasks = Tasks()
        reloading = Reloading(
            self._models,
            self._reread,
            self._tasks,
            began=lambda: self._announcer.reloading(time.monotonic()),
            ended=self._announcer.reloaded,
        )
        async with AsyncExitStack() as stack:
            signals = await stack.enter_async_context(
                Signals(reload=lambda: reloading.begin(self._line.retire if self._line else None))
            )
            self._watchdog.start()
            stack.callback(self._watchdog.stop)
            http = HttpServer(
                self._settings.http.host,
                self._settings.http.port,
                live=self._health.live,
                ready=self.ready,
                registry=self._metrics.registry,
                routes=self._status.routes(),
            )
            self._announcer.listening(await http.start())
            stack.push_async_callback(http.stop)
            self._hands_back = lambda: signals.hands_back
            return await self._serve(signals.stop)

    def _make_health(self) -> HealthCheck:
        return HealthCheck(
            self._settings.limits.stall,
            held=lambda: self._line.in_flight_requests if self._line else 0,
            due_s=lambda now_s: self._line.due_s(now_s) if self._line else now_s,
            outage=self._outage,
            trouble=lambda: self._line.trouble if self._line else "",
            beat=self._beat,
        )

    def _outage(self) -> str:
        """What is missing outside, so that what is held cannot move; empty when nothing is."""
        if self._source is not None and not self._source.reachable:
            return "no broker answers"
        return self._line.outage if self._line is not None else ""

    def _beat(self) -> None:
        self._watchdog.beat()
        ready, reason = self.ready()
        if ready != self._ready_before:
            self._ready_before = ready
            log(Event.READINESS_GAINED if ready else Event.READINESS_LOST, reason=reason)
        self._announcer.look(self._standing(), time.monotonic())

    def _standing(self) -> WorkerStanding:
        source, line = self._source, self._line
        return WorkerStanding(
            ready=self.ready(),
            live=self._health.live(),
            lag_records=int(sum(line.due(source.lag_records()).values())) if line and source else 0,
            answered=self._metrics.total(names.REQUESTS),
            in_flight=self._line.in_flight_requests if self._line else 0,
        )

    def ready(self) -> ProbeResult:
        """Return whether models are warm, the group is joined and answers leave, for /readyz."""
        if self._source is None:
            return False, "the models are not warm, or the group is not joined, yet"
        if self._source.trouble:
            return False, self._source.trouble
        if self._line is not None and self._line.trouble:
            return False, f"no answer can leave: {self._line.trouble}"
        return True, "the models are warm and the group is joined"

    async def _serve(self, stop: asyncio.Event) -> Exit:
        """Work, and look at itself; whichever of the two ends first ends the other."""
        work = self._tasks.start(self._live(stop), name="work")
        self._tasks.start(self._health.run(), name="health")
        self._tasks.start(self._status.run(), name="status page")
        self._tasks.start(self._hearing.run(), name="jobs")
        self._tasks.start(self._announce_end(stop), name="stopping")
        try:
            await self._tasks.until(work)
            return work.result()
        finally:
            await self._tasks.close()  # the watchdog still runs: nothing here may hang
            summarise(last=True)

    async def _announce_end(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._announcer.stopping()

    async def _live(self, stop: asyncio.Event) -> Exit:
        if self._one_shot is None:
            return await self._work(stop)
        return await self._one_shot.run(
            Observer(self._settings, self._base),
            self._metrics,
            stop,
            lambda: self._work(stop),
        )

    async def _work(self, stop: asyncio.Event) -> Exit:
        async with AsyncExitStack() as stack:
            started = await unless(stop, self._start(stack))
            if started is None:  # nothing was held
                return Exit.CLEAN
            source, line = started
            self._metrics.bind(gauges_of(self._settings, self._models, source, line))
            self._source, self._line = source, line
            self._show_memory(source.partitions)
            async with self._following(source, line, stop):
                return await line.run(stop, hands_back=self._hands_back)

    def _following(
        self, source: Source, line: Pipeline, stop: asyncio.Event
    ) -> AbstractAsyncContextManager[None]:
        if self._one_shot is None:
            return nullcontext()
        return self._one_shot.following(source, line, stop, self._tasks)

    async def _start(self, stack: AsyncExitStack) -> tuple[Source, Pipeline]:
        """Load the models and join the group, for as long as that takes; raises Fatal."""
        with self._start_attempts.attempt():
            await in_thread(self._models.load)
        self._metrics.bind_models(self._models.serving)
        tracing = await stack.enter_async_context(
            reporting(self._settings.otel, self._about, self._metrics.registry)
        )
        source, line = await stack.enter_async_context(
            self._open_line(
                self._settings,
                self._base,
                self._models,
                self._metrics,
                self._tasks,
                moved=self._health.moved,
                isolating=self._announcer.isolating,
                by_clock=self._one_shot is None,
                tracing=tracing,
            )
        )
        await line.start()
        return source, line

    def _show_memory(self, partitions: int) -> None:
        """Say how large this process may become, now that it is warm and has nothing to do."""
        budget = worker_budget(
            self._settings,
            {name: model.session.signature for name, model in self._models.serving.items()},
            partitions=partitions,
            idle_bytes=resident_bytes(
                others=chain(*[each.pids for each in self._models.serving.values()])
            ),
        )
        log(Event.MEMORY_BUDGETED, total_bytes=budget.total_bytes, budget=str(budget))
        limit = memory_limit()
        if limit is not None and (shortage := budget.shortage(limit)):
            log(Event.MEMORY_OVERBOOKED, reason=shortage, limit_bytes=limit.size_bytes)


def _end_stuck(stuck: ModelStuck) -> None:
    """End from another thread: the executor's is lost, and a drain would wait for it in vain."""
    log(Event.WORKER_FAILED, exit_code=int(Exit.INTERNAL), reason=str(stuck))
    summarise(last=True)
    end_process(Exit.INTERNAL)
