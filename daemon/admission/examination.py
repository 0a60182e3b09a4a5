"""One record looked at alone: a request, or the answer that it gets instead."""

from typing import NamedTuple

import msgspec

from config.settings import Lane, Limits
from daemon.admission.deadlines import NEVER_S, asked_s, expiry, late_detail
from daemon.admission.model_rules import ModelRules
from daemon.admission.reply_topics import ReplyTopics
from daemon.answering.replies import Address, Replies
from daemon.values.errors import Code, RequestRefused
from daemon.values.ledger import Ledger
from daemon.values.messages import Answer, Arrays, Bucket, Envelope, Form, Record, Request
from daemon.values.object_sizes import array_bytes, headers_bytes
from daemon.wire.headers import RequestHeaders, read_headers
from daemon.wire.media import form_of

# Looking up a member of an Enum takes 90 ns; these are wanted for each request.
_RAW, _BINARY, _TRANSFORM = Form.RAW, Form.BINARY, Form.TRANSFORM

_MOST_MEDIA_TYPES = 256
"""Decisions on media types that are kept."""


class Moment(NamedTuple):
    """The same instant on the monotonic clock (seconds) and on the wall (milliseconds)."""

    now_s: float
    wall_ms: float


class _Content(msgspec.Struct, frozen=True, gc=False):
    """What a body holds; `decoded_bytes` are taken besides the body's own."""

    bucket: Bucket
    form: Form
    inputs: bytes | Arrays
    rows: int
    decoded_bytes: int = 0
    envelope: Envelope | None = None


class Examiner:
    """Examines the records of one lane. Its models' order is the lane's: the first is the default."""

    def __init__(
        self,
        lane: str,
        settings: Lane,
        models: list[ModelRules],
        limits: Limits,
        topics: ReplyTopics,
        replies: Replies,
        *,
        sleeps: bool = False,
    ) -> None:
        """`sleeps`: requests gather in Kafka too, so that a wait there is part of their linger."""
        self.lane = lane
        self._settings = settings
        self._models = {model.name.encode(): model for model in models}
        self._default = models[0]
        self._limits = limits
        self._topics = topics
        self._replies = replies
        self._sleeps = sleeps
        self._buckets = {model.name: Bucket(lane, model.name) for model in models}
        self._content_type = settings.content_type.encode()
        self._forms: dict[bytes, Form | None] = {}

    def examine(
        self, record: Record, ledger: Ledger, moment: Moment
    ) -> tuple[Request | Answer, bool]:
        """Return what becomes of `record`, and whether its timestamp is in the future.

        Never raises for anything a requester can send.
        """
        headers = read_headers(record.headers, self._limits)
        topic = self._topics.allowed(headers.reply_to)
        cost_bytes = len(record.value or b"") + len(record.key or b"") + headers.size_bytes
        cost_bytes += headers_bytes(len(record.headers), of=1)
        if topic is None or headers.reply_to_twice:
            return self._unaddressed(record, ledger, headers, cost_bytes), False
        try:
            model = self._first_checks(record.value, headers)
            expires_s, skewed = self._expiry(record.timestamp, headers, moment)
            content = self._read(record.value or b"", headers, model)
        except RequestRefused as refused:
            address = _address(topic, headers)
            answer = self._replies.refusal(record, ledger, self.lane, address, refused, cost_bytes)
            return answer, False
        request = Request(
            record,
            ledger,
            content.bucket,
            content.form,
            content.inputs,
            content.rows,
            cost_bytes + content.decoded_bytes,
            self._arrived_s(record.timestamp, moment),
            expires_s,
            topic,
            headers.reply_partition,
            headers.correlation,
            headers.traceparent,
            headers.tracestate,
            content.envelope,
        )
        return request, skewed

    def blame(self, record: Record, ledger: Ledger, detail: str) -> Answer:
        """Return the answer to a record that killed workers; only its headers are looked at."""
        headers = read_headers(record.headers, self._limits)
        topic = self._topics.allowed(headers.reply_to)
        cost_bytes = len(record.value or b"") + len(record.key or b"") + headers.size_bytes
        refused = RequestRefused(Code.CRASHED_WORKER, detail)
        if topic is None or headers.reply_to_twice:
            return self._replies.dead(
                record, ledger, self.lane, refused.code, detail, cost_bytes=cost_bytes
            )
        address = _address(topic, headers)
        return self._replies.kept(record, ledger, self.lane, address, refused, cost_bytes)

    def _unaddressed(
        self, record: Record, ledger: Ledger, headers: RequestHeaders, cost_bytes: int
    ) -> Answer:
        if headers.reply_to_twice:
            refused = RequestRefused(Code.INVALID_REQUEST, "the reply topic is given twice")
        else:
            refused = RequestRefused(
                Code.REPLY_TOPIC_DENIED, "the reply topic is not one that replies may go to"
            )
        return self._replies.dead(
            record, ledger, self.lane, refused.code, refused.detail, cost_bytes=cost_bytes
        )

    def _first_checks(self, body: bytes | None, headers: RequestHeaders) -> ModelRules:
        """Return the model that is asked for; what costs least to find out comes first."""
        if body is None:
            raise RequestRefused(Code.INVALID_REQUEST, "the value is null (a tombstone)")
        if len(body) > self._limits.request_bytes:
            raise RequestRefused(Code.TOO_LARGE, f"more than {self._limits.request_bytes} bytes")
        if headers.refusal is not None:
            raise RequestRefused(*headers.refusal)
        if headers.model is None:
            return self._default
        model = self._models.get(headers.model)
        if model is None:
            raise RequestRefused(Code.UNKNOWN_MODEL, "this lane has no model of that name")
        return model

    def _expiry(
        self, timestamp_ms: int, headers: RequestHeaders, moment: Moment
    ) -> tuple[float, bool]:
        timeout_s, deadline_ms = self._timeout_s(headers), headers.deadline_ms
        if timeout_s is None and deadline_ms is None:
            return NEVER_S, False
        at_s, skewed = expiry(
            timestamp_ms, timeout_s, deadline_ms, now_s=moment.now_s, wall_ms=moment.wall_ms
        )
        if at_s <= moment.now_s:
            raise RequestRefused(Code.DEADLINE_EXCEEDED, late_detail(deadline_ms))
        return at_s, skewed

    def _arrived_s(self, timestamp_ms: int, moment: Moment) -> float:
        if not self._sleeps:
            return moment.now_s
        return asked_s(timestamp_ms, now_s=moment.now_s, wall_ms=moment.wall_ms)

    def _timeout_s(self, headers: RequestHeaders) -> float | None:
        """Return what the request asked for, within bounds; the lane's when it said nothing."""
        if headers.timeout_ms is not None:
            return min(headers.timeout_ms / 1000, self._settings.max_timeout)
        return self._settings.timeout if headers.deadline_ms is None else None

    def _read(self, body: bytes, headers: RequestHeaders, model: ModelRules) -> _Content:
        if model.transform:
            return _Content(self._buckets[model.name], _TRANSFORM, body, 1)
        form = self._form(headers, model)
        if not body:
            raise RequestRefused(Code.INVALID_REQUEST, "the value is empty")
        if form is _RAW:
            return _Content(self._buckets[model.name], form, body, model.raw_rows(body))
        arrays, rows, envelope = model.decode(form, body, headers.json_bytes)
        decoded_bytes = sum(map(array_bytes, arrays.values()))
        bucket = model.bucket(self.lane, arrays)
        return _Content(bucket, form, arrays, rows, decoded_bytes, envelope)

    def _form(self, headers: RequestHeaders, model: ModelRules) -> Form:
        content_type = headers.content_type
        if content_type is None:
            content_type = self._content_type
        if content_type in self._forms:
            form = self._forms[content_type]
        else:
            form = form_of(content_type)
            if len(self._forms) < _MOST_MEDIA_TYPES:
                self._forms[content_type] = form
        if form is _RAW and headers.json_bytes is not None:
            form = _BINARY
        if form is None or form not in model.forms:
            raise RequestRefused(
                Code.UNSUPPORTED_MEDIA_TYPE, "this model takes no bodies of that media type"
            )
        return form


def _address(topic: str, headers: RequestHeaders) -> Address:
    return Address(
        topic,
        headers.reply_partition,
        headers.correlation,
        headers.traceparent,
        headers.tracestate,
    )
