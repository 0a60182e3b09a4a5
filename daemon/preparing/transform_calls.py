"""Calls of users' transforms: where they run, how long they may take, what is told of one that fails."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from math import inf
from typing import TypeVar, cast

from daemon.preparing.loop_calls import LoopCalls
from daemon.preparing.loop_slices import LoopSlices
from daemon.preparing.time_slices import Late
from daemon.preparing.transform_threads import TransformThreads
from daemon.process.watchdog import end_hanging
from daemon.telemetry.events import Event
from daemon.telemetry.logs import log
from daemon.values.errors import Code, Exit, Fatal, RequestRefused
from daemon.values.messages import Bucket
from runtime import Conversion, Model, Rejected, TransformFailed, TransformGone, TransformLate

_In = TypeVar("_In")
_Out = TypeVar("_Out")


class TransformCalls:
    """Calls methods of transforms for groups of values: in threads, or on the loop if they are cheap."""

    def __init__(
        self,
        threads: Mapping[str, TransformThreads],
        loop_slices: LoopSlices,
        *,
        limits_s: Mapping[str, float],
    ) -> None:
        """`threads` are those that call a model's transform, by model; models may share them.

        `limits_s`: what one call may take, by model. One in a thread is given up then, one in another
        process is ended, one on the loop ends this process.
        """
        self._threads = threads
        self._loop_slices = loop_slices
        self._limits_s = limits_s
        self._loop_calls = {
            name: LoopCalls(limit_s, late=partial(end_hanging, f"the transform of model {name}"))
            for name, limit_s in limits_s.items()
        }

    def group_size(self, lane: str, models: Iterable[str]) -> int:
        """Return how many requests of `lane` for any of `models` to hand over together at present."""
        return min([self._threads[model].group_size(lane) for model in models])

    async def apply(
        self,
        bucket: Bucket,
        conversion: Conversion,
        work: Callable[[_In], _Out],
        values: Sequence[_In],
        size: Callable[[_Out], int],
    ) -> Sequence[_Out | Late]:
        """Return what `work`, a method of `conversion`, makes of `values`, of one lane and model.

        Those behind one that took too long, or behind many bytes of results by their `size`, have none.
        """
        if conversion.cheap:
            watched = self._loop_calls[bucket.model].watched(work)
            return await self._loop_slices.run(bucket.lane, watched, values, size=size)
        return await self._in_threads(bucket, conversion, work, values, size)

    def close(self) -> None:
        """Give up what is under way."""
        for threads in set(self._threads.values()):
            threads.close()
        self._loop_slices.close()
        for calls in self._loop_calls.values():
            calls.close()

    async def _in_threads(
        self,
        bucket: Bucket,
        conversion: Conversion,
        work: Callable[[_In], _Out],
        values: Sequence[_In],
        size: Callable[[_Out], int],
    ) -> Sequence[_Out | Late]:
        """Return what `work` makes of `values`, up to one that takes too long; says so then."""
        threads, limit_s = self._threads[bucket.model], self._limits_s[bucket.model]
        if conversion.ends_late_calls:
            work, waits_s = _timed(work), inf
        else:
            waits_s = limit_s
        results = await threads.run(bucket.lane, work, values, limit_s=waits_s, size=size)
        late = sum([isinstance(result, Late) for result in results])
        if late:
            log(
                Event.TRANSFORM_ABANDONED,
                model=bucket.model,
                lane=bucket.lane,
                requests=late,
                limit_s=limit_s,
                lost_threads=threads.lost,
            )
        return results


def conversion_of(model: Model) -> Conversion:
    """Return the transform of `model`; raises ValueError when it has none."""
    if model.transform is None:
        raise ValueError("a model without a transform has nothing to convert")
    return model.transform


def refused(bucket: Bucket, failure: Rejected | TransformFailed) -> RequestRefused:
    """Return what the requester is told, and tell the operator where the transform failed."""
    if isinstance(failure, Rejected):
        return RequestRefused(Code(failure.code), failure.detail)
    if failure.place is not None:
        file, line, kind = failure.place
        log(
            Event.TRANSFORM_FAILED,
            model=bucket.model,
            lane=bucket.lane,
            file=file,
            line=line,
            error=kind,
        )
    return RequestRefused(Code.TRANSFORM_FAILED, failure.detail)


def too_late(method: str, late: Late) -> RequestRefused:
    """Return what the requester is told of a call of `method` that took too long."""
    return RequestRefused(Code.TRANSFORM_FAILED, f"{method} took longer than {late.limit_s:g} s")


def _timed(work: Callable[[_In], _Out]) -> Callable[[_In], _Out]:
    """Return `work`, which ends a call that takes too long, with Late as what comes of such a one.

    What it returns raises Fatal (75) when nothing is there any more that could do it.
    """

    def timed(value: _In) -> _Out | Late:
        try:
            return work(value)
        except TransformLate as late:
            return Late(late.limit_s)
        except TransformGone as gone:
            raise Fatal(
                Exit.WORK_LEFT, f"no process of a transform can be started: {gone}"
            ) from gone

    return cast("Callable[[_In], _Out]", timed)  # Late is no result of a size
