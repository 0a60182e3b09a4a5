"""From records to requests: each is checked alone, before anything is allocated for it.

The order of checks: the address of the reply, bytes of the body, headers, model, deadline, form,
then the body itself. Raw rows are checked for their values a whole chunk at a time, since a numpy
call for each would cost more than everything else together.

Pure: no clock, no loop, no logging, no I/O.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np

from config.settings import Settings
from daemon.admission.examination import Examiner, Moment
from daemon.admission.header_columns import HeaderColumns, KnownTerms
from daemon.admission.json_columns import JsonColumns
from daemon.admission.model_rules import ModelRules
from daemon.admission.raw_lane import RawLane
from daemon.admission.reply_topics import ReplyTopics
from daemon.answering.error_answers import ErrorAnswers
from daemon.values.errors import Code, RequestRefused
from daemon.values.ledger import Ledger
from daemon.values.messages import Answer, Chunk, Form, Record, Request, SentHeader
from daemon.values.object_sizes import array_bytes, value_bytes
from daemon.values.record_columns import RecordColumns
from daemon.values.request_run import Waiting, gathered
from daemon.values.sleep import sleeps
from daemon.wire.assemble import joined, rows_of
from runtime.conversion import PreparedRows
from runtime.signature import Signature

MOST_ODD = 256
"""Records of one call that are looked at one by one: 9 ms where each is refused, a turn (turns.py)."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """What became of a chunk: requests, as they are before the steps of their lane, and answers.

    What is `left` of it is to be admitted by another call. `count` records and `cost_bytes` are held
    from now on, answers included. `skewed` requests have a timestamp in the future, from which no
    deadline can count.
    """

    requests: Sequence[Request]
    answers: list[Answer]
    count: int
    cost_bytes: int
    skewed: int
    left: Sequence[Record] = ()


class _Stub(NamedTuple):
    """Stands for a record that could not be decoded; meets daemon.values.messages.Record."""

    topic: str
    partition: int
    offset: int
    timestamp: int = -1
    key: bytes | None = None
    value: bytes | None = b""
    headers: Sequence[SentHeader] = ()


class Admission:
    """Admits the records of all lanes.

    `signatures` are the models', by name. A reload keeps them: requests that wait were checked
    against them.
    """

    def __init__(
        self, settings: Settings, signatures: Mapping[str, Signature], errors: ErrorAnswers
    ) -> None:
        limits = settings.limits
        topics = ReplyTopics(settings)
        self._errors = errors
        self._models = {
            name: ModelRules(name, signatures[name], model, limits, transform=bool(model.transform))
            for name, model in settings.models.items()
        }
        self._examiners: dict[str, Examiner] = {}
        self._raw_lanes: dict[str, RawLane] = {}
        self._json_lanes: dict[str, JsonColumns] = {}
        for name, lane in settings.lanes.items():
            models = [self._models[model] for model in lane.models]
            asleep = sleeps(lane, settings.scaling)
            self._examiners[name] = Examiner(
                name, lane, models, limits, topics, errors, sleeps=asleep
            )
            if asleep or lane.then is not None:
                continue
            terms_of = self._examiners[name].terms
            if models[0].raw_row_bytes is not None:
                find_terms = partial(terms_of, Form.RAW)
                self._raw_lanes[name] = RawLane(name, models[0], limits, find_terms)
            if models[0].rows_are_columns:
                headers = HeaderColumns(limits, KnownTerms(partial(terms_of, Form.JSON)))
                bodies = self._examiners[name].bodies.json_of(models[0])
                self._json_lanes[name] = JsonColumns(
                    name, models[0], bodies, headers, limits.request_bytes
                )

    def admit(self, lane: str, chunk: Chunk, *, now_s: float, wall_ms: float) -> Admitted:
        """Check the records of `chunk`, which came by `lane`; nothing a requester sends raises.

        Of those that have to be looked at one by one no more than MOST_ODD.
        """
        answers = [self._undecodable(lane, chunk.ledger, *each) for each in chunk.unreadable]
        moment = Moment(now_s, wall_ms)
        waiting: list[Waiting] = [*self._alike(lane, chunk, moment)]
        raw, others = ({}, ()) if waiting else self._plain(lane, chunk, moment)
        examined = self._examiners[lane].examine(others[:MOST_ODD], chunk.ledger, moment)
        answers += examined.answers
        raw_form = Form.RAW  # a look-up takes 90 ns
        for request in examined.requests:
            if request.form is raw_form:
                raw.setdefault(request.bucket.model, []).append(request)
            else:
                waiting.append(request)
        for model, rows in raw.items():
            waiting += self._sound(self._models[model], rows, answers)
        cost_bytes = sum([each.cost_bytes for each in waiting])
        cost_bytes += sum([answer.cost_bytes for answer in answers])
        left = others[MOST_ODD:]
        count = len(chunk.records) + len(chunk.unreadable) - len(left)
        return Admitted(gathered(waiting), answers, count, cost_bytes, examined.skewed, left)

    def blame(self, lane: str, chunk: Chunk, detail: str) -> Admitted:
        """Answer every record of `chunk`, since each has killed workers; none is read or run."""
        answers = [self._undecodable(lane, chunk.ledger, *each) for each in chunk.unreadable]
        blame = self._examiners[lane].blame
        answers += [blame(record, chunk.ledger, detail) for record in chunk.records]
        cost_bytes = sum([answer.cost_bytes for answer in answers])
        return Admitted([], answers, len(answers), cost_bytes, 0)

    def prepared(self, request: Request, prepared: PreparedRows) -> Request | Answer:
        """Return `request` with the inputs its transform made, or the answer it gets instead."""
        model = self._models[request.bucket.model]
        prepared_bytes = sum(map(array_bytes, prepared.inputs.values()))
        if prepared.kept is not None:
            prepared_bytes += value_bytes(prepared.kept.context)
        try:
            model.check_rows(prepared.rows)
            bucket = model.bucket(request.bucket.lane, prepared.inputs)
            prepared_bytes += model.padding_bytes(bucket, prepared.inputs)
            model.check_prepared(prepared_bytes)
            model.check_values(prepared.inputs)
        except RequestRefused as refused:
            return self._errors.reply(request, refused.code, refused.detail)
        return Request(
            request.record,
            request.ledger,
            bucket,
            Form.TRANSFORM,
            prepared.inputs,
            prepared.rows,
            request.cost_bytes + prepared_bytes,
            request.arrived_s,
            request.expires_s,
            request.reply_topic,
            request.reply_partition,
            request.correlation,
            request.traceparent,
            request.tracestate,
            prepared_bytes=prepared_bytes,
            kept=prepared.kept,
            passed=request.passed,
        )

    def _undecodable(self, lane: str, ledger: Ledger, offset: int, reason: str) -> Answer:
        stub = _Stub(ledger.topic, ledger.number, offset)
        return self._errors.dead(stub, ledger, lane, Code.UNDECODABLE_RECORD, reason, cost_bytes=0)

    def _alike(self, lane: str, chunk: Chunk, moment: Moment) -> Sequence[Waiting]:
        """Return the requests that the records are where all of them are JSON and alike, else none."""
        json_lane, records = self._json_lanes.get(lane), chunk.records
        if json_lane is None or not isinstance(records, RecordColumns) or not records:
            return []
        return json_lane.runs(records, chunk.ledger, moment) or []

    def _plain(
        self, lane: str, chunk: Chunk, moment: Moment
    ) -> tuple[dict[str, list[Waiting]], Sequence[Record]]:
        """Return the requests of plain raw rows, by model, and the records to look at one by one."""
        raw_lane = self._raw_lanes.get(lane)
        if raw_lane is None:
            return {}, chunk.records
        taken, others = raw_lane.take(chunk.records, chunk.ledger, moment)
        return {raw_lane.model.name: taken}, others

    def _sound(
        self, model: ModelRules, waiting: list[Waiting], answers: list[Answer]
    ) -> Sequence[Waiting]:
        """Return those whose rows are right; add the answers of the others."""
        (spec,) = model.signature.inputs
        requests = gathered(waiting)
        rows = rows_of(joined(requests), spec)
        rule = model.raw_rule
        if not waiting or rule.fault(rows) is None:
            return waiting
        requests = [*requests]
        ends = np.cumsum([request.rows for request in requests])
        faulty = set(np.searchsorted(ends, rule.faulty_rows(rows), side="right").tolist())
        for place in sorted(faulty):
            own = rows[ends[place] - requests[place].rows : ends[place]]
            fault = rule.fault(own) or ""
            answers.append(self._errors.reply(requests[place], Code.INVALID_VALUE, fault))
        return [request for place, request in enumerate(requests) if place not in faulty]
