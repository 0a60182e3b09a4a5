"""Records looked at one by one: each is a request, or gets an answer instead."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from config.settings import Lane, Limits
from daemon.admission.bodies import Bodies, Body, Content
from daemon.admission.deadlines import NEVER_S, asked_s, expiry, late_detail
from daemon.admission.model_rules import ModelRules
from daemon.admission.reply_topics import ReplyTopics
from daemon.answering.error_answers import ErrorAnswers, Requester
from daemon.values.errors import Code, RequestRefused
from daemon.values.ledger import Ledger
from daemon.values.messages import (
    Answer,
    Form,
    Header,
    Record,
    ReplyAddress,
    Request,
    SentHeader,
)
from daemon.values.object_sizes import headers_bytes
from daemon.wire.headers import DEADLINE, ORIGIN_ID, RequestHeaders, read_headers
from daemon.wire.problem import detail_of


class Moment(NamedTuple):
    """The same instant on the monotonic clock (seconds) and on the wall (milliseconds)."""

    now_s: float
    wall_ms: float


class Terms(NamedTuple):
    """What a request asks for by its headers, when it is of a certain form for the lane's first model."""

    reply_topic: str
    reply_partition: int | None
    timeout_s: float | None


class _Opened(msgspec.Struct, frozen=True, eq=False, gc=False):
    """A record of which all but the body is right."""

    record: Record
    headers: RequestHeaders
    topic: str
    cost_bytes: int
    expires_s: float
    skewed: bool
    body: Body


class Examined(NamedTuple):
    """What records became; `skewed` of the requests have a timestamp in the future."""

    requests: list[Request]
    answers: list[Answer]
    skewed: int


class Examiner:
    """Examines the records of one lane. Its models' order is the lane's: the first is the default."""

    def __init__(
        self,
        lane: str,
        settings: Lane,
        models: list[ModelRules],
        limits: Limits,
        topics: ReplyTopics,
        errors: ErrorAnswers,
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
        self._errors = errors
        self._sleeps = sleeps
        self.bodies = Bodies(lane, models, settings.content_type)

    def examine(self, records: Sequence[Record], ledger: Ledger, moment: Moment) -> Examined:
        """Return what becomes of `records`; never raises for anything a requester can send."""
        requests: list[Request] = []
        answers: list[Answer] = []
        opened: list[_Opened] = []
        for record in records:
            outcome = self._open(record, ledger, moment)
            if isinstance(outcome, Answer):
                answers.append(outcome)
            else:
                opened.append(outcome)
        skewed = 0
        contents = self.bodies.read([each.body for each in opened])
        for each, content in zip(opened, contents, strict=True):
            if isinstance(content, RequestRefused):
                answers.append(self._refused(each, ledger, content))
            else:
                requests.append(self._request(each, content, ledger, moment))
                skewed += each.skewed
        return Examined(requests, answers, skewed)

    def terms(self, form: Form, sent: Sequence[SentHeader]) -> Terms | None:
        """Return what a request with the headers `sent` asks for, as far as they tell.

        None where that is refused, is not of `form` for the first model, or has a deadline.
        """
        headers = read_headers(sent, self._limits)
        topic = self._topics.allowed(headers.reply_to)
        if topic is None or headers.deadline_ms is not None:
            return None
        try:
            model = self._first_checks(b"", headers)
            given = self.bodies.form(headers, model)
        except RequestRefused:
            return None
        if model is not self._default or given is not form:
            return None
        return Terms(topic, headers.reply_partition, self._timeout_s(headers))

    def blame(self, record: Record, ledger: Ledger, detail: str) -> Answer:
        """Return the answer to a record that killed workers; only its headers are looked at."""
        headers = read_headers(record.headers, self._limits)
        topic = self._topics.allowed(headers.reply_to)
        cost_bytes = len(record.value or b"") + len(record.key or b"") + headers.size_bytes
        refused = RequestRefused(Code.CRASHED_WORKER, detail)
        if topic is None or headers.reply_to_twice:
            return self._errors.dead(
                record, ledger, self.lane, refused.code, detail, cost_bytes=cost_bytes
            )
        requester = _requester(topic, headers)
        return self._errors.kept(record, ledger, self.lane, requester, refused, cost_bytes)

    def _open(self, record: Record, ledger: Ledger, moment: Moment) -> _Opened | Answer:
        """Look at everything but the body."""
        headers = read_headers(record.headers, self._limits)
        topic = self._topics.allowed(headers.reply_to)
        cost_bytes = len(record.value or b"") + len(record.key or b"") + headers.size_bytes
        cost_bytes += headers_bytes(len(record.headers), of=1)
        if topic is None or headers.reply_to_twice:
            return self._unaddressed(record, ledger, headers, cost_bytes)
        if headers.error is not None and _came_round(record, headers):
            detail = "an error reply that came back to the topic of the request that it answers"
            return self._errors.dead(
                record, ledger, self.lane, headers.error, detail, cost_bytes=cost_bytes
            )
        try:
            model = self._first_checks(record.value, headers)
            expires_s, skewed = self._expiry(record.timestamp, headers, moment)
            form = self.bodies.form(headers, model)
        except RequestRefused as refused:
            requester = _requester(topic, headers)
            return self._errors.refusal(record, ledger, self.lane, requester, refused, cost_bytes)
        body = Body(record.value or b"", form, model, headers.json_bytes)
        return _Opened(record, headers, topic, cost_bytes, expires_s, skewed, body)

    def _request(
        self, opened: _Opened, content: Content, ledger: Ledger, moment: Moment
    ) -> Request:
        headers = opened.headers
        return Request(
            opened.record,
            ledger,
            content.bucket,
            content.form,
            content.inputs,
            content.rows,
            opened.cost_bytes + content.decoded_bytes,
            self._arrived_s(opened.record.timestamp, moment),
            opened.expires_s,
            opened.topic,
            headers.reply_partition,
            headers.correlation,
            headers.traceparent,
            headers.tracestate,
            content.envelope,
            passed=self._passed(opened, moment),
        )

    def _passed(self, opened: _Opened, moment: Moment) -> tuple[Header, ...]:
        """Return what the reply repeats; a lane that goes on to another says when it expires there."""
        passed = opened.headers.passed
        if self._settings.then is None or opened.expires_s == NEVER_S:
            return passed
        deadline_ms = moment.wall_ms + (opened.expires_s - moment.now_s) * 1000
        others = [each for each in passed if each[0] != DEADLINE]
        return ((DEADLINE, b"%d" % deadline_ms), *others)

    def _refused(self, opened: _Opened, ledger: Ledger, refused: RequestRefused) -> Answer:
        requester = _requester(opened.topic, opened.headers)
        return self._errors.refusal(
            opened.record, ledger, self.lane, requester, refused, opened.cost_bytes
        )

    def _unaddressed(
        self, record: Record, ledger: Ledger, headers: RequestHeaders, cost_bytes: int
    ) -> Answer:
        if headers.reply_to_twice:
            refused = RequestRefused(Code.INVALID_REQUEST, "the reply topic is given twice")
        else:
            refused = RequestRefused(
                Code.REPLY_TOPIC_DENIED, "the reply topic is not one that replies may go to"
            )
        return self._errors.dead(
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
        if headers.error is not None:  # another daemon's, which stays what it is
            raise RequestRefused(headers.error, detail_of(body))
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


def _came_round(record: Record, headers: RequestHeaders) -> bool:
    """Whether daemons pass it to each other: answered once more it would come again, for ever."""
    origin = dict(headers.passed).get(ORIGIN_ID, b"")
    return origin.partition(b"/")[0] == record.topic.encode()


def _requester(topic: str, headers: RequestHeaders) -> Requester:
    return Requester(
        ReplyAddress(topic, headers.reply_partition),
        headers.correlation,
        headers.traceparent,
        headers.tracestate,
        headers.passed,
    )
