"""Results in the form of their requests.

Pure, but for the span ids, which are drawn by a function that can be given.
"""

import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from config.settings import Settings
from daemon.answering.batch_replies import BatchReplies, Bodies
from daemon.answering.error_answers import ErrorAnswers
from daemon.answering.onward import onward
from daemon.values.errors import Code, RequestRefused
from daemon.values.messages import Answer, Arrays, Header, Request
from daemon.values.reply_run import Leaving, apart
from daemon.values.request_run import Waiting, in_runs
from daemon.values.texts import Texts
from daemon.wire import raw
from daemon.wire.assemble import is_raw, slices
from daemon.wire.cloud_events import ReplyEvents
from daemon.wire.encode import encode
from daemon.wire.headers import CONTENT_TYPE
from daemon.wire.json_results import can_be_joined, responses
from daemon.wire.json_v2 import JSON_TYPE
from daemon.wire.ragged import without_filling
from daemon.wire.reply_headers import MOST_BYTES, Run
from runtime.outputs import unsound_rows
from runtime.signature import Signature

if TYPE_CHECKING:  # values of the runner, which needs nothing of this module
    from daemon.inference.batches import Served
    from daemon.inference.runs import Part

_ByForm: TypeAlias = dict[tuple[Header, ...], tuple[list[Request], list[bytes]]]
"""Requests, and the bodies of their replies, by the headers that say what bodies are."""
Converted: TypeAlias = tuple[str, bytes] | RequestRefused
"""What a transform made of a request's outputs: content type and body, or a refusal."""

_SPAN_ID = np.dtype(np.uint64)
_DRAWN = 1_024
"""Span ids drawn at once: the system is asked, which takes 0.7 us each time."""


class Replies:
    """Makes the answers of requests that have run, and by `errors` all that have no result."""

    def __init__(
        self,
        settings: Settings,
        *,
        span_ids: Callable[[], int] | None = None,
    ) -> None:
        self._diagnostics = settings.replies.diagnostics
        self._events = ReplyEvents(settings.kafka.group, sent=settings.replies.cloudevents)
        self._most_bytes = settings.limits.reply_bytes - MOST_BYTES - self._events.most_bytes
        self._span_ids = span_ids or _random_ids().__next__
        self.errors = ErrorAnswers(
            settings.dead_letters,
            self._events,
            most_bytes=self._most_bytes,
            span_ids=self._span_ids,
        )
        self._next_topics = {
            lane: topic for lane in settings.lanes if (topic := settings.next_topic(lane))
        }

    def results(self, served: "Served", part: "Part", *, wall_ahead_s: float) -> list[Leaving]:
        """Return what answers each request of `part`; `wall_ahead_s`: see reply_headers.Run.

        Outputs that are not finite are invalid_output for the requests they belong to alone.
        """
        requests = part.requests
        signature = served.model.session.signature
        batch = self._batch(served, part, wall_ahead_s)
        if part.unsound is None and is_raw(requests):
            (spec,) = signature.outputs
            bodies = raw.bodies(spec, part.outputs[spec.name], requests)
            return self._fitting(batch, requests, bodies, (raw.RAW_TYPE,))
        if part.unsound is None and can_be_joined(requests, part.outputs, signature):
            bodies = responses(requests, part.outputs, signature, served.batch.bucket.model)
            return self._fitting(batch, requests, bodies, (JSON_TYPE,))
        leaving: list[Leaving] = []
        by_form: _ByForm = {}
        for request, outputs in self.apart(part, signature):
            if isinstance(outputs, Answer):
                leaving.append(outputs)
            else:
                body, form = encode(request, outputs, signature)
                _add(by_form, form, request, body)
        return [*leaving, *self._by_form(batch, by_form)]

    def apart(
        self, part: "Part", signature: Signature
    ) -> Iterator[tuple[Request, Arrays | Answer]]:
        """Yield each request with its own outputs, or with its answer when they are not finite."""
        unsound, padding = part.unsound, signature.padding
        each_own = slices(part.requests, part.outputs, padding)
        first = 0
        for request, outputs in zip(part.requests, each_own, strict=True):
            last = first + request.rows
            # Of what was padded only that counts which was not cut off.
            if (
                unsound is not None
                and unsound[first:last].any()
                and unsound_rows(signature, without_filling(outputs, request.envelope, padding))
                is not None
            ):
                detail = "the model's output is not finite"
                yield request, self.errors.reply(request, Code.INVALID_OUTPUT, detail)
            else:
                yield request, outputs
            first = last

    def converted(
        self,
        served: "Served",
        part: "Part",
        conversions: Iterable[tuple[Request, Converted]],
        *,
        wall_ahead_s: float,
    ) -> list[Leaving]:
        """Return what answers each of `conversions`: requests of `part` and what they came to."""
        leaving: list[Leaving] = []
        by_form: _ByForm = {}
        for request, converted in conversions:
            if isinstance(converted, RequestRefused):
                leaving.append(self.errors.reply(request, converted.code, converted.detail))
            else:
                _add(by_form, _form(converted[0]), request, converted[1])
        return [*leaving, *self._by_form(self._batch(served, part, wall_ahead_s), by_form)]

    def done(self, request: Request, content_type: str, body: bytes, *, served_by: str) -> Answer:
        """Return the answer to a request that its transform answered without the model."""
        batch = BatchReplies(
            served_by.encode(),
            None,
            diagnostics=False,
            span_ids=self._span_ids,
            event=self._events.of_results(request.bucket.lane),
        )
        (answer,) = apart(self._fitting(batch, [request], [body], _form(content_type)))
        return answer

    def _batch(self, served: "Served", part: "Part", wall_ahead_s: float) -> BatchReplies:
        rows = sum([each.rows for each in in_runs(part.requests)])
        run = Run(rows, served.started_s, served.run_s, wall_ahead_s)
        bucket = served.batch.bucket
        return BatchReplies(
            served.model.served_by(bucket.model).encode(),
            run,
            diagnostics=self._diagnostics,
            span_ids=self._span_ids,
            event=self._events.of_results(bucket.lane),
        )

    def _by_form(self, batch: BatchReplies, by_form: _ByForm) -> Iterator[Leaving]:
        for form, (requests, bodies) in by_form.items():
            yield from self._fitting(batch, requests, bodies, form)

    def _fitting(
        self,
        batch: BatchReplies,
        requests: Sequence[Request],
        bodies: Bodies,
        form: Sequence[Header],
    ) -> list[Leaving]:
        """Return the replies with `bodies`; an error for each that is too large with its key."""
        longest_key = max(map(_longest_key, in_runs(requests)))
        if _longest_body(bodies) + longest_key <= self._most_bytes:
            return self._leaving(batch, requests, bodies, form)
        leaving: list[Leaving] = []
        for place, request in enumerate(requests):
            size_bytes = len(bodies[place]) + len(request.record.key or b"")
            if size_bytes <= self._most_bytes:
                leaving += self._leaving(batch, [request], bodies[place : place + 1], form)
            else:
                detail = f"the result takes {size_bytes} bytes with its key"
                leaving.append(self.errors.reply(request, Code.RESULT_TOO_LARGE, detail))
        return leaving

    def _leaving(
        self,
        batch: BatchReplies,
        requests: Sequence[Request],
        bodies: Bodies,
        form: Sequence[Header],
    ) -> list[Leaving]:
        """Return the replies with `bodies`, of requests of one lane, or what they go on as."""
        topic = self._next_topics.get(in_runs(requests)[0].bucket.lane)
        if topic is None:
            return batch.results(requests, bodies, form)
        return [*onward(topic, requests, bodies, form, self._span_ids)]


def _random_ids() -> Iterator[int]:
    while True:
        yield from np.frombuffer(secrets.token_bytes(_DRAWN * _SPAN_ID.itemsize), _SPAN_ID).tolist()


def _longest_body(bodies: Bodies) -> int:
    return bodies.shape[1] if isinstance(bodies, np.ndarray) else max(map(len, bodies))


def _longest_key(waiting: Waiting) -> int:
    keys = [waiting.record.key] if isinstance(waiting, Request) else waiting.columns.keys
    if isinstance(keys, Texts):
        return int(keys.lengths.max())
    return max([len(key) for key in keys if key is not None], default=0)


def _add(by_form: _ByForm, form: Iterable[Header], request: Request, body: bytes) -> None:
    requests, bodies = by_form.setdefault((*form,), ([], []))
    requests.append(request)
    bodies.append(body)


def _form(content_type: str) -> tuple[Header]:
    return ((CONTENT_TYPE, content_type.encode()),)
