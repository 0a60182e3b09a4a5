"""Requests and replies that are CloudEvents, written and read by the official SDK."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary, to_binary
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from config.settings import Kafka
from daemon.answering.replies import Replies
from daemon.answering.undeliverable import Undeliverable
from daemon.values.errors import Code
from daemon.values.reply_run import apart
from daemon.wire.cloud_events import MOST_BYTES, ReplyEvents
from daemon.wire.headers import REPLY_TO
from tests.bad_input import LANES, REPLIES, ROW, body, tensor
from tests.unit.admission.door import (
    WALL_AHEAD_S,
    header,
    only_answer,
    only_request,
    record,
    served,
    settings,
)

RAW = ("content-type", b"application/octet-stream")
AS_EVENTS = settings(replies=REPLIES | {"cloudevents": True})


@pytest.fixture(params=[1, 1_000], ids=["in runs", "one by one"], autouse=True)
def _form(request, monkeypatch):
    monkeypatch.setattr("daemon.answering.batch_replies.LEAST_ALIKE", request.param)


def read(answer):
    """Return the event that the SDK sees in an answer; it has read the data of JSON too."""
    message = KafkaMessage(dict(answer.headers), answer.key, answer.value)
    return from_binary(message, JSONFormat())


def results(*requests, chosen=AS_EVENTS):
    run, part = served("rows", requests, y=np.ones((len(requests), 8), np.float32))
    return apart(Replies(chosen).results(run, part, wall_ahead_s=WALL_AHEAD_S))


def in_json(*headers, offset=7):
    return record(body(tensor()), *headers, offset=offset)


def test_a_result_is_an_event():
    (answer,) = results(only_request(in_json()))

    event = read(answer)

    assert event.get_id() == "bad.rows/3/7" == header(answer, "request-id").decode()
    assert event.get_source() == "/tidemill/tests/rows"
    assert event.get_type() == "tidemill.reply.ok"
    assert event.get_datacontenttype() == "application/json"
    assert event.get_data()["outputs"][0]["name"] == "y"
    assert header(answer, "ce_time") is None


def test_raw_results_of_a_run_are_an_event_each():
    requests = [only_request(record(ROW, RAW, offset=offset)) for offset in range(7, 12)]

    events = [read(answer) for answer in results(*requests)]

    assert [event.get_id() for event in events] == [
        f"bad.rows/3/{offset}" for offset in range(7, 12)
    ]
    assert events[0].get_data() == np.ones(8, "<f4").tobytes()


@pytest.mark.parametrize(
    "answer",
    [
        only_answer(record(b"{", ("correlation-id", b"c")), chosen=AS_EVENTS),
        Replies(AS_EVENTS).errors.reply(only_request(in_json()), Code.MODEL_TIMEOUT, "why"),
        Undeliverable(Replies(AS_EVENTS).errors).too_large(results(only_request(in_json()))[0]),
    ],
    ids=["refused", "failed", "too large for the broker"],
)
def test_an_error_reply_is_an_event_of_another_type(answer):
    event = read(answer)

    assert event.get_type() == "tidemill.reply.error"
    assert event.get_id() == "bad.rows/3/7"
    assert event.get_source() == "/tidemill/tests/rows"
    assert event.get_data()["code"] == answer.code
    names = [name for name, _ in answer.headers]
    assert len(names) == len({*names})


def test_an_answer_of_a_transform_is_an_event():
    answer = Replies(AS_EVENTS).done(
        only_request(in_json()), "text/plain", b"done", served_by="rows@0123456789ab"
    )

    assert read(answer).get_type() == "tidemill.reply.ok"


def test_a_repeated_reply_is_the_same_event():
    answers = [*results(only_request(in_json())), *results(only_request(in_json()))]

    # Where there is no time the SDK says when it read the event.
    first, again = ({**read(each).get_attributes(), "time": None} for each in answers)
    assert first == again


def test_a_request_that_is_an_event_is_answered_by_its_id():
    attributes = {
        "id": "e-1",
        "source": "/shop",
        "type": "shop.order",
        "specversion": "1.0",
        "time": datetime(2030, 1, 1, tzinfo=UTC),
        "datacontenttype": "application/json",
    }
    asked = to_binary(CloudEvent(attributes, json.loads(body(tensor()))), JSONFormat())

    (answer,) = results(only_request(record(asked.value, *asked.headers.items())))

    assert header(answer, "correlation-id") == b"e-1"
    assert read(answer).get_id() == "bad.rows/3/7"


def test_what_goes_on_to_another_lane_is_no_event_but_an_error_in_its_place_is():
    lanes = {**LANES, "rows": LANES["rows"] | {"then": "logs"}}
    chosen = settings(lanes=lanes, replies=REPLIES | {"cloudevents": True})
    (onward,) = results(only_request(in_json()), chosen=chosen)

    error = Undeliverable(Replies(chosen).errors).too_large(onward)

    assert header(onward, REPLY_TO[0]) is not None
    assert header(onward, "ce_id") is None
    assert read(error).get_type() == "tidemill.reply.error"
    assert read(error).get_id() == "bad.rows/3/7"


def test_replies_are_no_events_unless_that_is_asked_for():
    (answer,) = results(only_request(in_json(("ce_id", b"e"))), chosen=settings())

    assert [name for name, _ in answer.headers if name.startswith("ce_")] == []


@pytest.mark.parametrize("group", ["grüße aus/köln", "😀" * 249])
def test_any_group_makes_a_source_that_fits(group):
    events = ReplyEvents(Kafka(group=group).group, sent=True)

    said = [*events.of_errors("x" * 60), ("ce_id", b"/" * 280)]

    assert sum(len(name) + len(value) for name, value in said) < MOST_BYTES
    assert dict(said)["ce_source"].isascii()
