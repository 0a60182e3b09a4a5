"""The stations with threads, without them: in virtual time a run takes as long as its model says.

Both pass the contract suite in tests/contract/, the same that the real ones pass.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from daemon.inference.batches import Assembled, Done, Rebuild, Served
from daemon.inference.executor import serve
from daemon.inference.runs import RunLimits, SessionSick, slices_of
from daemon.preparing.time_slices import GROUP, TimeSlice, TimeSlices, ValueGroup
from daemon.preparing.transform_threads import MOST_LOST, THREADS, worn_out
from daemon.values.errors import Exit, Fatal
from daemon.values.messages import Batch
from daemon.wire.assemble import assemble
from runtime import Model, ModelRefused


class FakeRunner:
    """Meets daemon.inference.runner.Runner; a session says by `run_s(inputs)` how long a run takes,
    by `late_s` how much of that is no work.
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
        self._models = models
        self._failed = failed
        self.executors = executors
        self.takes_ahead = batches_in_flight > 1
        self._rebuild = rebuild
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Assembled] = deque()
        self._first = 0
        self._threads = [_Thread() for _ in range(executors)]
        self._retired: list[Model] = []
        self._unreported = 0
        self._ended = False

    @property
    def in_flight(self) -> int:
        return self._unreported

    @property
    def ahead(self) -> Batch | None:
        return self._waiting[0].batch if self._waiting else None

    def submit(
        self,
        batch: Batch,
        limits: RunLimits,
        *,
        done: Done,
        first: bool = False,
        in_thread: bool = False,
    ) -> None:
        model = self._models[batch.bucket.model]
        inputs = assemble(batch.requests, model.session.signature)
        self._unreported += 1
        assembled = Assembled(batch, model, inputs, 0.0, limits, done, shares=not in_thread)
        self._waiting.insert(0 if first else len(self._waiting), assembled)
        self._first += first
        self._go_on()

    def retire(self, model: Model) -> None:
        self._retired.append(model)
        self._close_retired()

    def close(self) -> None:
        self._ended = True
        self._close_retired()

    def _go_on(self) -> None:
        """Let threads begin the next batch, or go on; what is to be first goes between two slices."""
        for thread in sorted(self._threads, key=lambda each: len(each.begun)):
            if self._ended or thread.is_busy:
                continue
            if self._waiting and (
                not thread.begun or (self._first and thread.begun[-1].assembled.shares)
            ):
                self._first = max(self._first - 1, 0)
                thread.begun.append(_Run(self._waiting.popleft(), self._loop.time()))
            if thread.begun:
                thread.is_busy = True
                self._loop.call_later(thread.begun[-1].next_s(), self._end_slice, thread)

    def _end_slice(self, thread: "_Thread") -> None:
        thread.is_busy = False
        if not self._ended and not thread.begun[-1].slices_s:
            self._finish(thread.begun.pop())
        self._go_on()

    def _finish(self, run: "_Run") -> None:
        try:
            served = self._serve(run.assembled)
        except Fatal as error:
            self._ended = True
            self._failed(error)
            return
        self._go_on()
        self._unreported -= 1
        try:
            run.assembled.done(_timed(served, run))
        except Exception as error:  # noqa: BLE001 - as the real one reports it
            self._failed(error)
        self._close_retired()

    def _serve(self, assembled: Assembled) -> Served:
        try:
            return serve(assembled, clock=self._loop.time)
        except SessionSick as sick:
            assembled = assembled._replace(model=self._rebuilt(assembled, sick))
            try:
                return serve(assembled, clock=self._loop.time)
            except SessionSick as error:
                raise Fatal(Exit.INTERNAL, str(error)) from error

    def _rebuilt(self, assembled: Assembled, sick: SessionSick) -> Model:
        try:
            model = self._rebuild(assembled.batch.bucket.model, assembled.model, str(sick))
        except ModelRefused as error:
            raise Fatal(Exit.INTERNAL, str(sick)) from error
        self._waiting = deque(
            each._replace(model=model) if each.model is assembled.model else each
            for each in self._waiting
        )
        return model

    def _close_retired(self) -> None:
        begun = [run.assembled for thread in self._threads for run in thread.begun]
        needed = [assembled.model for assembled in (*begun, *self._waiting)]
        for model in [each for each in self._retired if each not in needed]:
            self._retired.remove(model)
            model.close()


def _timed(served: Served, run: "_Run") -> Served:
    work_s = run.took_s - run.late_s
    return served._replace(started_s=run.started_s, run_s=run.took_s, work_s=work_s)


class _Thread:
    """One of a runner's: the last batch that it has begun runs, others wait between two slices."""

    def __init__(self) -> None:
        self.begun: list[_Run] = []
        self.is_busy = False


class _Run:
    """A batch that has begun; `slices_s` are yet to run."""

    def __init__(self, assembled: Assembled, started_s: float) -> None:
        self.assembled = assembled
        self.started_s = started_s
        self.took_s = 0.0
        slices = [assembled.inputs]
        if assembled.limits.cut(assembled.batch.requests):
            slices = list(slices_of(assembled.inputs, assembled.limits))
        self.slices_s = deque([assembled.model.session.run_s(inputs) for inputs in slices])
        self.late_s = len(slices) * assembled.model.session.late_s

    def next_s(self) -> float:
        """How long the next slice takes; the last one, if it takes too long."""
        slice_s = self.slices_s.popleft()
        if slice_s > self.assembled.limits.run_s:
            slice_s = self.assembled.limits.run_s
            self.slices_s.clear()
        self.took_s += slice_s
        return slice_s


class FakeTransformThreads:
    """Meets daemon.preparing.transform_threads.TransformThreads in virtual time.

    `seconds` says how long work on a value takes, infinity for a call that never returns.
    """

    def __init__(self, weights, *, failed, processes=0, seconds=lambda value: 0.01) -> None:
        self._failed = failed
        self._slices = TimeSlices(weights, least_group=1 if processes else GROUP)
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._idle = processes or THREADS
        self._closed = False
        self._results: dict = {}
        self.lost = 0

    def group_size(self, lane: str) -> int:
        return self._slices.group_size(lane)

    async def run(self, lane: str, work, values: Sequence, *, limit_s: float, size):
        group = ValueGroup(lane, work, values, limit_s=limit_s, size=size)
        self._results[group] = self._loop.create_future()
        self._slices.put(group)
        self._go_on()
        try:
            return await self._results[group]
        finally:
            group.is_wanted = False
            del self._results[group]

    def close(self) -> None:
        self._closed = True

    def _go_on(self) -> None:
        while self._idle and not self._closed:
            piece = self._slices.take(self._loop.time())
            if piece is None:
                return
            self._idle -= 1
            self._begin(piece)

    def _begin(self, piece: TimeSlice) -> None:
        seconds = self._seconds(piece.value)
        if seconds < math.inf:
            self._loop.call_later(seconds, self._end, piece)
        if seconds >= piece.group.limit_s:
            self._loop.call_later(piece.group.limit_s + 1e-3, self._give_up)  # surely past it

    def _give_up(self) -> None:
        for piece in self._slices.give_up_late(self._loop.time()):
            self.lost += 1
            self._idle += self.lost <= MOST_LOST
            self._hand_back(piece.group)
        if self.lost > MOST_LOST:
            self._failed(worn_out(self.lost))
        self._go_on()

    def _end(self, piece: TimeSlice) -> None:
        try:
            goes_on = piece.came(piece.group.work(piece.value), self._loop.time())
        except BaseException as failure:  # noqa: BLE001 - as the real ones hand it over
            piece.failure = failure
            goes_on = False
        if goes_on and not self._closed:
            self._begin(piece)
            return
        self._slices.end(piece, self._loop.time())
        if piece.is_given_up:
            self._idle += self.lost > MOST_LOST
            self.lost -= 1
        else:
            self._idle += 1
            self._hand_back(piece.group)
        self._go_on()

    def _hand_back(self, group: ValueGroup) -> None:
        results = self._results.get(group)
        if results is None or results.done() or not group.is_over:
            return
        if group.failure is None:
            results.set_result(group.results)
        else:
            results.set_exception(group.failure)
