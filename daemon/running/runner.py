"""The one thread that runs the model, and the batch that waits behind the one that runs.

The loop hands over batches whose inputs are assembled; the thread hands back verdicts through
`call_soon_threadsafe`. Nothing else crosses. Runs that are shorter than the hand-over the loop makes
itself, while the thread has nothing; what fails there is handed over after all.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from daemon.errors import Exit, Fatal
from daemon.messages import Arrays, Batch
from daemon.running.bisection import Limits, SessionSick, Verdict, run_isolated, run_whole
from daemon.running.short_runs import ShortRuns
from daemon.telemetry.events import Event
from daemon.telemetry.logs import log
from daemon.wire.assemble import assemble
from runtime import Model, ModelRefused

_ON_LOOP_S = 0.05
"""Limit of a run on the loop: heartbeats wait for it. The thread then gives it its full time."""


class Job(NamedTuple):
    """A batch, assembled for the model that will run it."""

    batch: Batch
    model: Model
    inputs: Arrays
    assemble_s: float


class Served(NamedTuple):
    """A batch that has run. Times are monotonic seconds."""

    batch: Batch
    model: Model
    verdict: Verdict
    assemble_s: float
    started_s: float
    run_s: float


Rebuild = Callable[[str], Model]
"""Makes a model's session anew, by name; raises ModelRefused."""


class Runner:
    """Runs one batch at a time, in a thread of its own, so that the loop keeps its heartbeats.

    `done` is called on the loop with each served batch, `failed` when the model is beyond repair.
    """

    def __init__(
        self,
        models: Mapping[str, Model],
        limits: Mapping[tuple[str, str], Limits],
        *,
        done: Callable[[Served], None],
        failed: Callable[[BaseException], None],
        rebuild: Rebuild,
    ) -> None:
        """`models` is read at each batch; `limits` are by (lane, model); made inside the loop.

        `rebuild` makes a model's session anew, puts it into `models`, and raises ModelRefused.
        """
        self._models = models
        self._limits = limits
        self._done = done
        self._failed = failed
        self._rebuild = rebuild
        self._jobs: deque[Job] = deque()
        self._here: deque[Job] = deque()
        self._short_runs = ShortRuns()
        self._retired: list[Model] = []
        self._unreported = 0
        self._closed = False
        self._turn = threading.Condition()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._work, name="executor", daemon=True)
        self._thread.start()

    @property
    def in_flight(self) -> int:
        """Batches handed over whose verdict has not come back."""
        return self._unreported

    @property
    def ahead(self) -> Batch | None:
        """The batch that waits behind the one that runs; None when the executor would take it."""
        with self._turn:
            return self._jobs[0].batch if self._jobs else None

    def submit(self, batch: Batch, *, first: bool = False) -> None:
        """Assemble `batch` and let it run next; `first`: before the one that waits."""
        model = self._models[batch.bucket.model]
        began_s = time.monotonic()
        inputs = assemble(batch.requests, model.session.signature)
        job = Job(batch, model, inputs, time.monotonic() - began_s)
        thread_has_some = self._unreported > len(self._here)
        self._unreported += 1
        if not thread_has_some and self._short_runs.expects(model, batch.rows):
            self._here.append(job)
            self._loop.call_soon(self._run_here)
        else:
            self._hand_over(job, first=first)

    def _hand_over(self, *jobs: Job, first: bool = False) -> None:
        """Let the thread run what waits here, then `jobs`."""
        with self._turn:
            self._jobs.extend(self._here)
            self._here.clear()
            for job in jobs:
                self._jobs.insert(0 if first else len(self._jobs), job)
            self._turn.notify()

    def retire(self, model: Model) -> None:
        """Close a replaced `model` when no batch that was handed over needs it any more."""
        self._hand_over()
        with self._turn:
            self._retired.append(model)
            self._turn.notify()

    def close(self) -> None:
        """End the thread after the run it is in; a run that never returns is left behind."""
        with self._turn:
            self._closed = True
            self._turn.notify()
        self._thread.join(timeout=1.0)

    def _run_here(self) -> None:
        """Make a short run on the loop, unless the thread has got it meanwhile."""
        if not self._here or self._closed:
            return
        job = self._here[0]
        started_s = time.monotonic()
        try:
            part = run_whole(
                job.model.session,
                job.batch.requests,
                job.inputs,
                unsound=job.model.unsound_rows,
                limits=_hurried(self._limits_of(job)),
            )
        except Exception:  # noqa: BLE001 -- the thread has time to find out what it is, and says so
            self._short_runs.ran_on_loop(job.model, time.monotonic() - started_s)
            self._hand_over()
            return
        run_s = time.monotonic() - started_s
        self._short_runs.ran_on_loop(job.model, run_s)
        self._here.popleft()
        verdict = Verdict([part], [])
        self._finish(Served(job.batch, job.model, verdict, job.assemble_s, started_s, run_s))

    def _work(self) -> None:
        while (job := self._next()) is not None:
            cpu_s = time.thread_time()
            try:
                served = self._serve(job)
            except BaseException as error:  # noqa: BLE001 -- a thread must not die in silence
                self._report(self._failed, error)
                return
            self._report(self._take_back, (served, time.thread_time() - cpu_s))

    def _next(self) -> Job | None:
        with self._turn:
            self._close_retired()
            while not self._jobs and not self._closed:
                self._turn.wait()
                self._close_retired()
            return self._jobs.popleft() if self._jobs else None

    def _close_retired(self) -> None:
        needed = [job.model for job in self._jobs]
        for model in [each for each in self._retired if each not in needed]:
            self._retired.remove(model)
            model.close()

    def _serve(self, job: Job) -> Served:
        """Run one job; a sick session is built anew once, then the worker ends unanswered."""
        name = job.batch.bucket.model
        started_s = time.monotonic()
        try:
            verdict = self._isolated(job)
        except SessionSick as sick:
            job = job._replace(model=self._rebuilt(name, sick))
            started_s = time.monotonic()
            try:
                verdict = self._isolated(job)
            except SessionSick as error:
                raise _beyond_repair(name, error) from error
        run_s = time.monotonic() - started_s
        return Served(job.batch, job.model, verdict, job.assemble_s, started_s, run_s)

    def _isolated(self, job: Job) -> Verdict:
        return run_isolated(
            job.model.session,
            job.batch.requests,
            job.inputs,
            unsound=job.model.unsound_rows,
            limits=self._limits_of(job),
            clock=time.monotonic,
        )

    def _limits_of(self, job: Job) -> Limits:
        bucket = job.batch.bucket
        return self._limits[bucket.lane, bucket.model]

    def _rebuilt(self, name: str, sick: SessionSick) -> Model:
        old = self._models[name]
        try:
            model = self._rebuild(name)
        except ModelRefused as error:
            raise _beyond_repair(name, sick) from error
        log(Event.SESSION_REBUILT, model=name, reason=str(sick))
        with self._turn:
            self._jobs = deque(
                job._replace(model=model) if job.model is old else job for job in self._jobs
            )
        return model

    def _take_back(self, ran: tuple[Served, float]) -> None:
        served, cpu_s = ran
        if not served.verdict.failures:  # a search for culprits says nothing about a run
            self._short_runs.ran_in_thread(
                served.model, served.batch.rows, cpu_s=cpu_s, wall_s=served.run_s
            )
        self._finish(served)

    def _finish(self, served: Served) -> None:
        self._unreported -= 1
        try:
            self._done(served)
        except Exception as error:  # noqa: BLE001 -- the loop would log it and leave a batch unanswered
            self._failed(error)

    def _report(self, callback: Callable[[Any], None], value: object) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(callback, value)


def _hurried(limits: Limits) -> Limits:
    return limits._replace(run_s=min(limits.run_s, _ON_LOOP_S))


def _beyond_repair(name: str, sick: SessionSick) -> Fatal:
    return Fatal(
        Exit.INTERNAL,
        f"model {name} fails on its own warm-up sample, also when built anew: {sick}; "
        "nothing was answered, Kafka delivers the requests again",
    )
