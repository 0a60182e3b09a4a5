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
            outcomes = await self._calls.apply(
                bucket, conversion_of(model), work, group, _outcome_bytes
            )
            again += group[len(outcomes) :]
            made = [outcome for outcome in outcomes if isinstance(outcome, Request)]
            self._made(made)
            ready += made
            for request, outcome in zip(group, outcomes, strict=False):
                if isinstance(outcome, Request):
                    continue
                if isinstance(outcome, Late):
                    ended.append(self._error(request, too_late("preprocess", outcome)))
                else:
                    ended.append(outcome)
        return GroupOutcome(ready, ended, again)

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
        return self._replies.error(request, refused.code, refused.detail)


def _outcome_bytes(outcome: Request | Answer) -> int:
    return outcome.prepared_bytes if isinstance(outcome, Request) else outcome.reply_bytes
