"""What goes from a lane to the next one, and what goes to the requester instead."""

import json

import numpy as np
import pytest

from daemon.answering.replies import Replies
from daemon.answering.undeliverable import Undeliverable
from daemon.values.errors import Code, RequestRefused
from daemon.values.reply_run import apart
from tests.bad_input import LANES, ROW, body, tensor
from tests.unit.admission.door import (
    NOW_S,
    WALL_AHEAD_S,
    WALL_MS,
    admission,
    chunk,
    header,
    only_request,
    record,
    served,
    settings,
)

RAW = ("content-type", b"application/octet-stream")
TRACE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
CHOSEN = settings(
    lanes={
        "rows": LANES["rows"] | {"then": "next"},
        "next": {"topics": ["boxes", "other"], "models": ["rows"]},
    }
)
REPLIES = Replies(CHOSEN, span_ids=lambda: 0xABC)


def request(*headers, value=ROW, **fields):
    return only_request(record(value, RAW, *headers, **fields), chosen=CHOSEN)


def onward(asked, **outputs):
    outputs = outputs or {"y": np.zeros((asked.rows, 8), np.float32)}
    run, part = served("rows", [asked], **outputs)
    (answer,) = apart(REPLIES.results(run, part, wall_ahead_s=WALL_AHEAD_S))
    return answer


def test_a_result_goes_to_the_next_lane_s_first_topic_as_a_request():
    asked = request(("correlation_id", b"c"), ("traceparent", TRACE), ("tracestate", b"a=1"))

    answer = onward(asked)

    assert (answer.topic, answer.partition, answer.key) == ("boxes", None, b"k")
    assert answer.value == bytes(32)
    assert answer.headers == [
        RAW,
        ("reply-to", b"bad.replies"),
        ("request-id", b"bad.rows/3/7"),
        ("correlation_id", b"c"),
        ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-0000000000000abc-01"),
        ("tracestate", b"a=1"),
    ]


def test_it_settles_its_request_and_gives_back_what_that_held():
    asked = request()

    answer = onward(asked)

    assert (answer.code, answer.dead, answer.lane) == (None, False, "rows")
    assert (answer.record, answer.ledger) == (asked.record, asked.ledger)
    assert (answer.cost_bytes, answer.reply_bytes) == (asked.cost_bytes, 32)


def test_where_the_requester_waits_goes_along():
    partition = b"\0\0\0\5"
    answer = onward(request(("reply-to", b"bad.replies.1"), ("kafka_replyPartition", partition)))

    assert header(answer, "reply-to") == b"bad.replies.1"
    assert header(answer, "kafka_replyPartition") == partition


@pytest.mark.parametrize(
    ("said", "deadline_ms"),
    [
        ([("timeout-ms", b"1500")], WALL_MS - 400 + 1_500),
        ([("deadline", b"%d" % (WALL_MS + 900))], WALL_MS + 900),
        ([("timeout-ms", b"1500"), ("deadline", b"%d" % (WALL_MS + 9_000))], WALL_MS + 1_100),
    ],
)
def test_a_time_out_becomes_the_moment_at_which_it_expires(said, deadline_ms):
    answer = onward(request(*said, timestamp=int(WALL_MS) - 400))

    assert int(header(answer, "deadline")) == pytest.approx(deadline_ms, abs=1)
    assert header(answer, "timeout-ms") is None


def test_without_one_it_never_expires():
    assert header(onward(request()), "deadline") is None


def test_the_next_lane_takes_it_and_answers_the_requester():
    sent = onward(request(("correlation-id", b"c"), ("timeout-ms", b"1500")), y=np.ones((1, 16)))
    value = np.ones(16, "<f4").tobytes()
    came = record(value, *sent.headers, topic=sent.topic, offset=9)

    admitted = admission(CHOSEN).admit("next", chunk(came), now_s=NOW_S, wall_ms=WALL_MS)

    (asked,) = admitted.requests
    assert asked.expires_s == pytest.approx(NOW_S + 1.5, abs=0.001)
    run, part = served("rows", [asked], y=np.zeros((1, 8), np.float32))
    (reply,) = apart(REPLIES.results(run, part, wall_ahead_s=WALL_AHEAD_S))
    assert reply.topic == "bad.replies"
    assert header(reply, "correlation-id") == b"c"
    assert header(reply, "request-id") == b"boxes/3/9"
    assert header(reply, "origin-id") == b"bad.rows/3/7"
    assert header(reply, "status") == b"ok"
    assert header(reply, "reply-to") is None


def test_a_binary_result_says_where_its_json_ends():
    head = json.loads(body(tensor(data=None)))
    head["inputs"][0]["parameters"] = {"binary_data_size": len(ROW)}
    del head["inputs"][0]["data"]
    head["parameters"] = {"binary_data_output": True}
    text = json.dumps(head).encode()
    length = ("inference-header-content-length", b"%d" % len(text))

    answer = onward(request(length, value=text + ROW))

    assert int(header(answer, "inference-header-content-length")) < len(answer.value)


def test_what_a_transform_answered_without_the_model_goes_on_too():
    answer = REPLIES.done(request(), "text/plain", b"nothing there", served_by="m@1")

    assert (answer.topic, answer.value) == ("boxes", b"nothing there")
    assert header(answer, "content-type") == b"text/plain"
    assert header(answer, "status") is None


def test_what_a_transform_refuses_goes_to_the_requester():
    asked = request()
    run, part = served("rows", [asked], y=np.zeros((1, 8), np.float32))
    refused = RequestRefused(Code.INVALID_VALUE, "no page")

    (answer,) = REPLIES.converted(run, part, [(asked, refused)], wall_ahead_s=WALL_AHEAD_S)

    assert (answer.topic, answer.code) == ("bad.replies", Code.INVALID_VALUE)
    assert header(answer, "reply-to") is None


def test_an_error_goes_to_the_requester():
    answer = REPLIES.errors.reply(
        request(("reply-to", b"bad.replies.1")), Code.MODEL_TIMEOUT, "why"
    )

    assert answer.topic == "bad.replies.1"
    assert header(answer, "status") == b"error"


def test_what_is_too_large_for_the_next_topic_is_an_error_for_the_requester():
    partition = ("kafka_replyPartition", b"\0\0\0\5")
    sent = onward(request(("reply-to", b"bad.replies.1"), partition, ("correlation-id", b"c")))

    answer = Undeliverable(REPLIES.errors).too_large(sent)

    assert (answer.topic, answer.partition) == ("bad.replies.1", 5)
    assert answer.code is Code.RESULT_TOO_LARGE
    assert header(answer, "correlation-id") == b"c"
    assert header(answer, "request-id") == b"bad.rows/3/7"
    assert [header(answer, name) for name in ("reply-to", "kafka_replyPartition")] == [None, None]


def test_other_lanes_answer_their_requesters():
    asked = only_request(record(ROW, RAW, topic="boxes"), chosen=CHOSEN, lane="next")
    run, part = served("rows", [asked], y=np.zeros((1, 8), np.float32))

    (answer,) = apart(REPLIES.results(run, part, wall_ahead_s=WALL_AHEAD_S))

    assert answer.topic == "bad.replies"
