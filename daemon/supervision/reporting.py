"""What a supervisor shows: health, the metrics of all its workers, the status page, systemd's status."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import NoReturn

from aiohttp import web

from config.settings import Http
from daemon.group_watch.group_watch import GroupWatch
from daemon.jobs.last_words import JobsHeard
from daemon.process.notify import Notifier
from daemon.scaling.own_rate import ModelWork, Work
from daemon.slots.slot import SlotState
from daemon.slots.slots import Slots
from daemon.supervision.gathering import Gathering
from daemon.supervision.workers import Workers
from daemon.telemetry import metric_names as names
from daemon.telemetry.http import HttpServer, ProbeResult
from daemon.telemetry.scaling_metrics import ScalingMetrics
from daemon.telemetry.status import About
from daemon.telemetry.status.inputs import WorkerSeen, WorkerState
from daemon.telemetry.status.window import Window
from daemon.telemetry.status_page import Status

_GATHER_S = 5.0
"""As often as a worker looks at its own metrics for its page."""
_STATUS_S = 5.0
"""Between two texts for systemd."""
_STATES: dict[SlotState, WorkerState] = {
    SlotState.STARTING: "starting",
    SlotState.SERVING: "serving",
    SlotState.UNREADY: "unready",
    SlotState.DRAINING: "draining",
    SlotState.BACKING_OFF: "waiting",
    SlotState.CLOSED: "closed",
}


class Reporting:
    """Shows slots, workers and the group, as it is looked at now."""

    def __init__(
        self,
        http: Http,
        about: About,
        *,
        notifier: Notifier,
        slots: Slots,
        workers: Workers,
        gathering: Gathering,
        metrics: ScalingMetrics,
        watch: Callable[[], GroupWatch],
        jobs: Callable[[], JobsHeard | None],
    ) -> None:
        self._notifier = notifier
        self._slots = slots
        self._workers = workers
        self._watch = watch
        self._metrics = metrics
        self._window = Window()
        self._work: Work | None = None
        self._said_ready = False
        self._status_s = 0.0
        self._gathering = gathering
        self._status = Status(
            about,
            live=self.live,
            ready=self.ready,
            scaling=lambda: watch().report,
            workers=self._seen,
            window=self._window,
            jobs=jobs,
        )
        self._http = HttpServer(
            http.host,
            http.port,
            live=self.live,
            ready=self.ready,
            registry=metrics.registry,
            routes=[*self._status.routes(), web.get("/metrics", self._gathering.serve)],
        )

    async def start(self) -> None:
        """Listen; raises Fatal."""
        await self._http.start()
        await self._gathering.open()

    async def stop(self) -> None:
        """Listen no more."""
        await self._http.stop()
        await self._gathering.close()

    async def run(self) -> NoReturn:
        """Gather until cancelled."""
        while True:
            families = await self._gathering.families()
            samples = [sample for family in families for sample in family.samples]
            self._status.observe(samples, time.monotonic())
            self._work = _work(self._window)
            await asyncio.sleep(_GATHER_S)

    def work(self) -> Work | None:
        """Return what the workers did, None when that was returned before."""
        work, self._work = self._work, None
        return work

    def beat(self, now: float) -> None:
        """The supervisor's loop turns: tell the service manager."""
        if self.live()[0]:
            self._notifier.feed()
        if not self._said_ready and self.ready()[0]:
            self._said_ready = self._notifier.ready()
        if now - self._status_s >= _STATUS_S:
            self._status_s = now
            self._notifier.status(self._line())

    # What is seen

    def live(self) -> ProbeResult:
        """Return whether this process is worth keeping, for /livez."""
        if self._watch().moving:
            return True, "it looks at the group, and after its workers"
        return False, "it does not look at the group any more"

    def ready(self) -> ProbeResult:
        """Return whether it knows what is wanted, and whether anybody of those that say so serves.

        For /readyz; no worker need be there for that.
        """
        report = self._watch().report
        if report is None:
            return False, "the group has not been seen yet"
        if not report.known:
            return False, f"{report.decision.reason}; the number of workers is held"
        census = self._slots.census()
        return not census[SlotState.UNREADY] or census[SlotState.SERVING] > 0, self._line()

    def _line(self) -> str:
        serving = self._slots.census()[SlotState.SERVING]
        report = self._watch().report
        if report is None:
            return f"{serving} workers serve{self._unready()}, the lag is not known yet"
        lag = "unknown" if report.lag_records is None else report.lag_records
        return (
            f"{serving} of {report.decision.workers} workers serve{self._unready()},"
            f" lag {lag}, {report.arrival_rate:.1f} records/s arrive"
        )

    def _unready(self) -> str:
        """Return who does not serve and why, in parentheses: those with the same reason together."""
        slots: dict[str, list[str]] = {}
        for number, slot in enumerate(self._slots.all):
            if slot.shown is SlotState.UNREADY:
                slots.setdefault(slot.unready, []).append(str(number))
        said = [f"{', '.join(which)}: {reason}" for reason, which in slots.items()]
        return f" ({'; '.join(said)})" if said else ""

    def _seen(self) -> Sequence[WorkerSeen]:
        running = self._workers.running
        return [
            WorkerSeen(
                slot=str(number),
                state=_STATES[slot.shown],
                pid=running[number].pid if number in running else None,
                since_s=slot.since_s,
                restarts=self._workers.restarts.get(number, 0),
            )
            for number, slot in enumerate(self._slots.all)
            if slot.shown in _STATES
        ]


def _work(window: Window) -> Work:
    """Return what all workers did, since this process began."""
    batches = window.total(names.BATCH_ROWS, "model", suffix="_count")
    rows = window.total(names.BATCH_ROWS, "model", suffix="_sum")
    busy_s = window.total(names.EXECUTOR_BUSY, "model")
    return Work(
        records=sum(window.total(names.REQUESTS).values()),
        models={
            model: ModelWork(batches[model,], rows.get((model,), 0.0), busy_s.get((model,), 0.0))
            for (model,) in batches
        },
    )
