"""Users' transforms on the line: before the lanes, and between the model and the replies."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from daemon.admission.admission import Admission
from daemon.answering.replies import Converted, Replies
from daemon.inference.bisection import Part
from daemon.inference.jobs import Served
from daemon.preparing.preparation import Preparation
from daemon.values.errors import Code, RequestRefused
from daemon.values.messages import Answer, Arrays, Request
from runtime import Conversion, Done, Model, Rejected, TransformFailed

Prepared = tuple[list[Request], list[Answer]]
"""Requests with their inputs, and the answers of those that need no model."""


class Transforms:
    """Applies each model's transform to groups of requests, in the pool unless it is cheap."""

    def __init__(
        self,
        preparation: Preparation,
        models: Mapping[str, Model],
        admission: Admission,
        replies: Replies,
    ) -> None:
        """`models` is read at each group: a reload changes the transform with its model."""
        self._preparation = preparation
        self._models = models
        self._admission = admission
        self._replies = replies
        self._finishing = 0

    @property
    def preparing(self) -> int:
        """Requests that are yet to come to the lanes."""
        return self._preparation.under_way - self._finishing

    @property
    def finishing(self) -> int:
        """Requests that have run and whose replies are still being made."""
        return self._finishing

    @property
    def under_way(self) -> int:
        """Requests that a transform has not given back."""
        return self._preparation.under_way

    def prepare(
        self,
        requests: Sequence[Request],
        *,
        done: Callable[[Sequence[Request], Sequence[Answer]], None],
    ) -> None:
        """Let `requests` be preprocessed; `done` gets group after group, on the loop."""
        by_model: dict[str, list[Request]] = {}
        for request in requests:
            by_model.setdefault(request.bucket.model, []).append(request)
        for name, group in by_model.items():
            model = self._models[name]
            self._preparation.submit(
                partial(self._preprocess, model),
                group,
                done=lambda prepared: done(*prepared),
                cheap=_conversion(model).cheap,
            )

    def finish(
        self, served: Served, part: Part, *, done: Callable[[Sequence[Answer]], None]
    ) -> None:
        """Let the outputs of `part` be postprocessed; `done` gets the answers group by group."""
        unsound: list[Answer] = []
        sound: list[tuple[Request, Arrays]] = []
        for request, outputs in self._replies.apart(part):
            if isinstance(outputs, Answer):
                unsound.append(outputs)
            else:
                sound.append((request, outputs))
        done(unsound)
        self._finishing += len(sound)

        def finished(answers: Sequence[Answer]) -> None:
            self._finishing -= len(answers)
            done(answers)

        self._preparation.submit(
            partial(self._postprocess, served, part),
            sound,
            done=finished,
            cheap=_conversion(served.model).cheap,
        )

    def close(self) -> None:
        """Give up what has not started."""
        self._preparation.close()

    def _preprocess(self, model: Model, requests: Sequence[Request]) -> Prepared:
        ready: list[Request] = []
        ended: list[Answer] = []
        for request in requests:
            outcome = self._preprocessed(model, request)
            if isinstance(outcome, Answer):
                ended.append(outcome)
            else:
                ready.append(outcome)
        return ready, ended

    def _preprocessed(self, model: Model, request: Request) -> Request | Answer:
        body = request.record.value or b""
        headers = {name: value for name, value in request.record.headers if value is not None}
        try:
            made = _conversion(model).preprocess(body, headers)
        except Rejected as rejected:
            return self._replies.error(request, Code(rejected.code), rejected.detail)
        except TransformFailed as failure:
            return self._replies.error(request, Code.TRANSFORM_FAILED, failure.detail)
        if isinstance(made, Done):
            served_by = model.served_by(request.bucket.model)
            return self._replies.done(request, made.content_type, made.body, served_by=served_by)
        return self._admission.prepared(request, made)

    def _postprocess(
        self, served: Served, part: Part, group: Sequence[tuple[Request, Arrays]]
    ) -> Sequence[Answer]:
        conversion = _conversion(served.model)
        return self._replies.converted(
            served,
            part,
            [(request, _converted(conversion, outputs)) for request, outputs in group],
            wall_ahead_s=time.time() - time.monotonic(),
        )


def _conversion(model: Model) -> Conversion:
    if model.transform is None:
        raise ValueError("a model without a transform has nothing to convert")
    return model.transform


def _converted(conversion: Conversion, outputs: Arrays) -> Converted:
    try:
        return conversion.postprocess(outputs)
    except Rejected as rejected:
        return RequestRefused(Code(rejected.code), rejected.detail)
    except TransformFailed as failure:
        return RequestRefused(Code.TRANSFORM_FAILED, failure.detail)
