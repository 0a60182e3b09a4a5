"""Users' transforms behind the model: what becomes of outputs."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TypeAlias, cast

from daemon.answering.replies import Converted, Replies
from daemon.inference.batches import Served
from daemon.inference.runs import Part
from daemon.loop.tasks import Tasks
from daemon.preparing.steps import groups
from daemon.preparing.time_slices import Late
from daemon.preparing.transform_calls import TransformCalls, conversion_of, refused, too_late
from daemon.values.errors import RequestRefused
from daemon.values.messages import Answer, Arrays, Request
from daemon.values.object_sizes import array_bytes
from daemon.values.reply_run import Leaving
from runtime import Conversion, Rejected, TransformFailed

_Ran: TypeAlias = tuple[Request, Arrays]
"""A request and its outputs."""


class Finishing:
    """Lets transforms make replies of outputs, group by group, while other batches run."""

    def __init__(
        self,
        calls: TransformCalls,
        replies: Replies,
        tasks: Tasks,
        *,
        ran: Callable[[Sequence[Request], int], None],
        finished: Callable[[Sequence[Request], int], None],
    ) -> None:
        """`ran` is told of requests of one lane whose outputs wait for a thread, and of their bytes,
        `finished` of the same once their answers are made.
        """
        self._calls = calls
        self._replies = replies
        self._tasks = Tasks(tasks)
        self._ran = ran
        self._finished = finished
        self._under_way = 0

    @property
    def under_way(self) -> int:
        """Requests that have run and whose replies are still being made."""
        return self._under_way

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
        self._under_way += len(sound)
        for conversion, group in self._groups(served, sound):
            outputs_bytes = sum([sum(map(array_bytes, each.values())) for _, each in group])
            self._ran([request for request, _ in group], outputs_bytes)
            finish = self._finish(served, part, group, outputs_bytes, conversion, done)
            self._tasks.start(finish, name="finish")

    def close(self) -> None:
        """Give up what is under way."""
        self._tasks.cancel()
        self._calls.close()

    def _groups(
        self, served: Served, sound: Sequence[_Ran]
    ) -> Iterator[tuple[Conversion, Sequence[_Ran]]]:
        """Yield what is to be postprocessed together: on the loop all, since nothing is handed over."""
        bucket = served.batch.bucket
        size = self._calls.group_size(bucket.lane, [bucket.model])
        for conversion, its in _by_conversion(conversion_of(served.model), sound).items():
            for group in groups(its, max(size, len(its)) if conversion.cheap else size):
                yield conversion, group

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
            conversions = await self._calls.apply(
                served.batch.bucket, conversion, convert, group, _converted_bytes
            )
            come, group = group[: len(conversions)], group[len(conversions) :]
            answers = self._answers(served, part, come, [_in_time(each) for each in conversions])
            self._under_way -= len(answers)
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
        return refused(request.bucket, failure)


def _converted_bytes(converted: Converted) -> int:
    return 0 if isinstance(converted, RequestRefused) else len(converted[1])


def _in_time(conversion: Converted | Late) -> Converted:
    return too_late("postprocess", conversion) if isinstance(conversion, Late) else conversion
