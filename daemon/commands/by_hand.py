"""Requests by hand through the stations of the line, one after the other, without a broker.

What a worker does to a request is done here by the same code: it is admitted, prepared, run and
answered. Nothing gathers, nothing is sent, and each station is timed.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from config.settings import Settings
from daemon.admission.admission import Admission
from daemon.answering.replies import Replies
from daemon.batching.ladder import ladder_of
from daemon.inference.batches import Served
from daemon.inference.bisection import blame
from daemon.inference.runs import Part, RunLimits, run_batch
from daemon.preparing.transform_calls import conversion_of
from daemon.values.budget import Budget
from daemon.values.errors import Code, RequestRefused
from daemon.values.lane import Lane, LanePolicy, full_rows
from daemon.values.ledger import Ledger
from daemon.values.messages import Answer, Array, Arrays, Batch, Chunk, Form, Header, Request
from daemon.values.reply_run import apart
from daemon.wire.assemble import assemble, slices
from runtime import Done, Model, Rejected, RunError, TransformFailed
from runtime.signature import TensorSpec


class Stage(NamedTuple):
    """What was done to a request (admit, preprocess, run, postprocess, answer), and for how long."""

    name: str
    took_s: float


class Tensor(NamedTuple):
    """An input or output as it was: its protocol datatype, and its shape, rows first where it has some."""

    name: str
    datatype: str
    shape: tuple[int, ...]


@dataclass
class Course:
    """How far one request came: tensors and times on its way, and what the user's code raised.

    `ran`: the request as it ran, and its rows of the outputs.
    """

    stages: list[Stage] = field(default_factory=list)
    inputs: Sequence[Tensor] = ()
    outputs: Sequence[Tensor] = ()
    failure: BaseException | None = None
    ran: tuple[Request, Arrays] | None = None

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time what is done meanwhile, also where it fails."""
        began_s = time.perf_counter()
        try:
            yield
        finally:
            self.stages.append(Stage(name, time.perf_counter() - began_s))


class Trial(NamedTuple):
    """A file, the course that it took, and what its requester would get."""

    file: Path
    body: bytes
    course: Course
    answer: Answer

    @property
    def has_result(self) -> bool:
        """Whether that is a result."""
        return self.answer.code is None


class Together(NamedTuple):
    """Requests of several files in one run; `difference`: the largest of an output from that alone.

    There is none where the run failed, for the reason `problem`.
    """

    files: int
    rows: int
    run_s: float
    difference: float | None
    problem: str = ""


class _Given(NamedTuple):
    """A file as a record; meets daemon.values.messages.Record."""

    topic: str
    value: bytes
    headers: Sequence[Header]
    partition: int = 0
    offset: int = 0
    timestamp: int = -1
    key: bytes | None = None


class Stations:
    """What requests for one model of one lane pass in a worker."""

    def __init__(self, settings: Settings, lane: str, name: str, model: Model) -> None:
        """`model` is what `name` in `settings` stands for; others need not be loaded.

        A result is the reply, also where it would go on to another lane.
        """
        lane_settings = settings.lanes[lane].model_copy(update={"models": (name,), "then": None})
        alone = {"models": {name: settings.models[name]}, "lanes": {lane: lane_settings}}
        settings = settings.model_copy(update=alone)
        signature = model.session.signature
        self._name = name
        self._lane = Lane(
            LanePolicy.of(lane, lane_settings, settings.scaling),
            lane_settings.topics,
            Budget(lane_settings.max_waiting, lane_settings.max_waiting_bytes),
        )
        self._model = model
        self._replies = Replies(settings)
        self._admission = Admission(settings, {name: signature}, self._replies.errors)
        run_limit_s = settings.models[name].run_limit
        self._limits = RunLimits(
            run_limit_s,
            run_limit_s,
            max_rows=full_rows(lane_settings, {name: signature.most_rows}),
            ladder=ladder_of(name, model.session, settings),
        )

    def send(self, file: Path, body: bytes, headers: Sequence[Header]) -> Trial:
        """Return what becomes of `body`; nothing that is in it raises."""
        course = Course()
        came = self._admit(course, body, headers)
        if isinstance(came, Request) and came.form is Form.TRANSFORM:
            came = self._prepare(course, came)
        answer = self._run(course, came) if isinstance(came, Request) else came
        return Trial(file, body, course, answer)

    def send_together(self, trials: Sequence[Trial]) -> Together | None:
        """Run again as one batch what ran alone and may share one; None where not two of them may."""
        ran = [each.course.ran for each in trials if each.course.ran is not None]
        fitting: list[tuple[Request, Arrays]] = []
        rows = 0
        for request, outputs in ran:
            if request.bucket == ran[0][0].bucket and rows + request.rows <= self._limits.max_rows:
                fitting.append((request, outputs))
                rows += request.rows
        if len(fitting) < 2:  # noqa: PLR2004 -- together
            return None
        requests = [request for request, _ in fitting]
        began_s = time.perf_counter()
        try:
            part = self._part(requests)
        except RunError as error:
            run_s = time.perf_counter() - began_s
            return Together(len(fitting), rows, run_s, None, error.detail)
        run_s = time.perf_counter() - began_s
        each_own = slices(requests, part.outputs, self._model.session.signature.padding)
        differences = [
            _difference(array, alone[name])
            for its, (_, alone) in zip(each_own, fitting, strict=True)
            for name, array in its.items()
        ]
        return Together(len(fitting), rows, run_s, max(differences))

    def _admit(self, course: Course, body: bytes, headers: Sequence[Header]) -> Request | Answer:
        topic = self._lane.topics[0]
        record = _Given(topic, body, headers)
        chunk = Chunk(Ledger(topic, 0, 0, self._lane), [record])
        with course.stage("admit"):
            admitted = self._admission.admit(
                self._lane.name, chunk, now_s=time.monotonic(), wall_ms=time.time() * 1000
            )
        return admitted.requests[0] if admitted.requests else admitted.answers[0]

    def _prepare(self, course: Course, request: Request) -> Request | Answer:
        headers = {name: value for name, value in request.record.headers if value is not None}
        try:
            with course.stage("preprocess"):
                made = conversion_of(self._model).preprocess(request.record.value or b"", headers)
        except (Rejected, TransformFailed) as failure:
            return self._refused(course, request, failure)
        if isinstance(made, Done):
            served_by = self._model.served_by(self._name)
            return self._replies.done(request, made.content_type, made.body, served_by=served_by)
        return self._admission.prepared(request, made)

    def _run(self, course: Course, request: Request) -> Answer:
        signature = self._model.session.signature
        course.inputs = _tensors(assemble([request], signature), signature.inputs)
        try:
            with course.stage("run"):
                part = self._part([request])
        except RunError as error:
            return self._replies.errors.reply(*blame(request, error))
        (outputs,) = slices([request], part.outputs, signature.padding)
        course.outputs = _tensors(outputs, signature.outputs)
        course.ran = request, outputs
        return self._finish(course, part)

    def _finish(self, course: Course, part: Part) -> Answer:
        (request,) = part.requests
        batch = Batch(request.bucket, [request], request.rows, "idle")
        run_s = course.stages[-1].took_s
        served = Served(
            batch, self._model, part, 0.0, time.monotonic() - run_s, run_s, self._limits
        )
        if self._model.transform is None:
            with course.stage("answer"):
                (answer,) = apart(self._replies.results(served, part, wall_ahead_s=0.0))
            return answer
        ((_, outputs),) = self._replies.apart(part, self._model.session.signature)
        if isinstance(outputs, Answer):
            return outputs
        context = None if request.kept is None else request.kept.context
        inputs = {} if isinstance(request.inputs, bytes) else request.inputs
        try:
            with course.stage("postprocess"):
                made = conversion_of(self._model).postprocess(
                    outputs, inputs=inputs, context=context
                )
        except (Rejected, TransformFailed) as failure:
            return self._refused(course, request, failure)
        converted = self._replies.converted(served, part, [(request, made)], wall_ahead_s=0.0)
        (answer,) = apart(converted)
        return answer

    def _part(self, requests: Sequence[Request]) -> Part:
        return run_batch(
            self._model.session,
            requests,
            None,
            unsound=self._model.unsound_rows,
            limits=self._limits,
        )

    def _refused(
        self, course: Course, request: Request, failure: Rejected | TransformFailed
    ) -> Answer:
        if isinstance(failure, Rejected):
            refused = RequestRefused(Code(failure.code), failure.detail)
        else:
            refused = RequestRefused(Code.TRANSFORM_FAILED, failure.detail)
            course.failure = failure.__cause__
        return self._replies.errors.reply(request, refused.code, refused.detail)


def _tensors(arrays: Arrays, specs: Sequence[TensorSpec]) -> list[Tensor]:
    shapes = {name: array.shape for name, array in arrays.items()}
    return [
        Tensor(spec.name, spec.datatype, shapes[spec.name][1:] if spec.whole else shapes[spec.name])
        for spec in specs
    ]


def _difference(one: Array, other: Array) -> float:
    """Return the largest between two numbers, or 1 where texts differ."""
    if one.dtype.kind not in "fiu":
        return float(not np.array_equal(one, other))
    unlike = ~np.isclose(one, other, rtol=0.0, atol=0.0, equal_nan=True)
    apart_by = np.abs(one[unlike].astype(np.float64) - other[unlike].astype(np.float64))
    return float(apart_by.max(initial=0.0))
