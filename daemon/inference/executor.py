"""The thread that runs the model, or the two where two batches run at once.

The loop hands over batches whose inputs are assembled; a thread hands back outcomes through
`call_soon_threadsafe`. Nothing else crosses.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from itertools import chain
from typing import NamedTuple, TypeVar

from daemon.inference.batches import Assembled, Rebuild, Served
from daemon.inference.runs import Part, SessionSick, nobody, require_healthy, run_batch
from daemon.values.errors import Exit, Fatal
from daemon.values.messages import Batch
from runtime import Model, ModelOutOfMemory, ModelRefused, RunError

_Value = TypeVar("_Value")
_END_S = 1.0
"""What a run that is under way gets when the process ends: others have been answered by then."""


class Ran(NamedTuple):
    """A batch that the thread has served."""

    assembled: Assembled
    served: Served


class Executor:
    """Runs batches in order, each thread one at a time.

    What is to be first runs also between the slices of a lone request.
    `done` is called on the loop with each, `failed` when the model is beyond repair.
    """

    def __init__(
        self,
        *,
        done: Callable[[Ran], None],
        failed: Callable[[BaseException], None],
        rebuild: Rebuild,
        threads: int = 1,
    ) -> None:
        """Arguments as for daemon.inference.runner.Runner; must be made inside the running loop."""
        self._done = done
        self._failed = failed
        self._rebuild = rebuild
        self._waiting: deque[Assembled] = deque()
        self._first = 0
        """How many of them are to be run before all that waits, and between slices."""
        self._running: dict[int, list[Model]] = {}
        """By thread: what it runs, and before that what waits between two slices for it."""
        self._rebuilding = 0
        self._retired: list[Model] = []
        self._closed = False
        self._turn = threading.Condition()
        self._loop = asyncio.get_running_loop()
        self._threads = [
            threading.Thread(target=self._work, name="executor", daemon=True)
            for _ in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def next(self) -> Batch | None:
        """The batch that waits behind those that run; None when there is none."""
        with self._turn:
            return self._waiting[0].batch if self._waiting else None

    def run(self, *batches: Assembled, first: bool = False) -> None:
        """Let `batches` run next in their order; `first`: before those that wait, and the rest of a lone one."""
        with self._turn:
            if first:
                self._waiting.extendleft(reversed(batches))
                self._first += len(batches)
            else:
                self._waiting.extend(batches)
            self._turn.notify_all()

    def retire(self, model: Model) -> None:
        """Close a replaced `model` when no batch needs it any more."""
        with self._turn:
            if not self._closed:
                self._retired.append(model)
                self._turn.notify_all()
                return
        model.close()  # after the run that is under way

    def close(self) -> None:
        """End the threads after the runs they are in; a run that never returns is left behind."""
        self._stop()
        until_s = time.monotonic() + _END_S
        for thread in self._threads:
            thread.join(timeout=max(until_s - time.monotonic(), 0.0))

    def _stop(self) -> None:
        with self._turn:
            self._closed = True
            self._waiting.clear()
            self._first = 0
            self._turn.notify_all()

    def _work(self) -> None:
        while self._run_next():
            pass

    def _run_next(self) -> bool:
        """Run a batch, and keep nothing of it; returns whether there may be another one."""
        assembled = self._next()
        if assembled is None:
            return False
        try:
            self._run(assembled)
        except BaseException as error:  # noqa: BLE001 -- a thread must not die in silence
            self._stop()
            self._report(self._failed, error)
            return False
        return True

    def _run(self, assembled: Assembled) -> None:
        served = self._serve(assembled)
        with self._turn:
            self._running[threading.get_ident()].pop()
        self._report(self._done, Ran(assembled, served))

    def _run_first(self) -> None:
        """Run, between two slices of a lone request, what is to be run before all that waits."""
        while (assembled := self._next_first()) is not None:
            self._run(assembled)

    def _next_first(self) -> Assembled | None:
        with self._turn:
            return self._begin_next() if self._first else None

    def _begin_next(self) -> Assembled:
        assembled = self._waiting.popleft()
        self._first = max(self._first - 1, 0)
        self._running.setdefault(threading.get_ident(), []).append(assembled.model)
        return assembled

    def _next(self) -> Assembled | None:
        with self._turn:
            self._close_retired()
            while not self._waiting and not self._closed:
                self._turn.wait()
                self._close_retired()
            return self._begin_next() if self._waiting else None

    def _close_retired(self) -> None:
        if self._rebuilding:  # what comes of that is needed too
            return
        needed = [
            *[assembled.model for assembled in self._waiting],
            *chain(*self._running.values()),
        ]
        for model in [each for each in self._retired if each not in needed]:
            self._retired.remove(model)
            model.close()

    def _serve(self, assembled: Assembled) -> Served:
        """Run one batch; a sick session is built anew once, then the worker ends unanswered.

        One that was closed meanwhile, for a reload or by who found it sick first, is not sick.
        """
        in_between = self._run_first if assembled.shares else nobody
        is_built_anew = False
        while True:
            try:
                return serve(assembled, in_between)
            except SessionSick as sick:
                reason = str(sick)
            # Not while the failure is handled: its frames hold the session, and with it its memory.
            if not assembled.model.session.closed:
                if is_built_anew:
                    raise _beyond_repair(assembled, reason)
                is_built_anew = True
            assembled = assembled._replace(model=self._rebuilt(assembled, reason))

    def _rebuilt(self, assembled: Assembled, reason: str) -> Model:
        """Return what serves instead of the batch's sick model, for it and for those that wait."""
        with self._turn:
            self._rebuilding += 1
        try:
            model = self._rebuild(assembled.batch.bucket.model, assembled.model, reason)
        except ModelRefused as error:
            raise _beyond_repair(assembled, reason) from error
        with self._turn:
            self._rebuilding -= 1
            self._running[threading.get_ident()][-1] = model
            self._waiting = deque(
                each._replace(model=model) if each.model is assembled.model else each
                for each in self._waiting
            )
        return model

    def _report(self, callback: Callable[[_Value], None], value: _Value) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(callback, value)


def serve(
    assembled: Assembled,
    in_between: Callable[[], None] = nobody,
    *,
    clock: Callable[[], float] = time.monotonic,
) -> Served:
    """Run `assembled` once; after a failure the model's own sample, which raises SessionSick.

    What runs `in_between` is in no time but its own.
    """
    started_s, others_s = clock(), 0.0
    started_cpu_s, others_cpu_s = time.thread_time(), 0.0

    def let_others_run() -> None:
        nonlocal others_s, others_cpu_s
        left_s, left_cpu_s = clock(), time.thread_time()
        in_between()
        others_s += clock() - left_s
        others_cpu_s += time.thread_time() - left_cpu_s

    outcome: Part | RunError
    try:
        outcome = run_batch(
            assembled.model.session,
            assembled.batch.requests,
            assembled.inputs,
            unsound=assembled.model.unsound_rows,
            limits=assembled.limits,
            in_between=let_others_run,
        )
    except MemoryError:  # while the rows of slices were put together
        outcome = ModelOutOfMemory("there is no memory for it")
    except RunError as error:
        require_healthy(assembled.model.session, limit_s=assembled.limits.full_s)
        outcome = error
    run_s = clock() - started_s - others_s
    cpu_s = time.thread_time() - started_cpu_s - others_cpu_s
    return Served(
        assembled.batch,
        assembled.model,
        outcome,
        assembled.assemble_s,
        started_s,
        run_s,
        assembled.limits,
        cpu_s if assembled.model.session.on_cpu else None,
    )


def _beyond_repair(assembled: Assembled, reason: str) -> Fatal:
    return Fatal(
        Exit.INTERNAL,
        f"model {assembled.batch.bucket.model} fails on its own warm-up sample, also when built anew: {reason}; "
        "nothing was answered, Kafka delivers the requests again",
    )
