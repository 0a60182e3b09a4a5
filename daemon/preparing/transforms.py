"""Users' transforms before the model: a step that makes inputs of bodies (daemon.preparing.steps)."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from daemon.admission.admission import Admission
from daemon.answering.replies import Replies
from daemon.preparing.steps import GroupOutcome
from daemon.preparing.time_slices import Late
from daemon.preparing.transform_calls import TransformCalls, conversion_of, refused, too_late
from daemon.values.errors import RequestRefused
from daemon.values.messages import Answer, Bucket, Form, Request
from runtime import Done, Model, Rejected, TransformFailed


class Transforms:
    """Prepares requests by the transforms of their models."""

    def __init__(
        self,
        calls: TransformCalls,
        models: Mapping[str, Model],
        admission: Admission,
        replies: Replies,
        *,
        made: Callable[[Sequence[Request]], None],
    ) -> None:
        """`models` is read at each group: a reload changes the transform with its model.

        `made` is told of requests of one lane whose inputs are there now.
        """
        self._calls = calls
        self._models = models
        self._admission = admission
        self._replies = replies
        self._made = made

    async def prepare(self, requests: Sequence[Request]) -> GroupOutcome:
        """Make inputs of bodies. Other forms pass as they are."""
        ready, bodies = _parted(requests)
        answers: list[Answer] = []
        again: list[Request] = []
        for bucket, group in bodies.items():
            outcomes = await self._outcomes(bucket, group)
            again += group[len(outcomes) :]
            made = [outcome for outcome in outcomes if isinstance(outcome, Request)]
            self._made(made)
            ready += made
            answers += [outcome for outcome in outcomes if isinstance(outcome, Answer)]
        return GroupOutcome(ready, answers, again)

    async def _outcomes(
        self, bucket: Bucket, group: Sequence[Request]
    ) -> Sequence[Request | Answer]:
        """Return what comes of each of `group`, or of the first of them: see TransformCalls.apply."""
        model = self._models[bucket.model]
        outcomes = await self._calls.apply(
            bucket, conversion_of(model), partial(self._preprocessed, model), group, _outcome_bytes
        )
        return [
            self._error(request, too_late("preprocess", outcome))
            if isinstance(outcome, Late)
            else outcome
            for request, outcome in zip(group, outcomes, strict=False)
        ]

    def _preprocessed(self, model: Model, request: Request) -> Request | Answer:
        body = request.record.value or b""
        headers = {name: value for name, value in request.record.headers if value is not None}
        try:
            made = conversion_of(model).preprocess(body, headers)
        except (Rejected, TransformFailed) as failure:
            return self._error(request, refused(request.bucket, failure))
        if isinstance(made, Done):
            served_by = model.served_by(request.bucket.model)
            return self._replies.done(request, made.content_type, made.body, served_by=served_by)
        return self._admission.prepared(request, made)

    def _error(self, request: Request, refused: RequestRefused) -> Answer:
        return self._replies.errors.reply(request, refused.code, refused.detail)


def _parted(
    requests: Sequence[Request],
) -> tuple[list[Request], Mapping[Bucket, Sequence[Request]]]:
    """Return the requests that have their inputs, and by bucket those that are bodies yet."""
    ready: list[Request] = []
    bodies: dict[Bucket, list[Request]] = {}
    for request in requests:
        if request.form is Form.TRANSFORM:
            bodies.setdefault(request.bucket, []).append(request)
        else:
            ready.append(request)
    return ready, bodies


def _outcome_bytes(outcome: Request | Answer) -> int:
    return outcome.prepared_bytes if isinstance(outcome, Request) else outcome.reply_bytes
