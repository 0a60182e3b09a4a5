"""Users' transforms: a step before the lanes, and what becomes of a model's outputs."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from math import inf
from typing import TypeAlias, TypeVar, cast

from daemon.admission.admission import Admission
from daemon.answering.replies import Converted, Replies
from daemon.inference.jobs import Served
from daemon.inference.runs import Part
from daemon.loop.tasks import Tasks
from daemon.preparing.loop_calls import LoopCalls
from daemon.preparing.loop_slices import LoopSlices
from daemon.preparing.steps import Prepared, groups
from daemon.preparing.time_slices import Late
from daemon.preparing.transform_threads import TransformThreads
from daemon.process.watchdog import end_hanging
from daemon.telemetry.events import Event
from daemon.telemetry.logs import log
from daemon.values.errors import Code, Exit, Fatal, RequestRefused
from daemon.values.messages import Answer, Arrays, Bucket, Form, Request
from daemon.values.object_sizes import array_bytes
from daemon.values.reply_run import Leaving
from runtime import (
    Conversion,
    Done,
    Model,
    Rejected,
    TransformFailed,
    TransformGone,
    TransformLate,
)

_In = TypeVar("_In")
_Out = TypeVar("_Out")
_Ran: TypeAlias = tuple[Request, Arrays]
"""A request and its outputs."""


class Transforms:
    """Applies each model's transform to groups of requests, in threads, or on the loop if it is cheap."""

    def __init__(
        self,
        threads: Mapping[str, TransformThreads],
        loop_slices: LoopSlices,
        models: Mapping[str, Model],
        admission: Admission,
        replies: Replies,
        tasks: Tasks,
        *,
        limits_s: Mapping[str, float],
        made: Callable[[Sequence[Request]], None],
        ran: Callable[[Sequence[Request], int], None],
        finished: Callable[[Sequence[Request], int], None],
    ) -> None:
        """`models` is read at each group: a reload changes the transform with its model.

        `threads` are those that call a model's transform, by model; models may share them.
        `limits_s`: what one call may take, by model. One in a thread is given up then, one in another
        process is ended, one on the loop ends this process. `made` is told of requests of one lane whose inputs are there now,
        `ran` of those whose outputs wait for a thread and of their bytes, `finished` of the same
        once their answers are made.
        """
        self._threads = threads
        self._loop_slices = loop_slices
        self._models = models
        self._admission = admission
        self._replies = replies
        self._tasks = Tasks(tasks)
        self._limits_s = limits_s
        self._made = made
        self._ran = ran
        self._finished = finished
        self._loop_calls = {
            name: LoopCalls(limit_s, late=partial(end_hanging, f"the transform of model {name}"))
            for name, limit_s in limits_s.items()
        }
        self._finishing = 0

    @property
    def finishing(self) -> int:
        """Requests that have run and whose replies are still being made."""
        return self._finishing

    def group_size(self, lane: str) -> int:
        """Return how many requests of `lane` to hand over together at present."""
        return max([threads.group_size(lane) for threads in set(self._threads.values())])

    async def prepare(self, requests: Sequence[Request]) -> Prepared:
        """Make inputs of bodies: a step (daemon.preparing.steps). Other forms pass as they are."""
        ready: list[Request] = []
        ended: list[Answer] = []
        again: list[Request] = []
        by_bucket: dict[Bucket, list[Request]] = {}
        for request in requests:
            if request.form is Form.TRANSFORM:
                by_bucket.setdefault(request.bucket, []).append(request)
            else:
                ready.append(request)
        for bucket, group in by_bucket.items():
            model = self._models[bucket.model]
            work = partial(self._preprocessed, model)
            outcomes = await self._applied(bucket, _conversion(model), work, group, _outcome_bytes)
            again += group[len(outcomes) :]
            made = [outcome for outcome in outcomes if isinstance(outcome, Request)]
            self._made(made)
            ready += made
            for request, outcome in zip(group, outcomes, strict=False):
                if isinstance(outcome, Request):
                    continue
                if isinstance(outcome, Late):
                    ended.append(self._replies.error(request, *_too_late("preprocess", outcome)))
                else:
                    ended.append(outcome)
        return Prepared(ready, ended, again)

    def finish(
        self, served: Served, part: Part, *, done: Callable[[Sequence[Leaving]], None]
    ) -> None:
        """Let the outputs of `part` be postprocessed; `done` gets the answers group by group."""
        unsound: list[Answer] = []
        sound: list[_Ran] = []
        for request, outputs in self._replies.apart(part, served.model.session.signature):
            if isinstance(outputs, Answer):
                unsound.append(outputs)
            else:
                sound.append((request, outputs))
        if unsound:
            done(unsound)
        self._finishing += len(sound)
        for conversion, group in self._groups(served, sound):
            outputs_bytes = sum([sum(map(array_bytes, each.values())) for _, each in group])
            self._ran([request for request, _ in group], outputs_bytes)
            finish = self._finish(served, part, group, outputs_bytes, conversion, done)
            self._tasks.start(finish, name="finish")

    def _groups(
        self, served: Served, sound: Sequence[_Ran]
    ) -> Iterator[tuple[Conversion, Sequence[_Ran]]]:
        """Yield what is to be postprocessed together: on the loop all, since nothing is handed over."""
        size = self.group_size(served.batch.bucket.lane)
        for conversion, its in _by_conversion(_conversion(served.model), sound).items():
            for group in groups(its, max(size, len(its)) if conversion.cheap else size):
                yield conversion, group

    def close(self) -> None:
        """Give up what is under way."""
        self._tasks.cancel()
        for threads in set(self._threads.values()):
            threads.close()
        self._loop_slices.close()
        for calls in self._loop_calls.values():
            calls.close()

    async def _finish(
        self,
        served: Served,
        part: Part,
        group: Sequence[_Ran],
        outputs_bytes: int,
        conversion: Conversion,
        done: Callable[[Sequence[Leaving]], None],
    ) -> None:
        requests = [request for request, _ in group]
        convert = partial(_converted, conversion)
        while group:
            conversions = await self._applied(
                served.batch.bucket, conversion, convert, group, _converted_bytes
            )
            come, group = group[: len(conversions)], group[len(conversions) :]
            answers = self._answers(served, part, come, [_in_time(each) for each in conversions])
            self._finishing -= len(answers)
            done(answers)
        self._finished(requests, outputs_bytes)

    def _answers(
        self,
        served: Served,
        part: Part,
        group: Sequence[_Ran],
        conversions: Sequence[Converted],
    ) -> Sequence[Leaving]:
        return self._replies.converted(
            served,
            part,
            zip([request for request, _ in group], conversions, strict=True),
            wall_ahead_s=time.time() - time.monotonic(),
        )

    async def _applied(
        self,
        bucket: Bucket,
        conversion: Conversion,
        work: Callable[[_In], _Out],
        values: Sequence[_In],
        size: Callable[[_Out], int],
    ) -> Sequence[_Out | Late]:
        """Return what `work`, a method of `conversion`, makes of `values`, where it may run.

        Those behind many bytes of results, by their `size`, have none.
        """
        if conversion.cheap:
            watched = self._loop_calls[bucket.model].watched(work)
            return await self._loop_slices.run(bucket.lane, watched, values, size=size)
        return await self._in_threads(bucket, conversion, work, values, size)

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

    def _preprocessed(self, model: Model, request: Request) -> Request | Answer:
        body = request.record.value or b""
        headers = {name: value for name, value in request.record.headers if value is not None}
        try:
            made = _conversion(model).preprocess(body, headers)
        except (Rejected, TransformFailed) as failure:
            refused = _refused(request.bucket, failure)
            return self._replies.error(request, refused.code, refused.detail)
        if isinstance(made, Done):
            served_by = model.served_by(request.bucket.model)
            return self._replies.done(request, made.content_type, made.body, served_by=served_by)
        return self._admission.prepared(request, made)


def _conversion(model: Model) -> Conversion:
    if model.transform is None:
        raise ValueError("a model without a transform has nothing to convert")
    return model.transform


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


def _by_conversion(serving: Conversion, sound: Sequence[_Ran]) -> Mapping[Conversion, list[_Ran]]:
    """Return `sound` by who finishes it: who keeps something of a request, else who is `serving`."""
    by_conversion: dict[Conversion, list[_Ran]] = {}
    for request, outputs in sound:
        conversion = serving if request.kept is None else request.kept.by
        by_conversion.setdefault(conversion, []).append((request, outputs))
    return by_conversion


def _converted(conversion: Conversion, ran: _Ran) -> Converted:
    request, outputs = ran
    context = None if request.kept is None else request.kept.context
    inputs = cast("Arrays", request.inputs)  # its form is that of prepared requests
    try:
        return conversion.postprocess(outputs, inputs=inputs, context=context)
    except (Rejected, TransformFailed) as failure:
        return _refused(request.bucket, failure)


def _refused(bucket: Bucket, failure: Rejected | TransformFailed) -> RequestRefused:
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


def _outcome_bytes(outcome: Request | Answer) -> int:
    return outcome.prepared_bytes if isinstance(outcome, Request) else outcome.reply_bytes


def _converted_bytes(converted: Converted) -> int:
    return 0 if isinstance(converted, RequestRefused) else len(converted[1])


def _in_time(conversion: Converted | Late) -> Converted:
    if isinstance(conversion, Late):
        return RequestRefused(*_too_late("postprocess", conversion))
    return conversion


def _too_late(method: str, late: Late) -> tuple[Code, str]:
    return Code.TRANSFORM_FAILED, f"{method} took longer than {late.limit_s:g} s"
