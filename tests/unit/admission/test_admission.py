import json

import numpy as np
import pytest

from config.settings import Limits
from daemon.admission.admission import MOST_ODD
from daemon.answering.replies import Replies
from daemon.values.errors import Code
from daemon.values.messages import Answer, Form, Unreadable
from daemon.wire.problem import problem
from runtime.conversion import PreparedRows
from tests.bad_input import ROW, body, tensor
from tests.unit.admission.door import (
    NOW_S,
    WALL_MS,
    admission,
    admit,
    chunk,
    header,
    only_answer,
    only_request,
    record,
    settings,
)

RAW = ("content-type", b"application/octet-stream")
NAN_ROW = np.full(16, np.nan, "<f4").tobytes()
RAW_LANE = {"rows": {"topics": ["bad.rows"], "models": ["rows"], "content_type": RAW[1].decode()}}


def raw_settings(**lane):
    return settings(lanes={"rows": RAW_LANE["rows"] | lane})


def test_what_a_turn_has_no_time_for_is_left():
    sent = [record(b"odd", offset=offset) for offset in range(MOST_ODD + 44)]

    admitted = admit(*sent)

    assert len(admitted.answers) == admitted.count == MOST_ODD
    assert [*admitted.left] == sent[MOST_ODD:]


# What a request carries on


def test_request_carries_what_its_reply_needs():
    trace = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    sent = record(
        ROW * 2,
        RAW,
        ("kafka_correlationId", b"c"),
        ("kafka_replyTopic", b"bad.elsewhere"),
        ("kafka_replyPartition", b"\0\0\0\5"),
        ("traceparent", trace),
        ("tracestate", b"a=1"),
    )

    request = only_request(sent)

    assert request.record is sent
    assert (request.bucket.lane, request.bucket.model) == ("rows", "rows")
    assert request.form is Form.RAW
    assert request.inputs is sent.value
    assert request.rows == 2
    assert (request.reply_topic, request.reply_partition) == ("bad.elsewhere", 5)
    assert request.correlation == ("kafka_correlationId", b"c")
    assert (request.traceparent, request.tracestate) == (trace, b"a=1")
    assert request.arrived_s == NOW_S
    assert request.expires_s == float("inf")


def test_form_is_the_lane_s_unless_said():
    assert only_request(record(body(tensor()))).form is Form.JSON
    assert only_request(record(ROW), chosen=raw_settings()).form is Form.RAW


def test_octets_with_a_json_part_are_the_binary_form():
    head = json.dumps(
        {
            "inputs": [
                {
                    "name": "x",
                    "shape": [1, 16],
                    "datatype": "FP32",
                    "parameters": {"binary_data_size": 64},
                }
            ]
        }
    ).encode()
    length = ("inference-header-content-length", str(len(head)).encode())

    request = only_request(record(head + ROW, RAW, length))

    assert request.form is Form.BINARY
    assert request.inputs["x"].tobytes() == ROW


def test_model_header_chooses_among_the_lane_s_models():
    lanes = {"both": {"topics": ["t"], "models": ["rows", "logs"]}}
    chosen = settings(lanes=lanes)
    logs = np.ones(2, "<f4").tobytes()

    assert only_request(record(ROW, RAW), lane="both", chosen=chosen).bucket.model == "rows"
    assert (
        only_request(record(logs, RAW, ("model", b"logs")), lane="both", chosen=chosen).bucket.model
        == "logs"
    )


def test_rows_of_another_shape_have_another_bucket():
    short = only_request(record(body(tensor(shape=[1, 3], data=[1, 2, 3]))), lane="spans")
    long = only_request(record(body(tensor(shape=[2, 5], data=[0] * 10))), lane="spans")

    assert short.bucket.shape == ((3,),)
    assert long.bucket.shape == ((5,),)


def test_decoded_arrays_count_as_held_bytes():
    sent = record(body(tensor()))

    assert only_request(sent).cost_bytes == len(sent.value) + len(sent.key) + 64


def test_key_and_headers_count_as_held_bytes():
    sent = record(ROW, RAW)

    assert only_request(sent).cost_bytes == 64 + len(sent.key) + len(RAW[0]) + len(RAW[1])


def test_texts_cost_what_their_objects_take():
    words = [f"{number:02}" for number in range(100)]
    sent = record(body(tensor(shape=[100], datatype="BYTES", data=words)), topic="bad.words")

    assert only_request(sent, lane="words").cost_bytes > len(sent.value) + 100 * (8 + 50)


def test_many_headers_cost_what_their_objects_take():
    few = record(ROW, RAW)
    many = record(ROW, RAW, *[("a", b"")] * 1_000)

    assert only_answer(many).cost_bytes - only_request(few).cost_bytes > 100_000


# Transforms


def transform_settings(**model):
    models = {"rows": {"path": "rows.onnx", "transform": "t.py:T"} | model}
    return settings(models=models)


def test_transform_gets_every_body_as_it_is():
    chosen = transform_settings()

    for value in (b"", b"\xff", b"{}"):
        request = only_request(record(value, ("content-type", b"text/x")), chosen=chosen)
        assert request.form is Form.TRANSFORM
        assert request.inputs == value


def test_transform_does_not_get_a_null_value():
    assert only_answer(record(None), chosen=transform_settings()).code is Code.INVALID_REQUEST


def test_prepared_request_has_the_inputs_its_transform_made():
    station = admission(transform_settings())
    (waiting,) = station.admit("rows", chunk(record(b"x")), now_s=NOW_S, wall_ms=WALL_MS).requests
    inputs = {"x": np.zeros((3, 16), np.float32)}

    request = station.prepared(waiting, PreparedRows(inputs, 3))

    assert (request.form, request.rows) == (Form.TRANSFORM, 3)
    assert request.inputs is inputs
    assert request.record is waiting.record
    assert request.prepared_bytes == inputs["x"].nbytes
    assert request.cost_bytes == waiting.cost_bytes + request.prepared_bytes


@pytest.mark.parametrize(
    ("array", "code"),
    [
        (np.full((1, 16), np.nan, np.float32), Code.INVALID_VALUE),
        (np.zeros((1_001, 16), np.float32), Code.TOO_LARGE),
    ],
)
def test_prepared_inputs_are_held_to_the_model_s_rules(array, code):
    station = admission(transform_settings())
    (waiting,) = station.admit("rows", chunk(record(b"x")), now_s=NOW_S, wall_ms=WALL_MS).requests

    answer = station.prepared(waiting, PreparedRows({"x": array}, len(array)))

    assert isinstance(answer, Answer)
    assert answer.code is code


def test_a_transform_may_make_only_so_much_of_a_request():
    chosen = transform_settings().model_copy(update={"limits": Limits(prepared_bytes=64)})
    station = admission(chosen)
    (waiting,) = station.admit("rows", chunk(record(b"x")), now_s=NOW_S, wall_ms=WALL_MS).requests

    as_much = station.prepared(waiting, PreparedRows({"x": np.zeros((1, 16), np.float32)}, 1))
    more = station.prepared(waiting, PreparedRows({"x": np.zeros((2, 16), np.float32)}, 2))

    assert as_much.prepared_bytes == 64
    assert more.code is Code.TOO_LARGE
    assert b"128 bytes" in more.value
    assert b"64" in more.value


# Deadlines


def test_timeout_counts_from_the_record_s_timestamp():
    sent = record(ROW, RAW, ("timeout-ms", b"5000"), timestamp=int(WALL_MS) - 2_000)

    assert only_request(sent).expires_s == NOW_S + 3


def test_request_that_expired_on_its_way_is_answered_at_once():
    sent = record(ROW, RAW, ("timeout-ms", b"5000"), timestamp=int(WALL_MS) - 5_000)

    assert only_answer(sent).code is Code.DEADLINE_EXCEEDED


def test_expired_request_is_not_decoded():
    sent = record(b"not json", ("timeout-ms", b"0"))

    assert only_answer(sent).code is Code.DEADLINE_EXCEEDED


def test_timeout_is_clamped_to_the_lane_s_longest():
    chosen = settings(lanes={"rows": {"topics": ["t"], "models": ["rows"], "max_timeout": "1min"}})
    sent = record(ROW, RAW, ("timeout-ms", b"9" * 30))

    assert only_request(sent, chosen=chosen).expires_s == NOW_S + 60


@pytest.mark.parametrize("content_type", ["application/json", "application/octet-stream"])
def test_lane_s_timeout_is_the_default(content_type):
    lane = {"topics": ["t"], "models": ["rows"], "timeout": "10s", "content_type": content_type}
    chosen = settings(lanes={"rows": lane})

    assert only_request(record(ROW, RAW), chosen=chosen).expires_s == NOW_S + 10


def test_lane_s_timeout_ends_raw_requests_too():
    chosen = raw_settings(timeout="10s")
    late = record(ROW, timestamp=int(WALL_MS) - 10_000)

    assert only_answer(late, chosen=chosen).code is Code.DEADLINE_EXCEEDED


def test_request_that_waited_longer_than_its_timeout_has_expired_however_long_it_was():
    waited_ms = 365 * 86_400_000
    sent = record(ROW, RAW, ("timeout-ms", b"60000"), timestamp=int(WALL_MS) - waited_ms)

    assert only_answer(sent).code is Code.DEADLINE_EXCEEDED


def in_s(seconds):
    """The header of a deadline so long after arrival."""
    return ("deadline", b"%d" % (WALL_MS + seconds * 1_000))


@pytest.mark.parametrize("age_s", [0, 7_200, 365 * 86_400])
def test_deadline_is_where_it_was_however_long_the_record_waited(age_s):
    sent = record(ROW, RAW, in_s(60), timestamp=int(WALL_MS) - age_s * 1_000)

    assert only_request(sent).expires_s == NOW_S + 60


@pytest.mark.parametrize("age_s", [0, 7_200])
def test_deadline_that_has_passed_is_answered_at_once(age_s):
    sent = record(ROW, RAW, in_s(0), timestamp=int(WALL_MS) - age_s * 1_000)

    assert only_answer(sent).code is Code.DEADLINE_EXCEEDED


@pytest.mark.parametrize(("deadline_s", "timeout_ms"), [(10, 60_000), (60, 10_000)])
def test_earlier_of_deadline_and_timeout_counts(deadline_s, timeout_ms):
    sent = record(ROW, RAW, in_s(deadline_s), ("timeout-ms", b"%d" % timeout_ms))

    assert only_request(sent).expires_s == NOW_S + 10


def test_deadline_takes_the_place_of_the_lane_s_timeout():
    chosen = raw_settings(timeout="10s")

    assert only_request(record(ROW, in_s(3_600)), chosen=chosen).expires_s == NOW_S + 3_600


def test_deadline_may_be_later_than_the_lane_s_longest_timeout():
    chosen = raw_settings(max_timeout="1min")
    friday_s = 3 * 86_400

    assert only_request(record(ROW, in_s(friday_s)), chosen=chosen).expires_s == NOW_S + friday_s


def test_deadline_in_seconds_is_told_from_one_that_was_missed():
    missed = only_answer(record(ROW, RAW, in_s(-1)))
    in_seconds = only_answer(record(ROW, RAW, ("deadline", b"1893456000")))

    assert "milliseconds" not in json.loads(missed.value)["detail"]
    assert "milliseconds, not seconds" in json.loads(in_seconds.value)["detail"]


def test_timestamps_in_the_future_are_counted():
    hour_ms = 3_600_000
    timestamps = [int(WALL_MS) + hour_ms, int(WALL_MS) + 2 * hour_ms, int(WALL_MS)]
    records = [record(ROW, RAW, ("timeout-ms", b"5"), timestamp=each) for each in timestamps]

    admitted = admit(*records)

    assert admitted.skewed == 2
    assert {request.expires_s for request in admitted.requests} == {NOW_S + 0.005}


# Whole chunks


def test_only_requests_with_bad_values_are_refused():
    records = [
        record(ROW, offset=1),
        record(NAN_ROW, offset=2),
        record(ROW + NAN_ROW + ROW, offset=3),
        record(ROW * 2, offset=4),
        record(ROW + NAN_ROW, ("model", b"rows"), offset=5),
    ]

    admitted = admit(*records, chosen=raw_settings())

    assert [request.record.offset for request in admitted.requests] == [1, 4]
    assert {answer.record.offset: answer.code for answer in admitted.answers} == {
        2: Code.INVALID_VALUE,
        3: Code.INVALID_VALUE,
        5: Code.INVALID_VALUE,
    }


def test_bad_values_do_not_cross_models():
    lanes = {"both": {"topics": ["t"], "models": ["rows", "logs"]}}
    records = [
        record(NAN_ROW, RAW, offset=1),
        record(np.ones(2, "<f4").tobytes(), RAW, ("model", b"logs"), offset=2),
        record(ROW, RAW, offset=3),
    ]

    admitted = admit(*records, lane="both", chosen=settings(lanes=lanes))

    assert [request.record.offset for request in admitted.requests] == [3, 2]
    assert [answer.record.offset for answer in admitted.answers] == [1]


def test_everything_fetched_is_counted_once():
    records = [record(ROW), record(None), record(ROW, ("reply-to", b"no")), record(body(tensor()))]

    admitted = admit(*records, unreadable=[Unreadable(9, "why")])

    held = admitted.requests + admitted.answers
    assert admitted.count == len(held) == 5
    assert admitted.cost_bytes == sum(each.cost_bytes for each in held)


def test_unreadable_position_becomes_a_dead_letter():
    answer = only_answer(unreadable=[Unreadable(9, "header key is not UTF-8")])

    assert (answer.code, answer.dead) == (Code.UNDECODABLE_RECORD, True)
    assert (answer.record.topic, answer.record.partition, answer.record.offset) == (
        "bad.rows",
        3,
        9,
    )
    assert (answer.key, answer.value) == (None, b"")
    assert header(answer, "dlq-offset") == b"9"
    assert header(answer, "dlq-detail") == b"header key is not UTF-8"
    assert header(answer, "dlq-tombstone") is None


PLAIN = [
    record(ROW),
    record(ROW * 3, ("correlation-id", b"1")),
    record(ROW, ("correlation_id", b"2")),
    record(ROW, ("kafka_correlationId", b"")),
    record(ROW, ("correlation-id", b"c" * 128)),
    record(ROW, ("correlation-id", b"c" * 129)),
    record(ROW, ("correlation-id", None)),
    record(ROW, ("other", b"1")),
    record(ROW, ("timeout-ms", b"5")),
    record(ROW, in_s(5)),
    record(ROW, ("correlation-id", b"1"), ("correlation-id", b"1")),
    record(ROW, key=None),
    record(b""),
    record(None),
    record(ROW[:-1]),
    record(ROW * 1_000),
    record(ROW * 1_001),
    record(bytes(65 * 2**10)),
]


@pytest.mark.parametrize("number", range(len(PLAIN)))
def test_short_cut_for_raw_rows_changes_nothing(number):
    """The same record with its form said takes the long way."""
    short = admit(PLAIN[number], chosen=raw_settings())
    said = PLAIN[number]._replace(headers=(*PLAIN[number].headers, RAW))
    long = admit(said)

    assert summary(short) == summary(long)


def test_short_cut_keeps_to_small_header_limits():
    chosen = raw_settings().model_copy(update={"limits": Limits(header_bytes=20)})

    assert (
        only_answer(record(ROW, ("correlation-id", b"1234567")), chosen=chosen).code
        is Code.TOO_LARGE
    )
    assert only_request(record(ROW, ("correlation-id", b"123456")), chosen=chosen).rows == 1


def summary(admitted):
    requests = [
        (
            request.bucket,
            request.form,
            request.inputs,
            request.rows,
            request.arrived_s,
            request.expires_s,
            request.reply_topic,
            request.reply_partition,
            request.correlation,
        )
        for request in admitted.requests
    ]
    answers = [
        (answer.code, answer.dead, answer.topic, answer.key, answer.value, answer.headers)
        for answer in admitted.answers
    ]
    return requests, answers


# Where the fleet may sleep


@pytest.mark.parametrize("form", ["application/json", "application/octet-stream"])
@pytest.mark.parametrize(("age_s", "linger_s"), [(0, 0), (600, 600), (36_000, 36_000), (-5, 0)])
def test_a_wait_in_kafka_is_part_of_a_long_linger(form, age_s, linger_s):
    old = record(ROW, RAW, timestamp=int(WALL_MS - age_s * 1000))
    asleep = raw_settings(linger="1h", content_type=form)

    assert only_request(old, chosen=asleep).arrived_s == NOW_S - linger_s


def test_a_short_linger_counts_from_when_a_request_was_read():
    old = record(ROW, RAW, timestamp=int(WALL_MS) - 600_000)

    assert only_request(old).arrived_s == NOW_S


ERROR_REPLY = (
    ("content-type", b"application/problem+json"),
    ("status", b"error"),
    ("error-code", b"deadline_exceeded"),
    ("request-id", b"pages/3/17"),
)


def test_an_error_reply_that_comes_as_a_request_stays_the_same_error():
    body = problem(Code.DEADLINE_EXCEEDED, "expired while it waited")

    answer = only_answer(
        record(body, *ERROR_REPLY, ("correlation-id", b"c"), ("deadline", b"1")),
        chosen=transform_settings(),
    )

    assert (answer.code, answer.dead, answer.topic) == (
        Code.DEADLINE_EXCEEDED,
        False,
        "bad.replies",
    )
    assert answer.value == body
    assert header(answer, "error-code") == b"deadline_exceeded"
    assert header(answer, "correlation-id") == b"c"
    assert header(answer, "origin-id") == b"pages/3/17"
    assert header(answer, "request-id") == b"bad.rows/3/7"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"detail": 3}', b"\xff", b'{"x":' + b"[" * 3_000]
)
def test_so_it_does_whatever_its_body_is(body):
    answer = only_answer(record(body, *ERROR_REPLY))

    assert answer.code is Code.DEADLINE_EXCEEDED
    assert json.loads(answer.value)["detail"] == ""


def test_an_error_reply_that_came_round_is_a_dead_letter():
    answer = only_answer(record(b"{}", *ERROR_REPLY, ("origin-id", b"bad.rows/0/1")))

    assert answer.dead
    assert answer.code is Code.DEADLINE_EXCEEDED


def test_a_result_that_comes_as_a_request_is_a_request_that_tells_where_it_began():
    request = only_request(
        record(ROW, RAW, ("status", b"ok"), ("request-id", b"pages/3/17"), ("batch-rows", b"1"))
    )

    assert request.passed == (("origin-id", b"pages/3/17"),)
    assert header(Replies(settings()).errors.reply(request, Code.MODEL_TIMEOUT, "why"), "origin-id")


def test_a_transform_s_inputs_lose_nothing_of_that():
    station = admission(transform_settings())
    sent = record(b"x", ("request-id", b"pages/3/17"))
    (waiting,) = station.admit("rows", chunk(sent), now_s=NOW_S, wall_ms=WALL_MS).requests

    made = station.prepared(waiting, PreparedRows({"x": np.zeros((1, 16), np.float32)}, 1))

    assert made.passed == waiting.passed != ()
