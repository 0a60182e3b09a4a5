"""Where each batch runs: in the model's thread, or, when it is too short for that, on the loop.

The loop makes one run at a time, and never beside the threads: there is one of these, or there are two
where two batches run at once.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping

from daemon.inference.batches import Assembled, Done, Rebuild, Served
from daemon.inference.executor import Executor, Ran
from daemon.inference.runs import Part, RunLimits, run_batch
from daemon.inference.short_runs import ShortRuns
from daemon.values.messages import Batch
from daemon.wire.assemble import assemble
from runtime import Model, ModelOutOfMemory

_ON_LOOP_S = 0.05
"""Limit of a run on the loop: heartbeats wait for it. The thread then gives it its full time."""


class Runner:
    """Runs batches in the order in which they are handed over, `executors` of them at a time.

    In threads of its own, so that the loop keeps its heartbeats. Runs that are shorter than the
    hand-over the loop makes itself, while the thread has nothing; what fails there, and what is
    behind it, is handed over after all. `failed` is called when the model is beyond repair.
    """

    def __init__(
        self,
        models: Mapping[str, Model],
        *,
        failed: Callable[[BaseException], None],
        rebuild: Rebuild,
        batches_in_flight: int = 2,
        executors: int = 1,
    ) -> None:
        """`models` is read at each batch; to be made inside the loop.

        `rebuild`: see daemon.inference.models.Models. `batches_in_flight`: 2 to have one assembled
        ahead while others run, else 1. `executors`: batches that run at once.
        """
        self._models = models
        self._failed = failed
        self.executors = executors
        """How many batches run at once."""
        self.takes_ahead = batches_in_flight > 1
        """Whether a batch is to be handed over while as many run."""
        self._executor = Executor(
            done=self._ran_in_thread, failed=failed, rebuild=rebuild, threads=executors
        )
        self._here: deque[Assembled] = deque()  # behind all that the thread has
        self._called = False
        self._short_runs = ShortRuns()
        self._unreported = 0
        self._sharing = 0
        """Batches in the thread between whose slices others may run."""
        self._closed = False
        self._loop = asyncio.get_running_loop()

    @property
    def in_flight(self) -> int:
        """Batches handed over whose outcome has not come back."""
        return self._unreported

    @property
    def ahead(self) -> Batch | None:
        """The batch that waits behind those that run; None when the executor would take it."""
        waiting = self._executor.next
        if waiting is None and self._here and self._thread_has_some:
            return self._here[0].batch
        return waiting

    @property
    def _thread_has_some(self) -> bool:
        return self._unreported > len(self._here)

    def submit(
        self,
        batch: Batch,
        limits: RunLimits,
        *,
        done: Done,
        first: bool = False,
        in_thread: bool = False,
    ) -> None:
        """Assemble `batch` and let it run next, within `limits`.

        `first`: before the one that waits, and between the slices of the one that runs. `in_thread`:
        however short its runs have been, and nothing in between.
        """
        model = self._models[batch.bucket.model]
        began_s = time.monotonic()
        try:
            inputs = assemble(batch.requests, model.session.signature)
        except MemoryError:
            self._give_back(batch, model, limits, done)
            return
        assemble_s = time.monotonic() - began_s
        assembled = Assembled(batch, model, inputs, assemble_s, limits, done, shares=not in_thread)
        overtakes = first and (self._executor.next is not None or self._sharing > 0)
        self._unreported += 1
        if overtakes or in_thread or not self._is_short(assembled):
            self._hand_over(assembled, first=first)
        else:
            self._here.insert(0 if first else len(self._here), assembled)
            self._go_on_here()

    def _is_short(self, assembled: Assembled) -> bool:
        """Whether the loop makes the run itself: never one on a GPU, which it could only wait for."""
        return assembled.model.session.on_cpu and self._short_runs.expects(
            assembled.model, assembled.batch.rows
        )

    def _give_back(self, batch: Batch, model: Model, limits: RunLimits, done: Done) -> None:
        """Report `batch`, for whose inputs there is no memory, as a run that found none."""
        failure = ModelOutOfMemory("there is no memory for it")
        served = Served(batch, model, failure, 0.0, time.monotonic(), 0.0, limits)
        self._unreported += 1
        self._loop.call_soon(self._finish, served, done)

    def _hand_over(self, *batches: Assembled, first: bool = False) -> None:
        """Let the thread run what waits here, then `batches`; `first`: those before all that waits."""
        self._sharing += sum([assembled.lets_others_run for assembled in (*self._here, *batches)])
        if first:
            self._executor.run(*batches, first=True)
            batches = ()
        self._executor.run(*self._here, *batches)
        self._here.clear()

    def retire(self, model: Model) -> None:
        """Close a replaced `model` when no batch that was handed over needs it any more."""
        self._hand_over()
        self._executor.retire(model)

    def close(self) -> None:
        """End the threads after the runs they are in; a run that never returns is left behind."""
        self._closed = True
        self._executor.close()

    def _ran_in_thread(self, ran: Ran) -> None:
        served = ran.served
        self._sharing -= ran.assembled.lets_others_run
        if isinstance(served.outcome, Part) and served.work_s is not None:
            self._short_runs.ran_in_thread(
                served.model, served.batch.rows, cpu_s=served.work_s, wall_s=served.run_s
            )
        self._finish(served, ran.assembled.done)

    def _go_on_here(self) -> None:
        if self._here and not self._called and not self._thread_has_some:
            self._called = True
            self._loop.call_soon(self._run_here)

    def _run_here(self) -> None:
        """Make a short run on the loop, unless the thread has got it meanwhile."""
        self._called = False
        if not self._here or self._thread_has_some or self._closed:
            return
        # What waited while the thread built a sick session anew runs on the new one.
        assembled = self._here[0]
        assembled = assembled._replace(model=self._models[assembled.batch.bucket.model])
        started_s, started_cpu_s = time.monotonic(), time.thread_time()
        try:
            part = run_batch(
                assembled.model.session,
                assembled.batch.requests,
                assembled.inputs,
                unsound=assembled.model.unsound_rows,
                limits=_hurried(assembled.limits),
            )
        except Exception:  # noqa: BLE001 -- the thread has time to find out what it is, and says so
            self._short_runs.ran_on_loop(assembled.model, time.monotonic() - started_s)
            self._hand_over()
            return
        run_s, work_s = time.monotonic() - started_s, time.thread_time() - started_cpu_s
        self._short_runs.ran_on_loop(assembled.model, run_s)
        self._here.popleft()
        served = Served(
            assembled.batch,
            assembled.model,
            part,
            assembled.assemble_s,
            started_s,
            run_s,
            assembled.limits,
            work_s,
        )
        self._finish(served, assembled.done)

    def _finish(self, served: Served, done: Done) -> None:
        self._unreported -= 1
        try:
            done(served)
        except Exception as error:  # noqa: BLE001 -- the loop would log it and leave a batch unanswered
            self._failed(error)
        self._go_on_here()


def _hurried(limits: RunLimits) -> RunLimits:
    return limits._replace(run_s=min(limits.run_s, _ON_LOOP_S))
