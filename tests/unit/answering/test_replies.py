import io
import json

import numpy as np
import pytest
from msgspec import structs

from daemon.answering.replies import Replies
from daemon.answering.undeliverable import Undeliverable
from daemon.inference.runs import Part
from daemon.values.errors import Code, RequestRefused
from daemon.values.messages import Envelope, Form
from daemon.values.reply_run import apart
from daemon.values.request_run import gathered, in_runs
from daemon.wire.json_results import can_be_joined
from tests.bad_input import ROW, body, npy, tensor
from tests.signatures import sentences
from tests.unit.admission.door import (
    NOW_S,
    WALL_AHEAD_S,
    WALL_MS,
    admit,
    header,
    only_request,
    record,
    served,
    settings,
)

RAW = ("content-type", b"application/octet-stream")
NPY = ("content-type", b"application/x-npy")
TRACE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture(
    autouse=True,
    params=[(1, 1), (1_000, 1), (1_000, 1_000)],
    ids=["in runs", "replies", "one by one"],
)
def _form(request, monkeypatch):
    requests, replies = request.param
    monkeypatch.setattr("daemon.admission.raw_lane.LEAST_ALIKE", requests)
    monkeypatch.setattr("daemon.answering.batch_replies.LEAST_ALIKE", replies)


def results(requests, chosen=None, model="rows", **outputs):
    """The answers to `requests`, in their order, those of runs among them."""
    run, part = served(model, requests, **outputs)
    replies = Replies(chosen or settings(), span_ids=lambda: 0xABC)
    answers = apart(replies.results(run, part, wall_ahead_s=WALL_AHEAD_S))
    asked = [(request.record.topic, request.record.offset) for request in requests]
    return sorted(answers, key=lambda it: asked.index((it.record.topic, it.record.offset)))


def only_result(sent, chosen=None, model="rows", **outputs):
    (answer,) = results([only_request(sent, lane=model)], chosen, model, **outputs)
    return answer


def sentence(length):
    ids = np.ones((1, length), np.int64)
    sent = only_request(record(ROW, RAW), lane="rows")
    return structs.replace(sent, form=Form.JSON, inputs={"ids": ids, "mask": ids})


def zeros(rows=1, columns=8):
    return np.zeros((rows, columns), np.float32)


# Headers


def test_result_has_every_header_of_the_contract():
    sent = record(ROW, RAW, ("kafka_correlationId", b"\0c"), timestamp=int(WALL_MS) - 1_500)

    answer = only_result(sent, y=zeros())

    assert sorted(answer.headers) == [
        ("batch-rows", b"1"),
        ("content-type", b"application/octet-stream"),
        ("kafka_correlationId", b"\0c"),
        ("request-id", b"bad.rows/3/7"),
        ("served-by", b"rows@0123456789ab"),
        ("stages", b"broker=1500000;wait=2000000;run=250000"),
        ("status", b"ok"),
    ]


def test_diagnostics_can_be_left_out():
    chosen = settings(replies={"topic": "answers", "diagnostics": False})

    names = {name for name, _ in only_result(record(ROW, RAW), chosen, y=zeros()).headers}

    assert names == {"content-type", "request-id", "served-by", "status"}


def test_request_without_correlation_gets_none():
    assert header(only_result(record(ROW, RAW), y=zeros()), "correlation-id") is None


def test_answer_goes_where_the_request_said_and_settles_it():
    sent = record(
        ROW, RAW, ("reply-to", b"bad.elsewhere"), ("kafka_replyPartition", b"\0\0\0\5"), key=b"k"
    )
    request = only_request(sent)

    (answer,) = results([request], y=zeros())

    assert (answer.topic, answer.partition, answer.key) == ("bad.elsewhere", 5, b"k")
    assert (answer.code, answer.dead, answer.lane) == (None, False, "rows")
    assert answer.record is request.record
    assert answer.ledger is request.ledger
    assert answer.cost_bytes == request.cost_bytes


def test_each_request_gets_its_own_headers():
    """What is kept from one reply to the next must not leak."""
    records = [
        record(ROW, RAW, ("correlation-id", b"a"), offset=1, timestamp=int(WALL_MS) - 1_000),
        record(ROW, RAW, offset=2, timestamp=int(WALL_MS) - 1_000),
        record(ROW, RAW, ("traceparent", TRACE), offset=3, timestamp=int(WALL_MS) - 2_000),
        record(ROW, RAW, offset=4, timestamp=-1),
    ]
    requests = sorted(admit(*records).requests, key=lambda each: each.record.offset)
    requests += admit(record(ROW, RAW, topic="bad.other", offset=1)).requests

    answers = results(requests, y=zeros(5))

    assert [header(answer, "correlation-id") for answer in answers] == [
        b"a",
        None,
        None,
        None,
        None,
    ]
    assert [header(answer, "request-id") for answer in answers] == [
        b"bad.rows/3/1",
        b"bad.rows/3/2",
        b"bad.rows/3/3",
        b"bad.rows/3/4",
        b"bad.other/3/1",
    ]
    assert [header(answer, "stages").split(b";")[0] for answer in answers] == [
        b"broker=1000000",
        b"broker=1000000",
        b"broker=2000000",
        b"wait=2000000",
        b"broker=0",
    ]
    assert [header(answer, "traceparent") is not None for answer in answers] == [
        False,
        False,
        True,
        False,
        False,
    ]
    assert len({id(answer.headers) for answer in answers}) == 5


def test_a_reply_is_the_same_alone_and_among_others():
    correlation, spring = ("correlation-id", b"a"), ("kafka_correlationId", b"b")
    elsewhere, trace = ("reply-to", b"bad.elsewhere"), ("traceparent", TRACE)
    dresses = [
        *([], [correlation], [("correlation-id", b"longer")], [spring], [elsewhere, correlation]),
        *([correlation, trace], [trace, ("tracestate", b"a=1")], [trace, ("tracestate", b"b=2")]),
        [("kafka_replyPartition", b"\0\0\0\5"), correlation],
    ]
    records = [
        record(ROW, RAW, *dress, offset=place, key=[None, b"", b"k", b"key"][place % 4])
        for place, dress in enumerate(dresses * 3)
    ]
    others = [each._replace(topic="bad.other") for each in records]
    requests = gathered([*in_runs(admit(*records).requests), *in_runs(admit(*others).requests)])
    outputs = np.arange(8 * len(requests), dtype=np.float32).reshape(-1, 8)

    together = results(requests, y=outputs)

    for place, (request, answer) in enumerate(zip(requests, together, strict=True)):
        (alone,) = results([request], y=outputs[place : place + 1])
        assert answer.headers == [
            (name, b"%d" % len(requests) if name == "batch-rows" else value)
            for name, value in alone.headers
        ]
        assert structs.astuple(structs.replace(answer, headers=[])) == structs.astuple(
            structs.replace(alone, headers=[])
        )


def test_trace_goes_on_with_the_daemon_s_span():
    sent = record(ROW, RAW, ("traceparent", TRACE), ("tracestate", b"a=1"))

    answer = only_result(sent, y=zeros())

    assert header(answer, "traceparent") == TRACE.replace(b"b7ad6b7169203331", b"0" * 13 + b"abc")
    assert header(answer, "tracestate") == b"a=1"


def _every_way_to_reply():
    request = only_request(record(ROW, RAW))
    refused, done = RequestRefused(Code.TRANSFORM_FAILED, "no"), "text/plain"
    run, part = served("rows", [request], y=np.zeros((request.rows, 8), np.float32))
    replies = Replies(settings())
    undeliverable = Undeliverable(replies.errors)
    (result,) = apart(replies.results(run, part, wall_ahead_s=WALL_AHEAD_S))
    converted = apart(
        replies.converted(
            run,
            part,
            [(request, (done, b"")), (request, refused)],
            wall_ahead_s=WALL_AHEAD_S,
        )
    )
    return [
        result,
        *converted,
        replies.done(request, done, b"", served_by="m@1"),
        replies.errors.reply(request, Code.DEADLINE_EXCEEDED, "late"),
        undeliverable.too_large(result),
        undeliverable.no_partition(result),
        undeliverable.no_partition(replies.errors.reply(request, Code.DEADLINE_EXCEEDED, "late")),
    ]


def test_what_every_reply_carries_is_said_in_one_place(monkeypatch):
    monkeypatch.setattr("daemon.wire.reply_headers.REQUEST_ID", "new-in-every-reply")

    assert all(header(answer, "new-in-every-reply") for answer in _every_way_to_reply())


def test_headers_are_lists_of_tuples_as_the_client_wants():
    answer = only_result(record(ROW, RAW), y=zeros())

    assert type(answer.headers) is list
    assert all(type(each) is tuple for each in answer.headers)


# What goes on to who comes next


def test_each_reply_carries_on_where_its_own_row_began():
    sent = [
        record(ROW, RAW, ("request-id", b"pages/3/%d" % number), offset=number) for number in (1, 2)
    ]
    bare = record(ROW, RAW, offset=3)
    late = record(ROW, RAW, ("request-id", b"pages/3/4"), ("deadline", b"9" * 13), offset=4)

    replies = results(admit(*sent, bare, late).requests, y=np.zeros((4, 8), np.float32))

    told = {header(answer, "request-id"): header(answer, "origin-id") for answer in replies}
    assert told == {
        b"bad.rows/3/1": b"pages/3/1",
        b"bad.rows/3/2": b"pages/3/2",
        b"bad.rows/3/3": None,
        b"bad.rows/3/4": b"pages/3/4",
    }
    assert [header(answer, "deadline") for answer in replies].count(b"9" * 13) == 1


def test_each_reply_says_whose_it_is():
    sent = [
        record(ROW, RAW, ("job-id", b"j"), ("item-id", b"%d" % number), offset=number)
        for number in (1, 2)
    ]

    replies = results(admit(*sent).requests, y=np.zeros((2, 8), np.float32))

    assert sorted(header(answer, "item-id") for answer in replies) == [b"1", b"2"]
    assert {header(answer, "job-id") for answer in replies} == {b"j"}


# Forms


def test_rows_that_came_raw_leave_raw():
    requests = admit(record(ROW, RAW), record(ROW * 2, RAW)).requests
    outputs = np.arange(24, dtype=np.float32).reshape(3, 8)

    first, second = results(requests, y=outputs)

    assert first.value == outputs[:1].astype("<f4").tobytes()
    assert second.value == outputs[1:].astype("<f4").tobytes()


def test_each_result_has_the_form_of_its_request():
    array = io.BytesIO()
    np.save(array, np.frombuffer(ROW, "<f4").reshape(1, 16))
    requests = [
        only_request(record(ROW, RAW)),
        only_request(record(body(tensor(), id="42"))),
        only_request(record(array.getvalue(), NPY)),
    ]
    outputs = np.arange(24, dtype=np.float32).reshape(3, 8)

    raw, said, file = results(requests, y=outputs)

    assert np.frombuffer(raw.value, "<f4").tolist() == outputs[0].tolist()
    assert json.loads(said.value)["outputs"][0]["data"] == outputs[1].tolist()
    assert np.load(io.BytesIO(file.value)).tolist() == [outputs[2].tolist()]
    assert [header(answer, "content-type") for answer in (raw, said, file)] == [
        b"application/octet-stream",
        b"application/json",
        b"application/x-npy",
    ]


def test_binary_result_says_where_its_json_ends():
    head = json.dumps(
        {
            "inputs": [
                {
                    "name": "x",
                    "shape": [1, 16],
                    "datatype": "FP32",
                    "parameters": {"binary_data_size": 64},
                }
            ],
            "parameters": {"binary_data_output": True},
        }
    ).encode()
    length = ("inference-header-content-length", str(len(head)).encode())

    answer = only_result(record(head + ROW, RAW, length), y=zeros())

    json_bytes = int(header(answer, "inference-header-content-length"))
    assert answer.value[json_bytes:] == bytes(32)


def test_transform_s_words_are_taken():
    request = only_request(record(ROW, RAW))
    run, part = served("rows", [request], y=zeros())
    replies = Replies(settings())

    (answer,) = apart(
        replies.converted(
            run, part, [(request, ("text/plain", b"fish"))], wall_ahead_s=WALL_AHEAD_S
        )
    )

    assert answer.value == b"fish"
    assert header(answer, "content-type") == b"text/plain"
    assert header(answer, "status") == b"ok"
    assert header(answer, "batch-rows") == b"1"


def test_transform_s_refusal_is_an_error_for_its_request():
    request = only_request(record(ROW, RAW))
    run, part = served("rows", [request], y=zeros())
    refused = RequestRefused(Code.TRANSFORM_FAILED, "postprocess raised KeyError")

    (answer,) = Replies(settings()).converted(
        run, part, [(request, refused)], wall_ahead_s=WALL_AHEAD_S
    )

    assert answer.code is Code.TRANSFORM_FAILED


def test_answer_without_the_model_tells_of_no_batch():
    request = only_request(record(ROW, RAW, ("correlation-id", b"c")))

    answer = Replies(settings()).done(
        request, "text/plain", b"empty", served_by="rows@0123456789ab"
    )

    assert answer.code is None
    assert answer.value == b"empty"
    assert header(answer, "served-by") == b"rows@0123456789ab"
    assert header(answer, "correlation-id") == b"c"
    assert header(answer, "batch-rows") is None
    assert header(answer, "stages") is None


# Errors


@pytest.mark.parametrize("form", [RAW, ("content-type", b"application/json")])
def test_outputs_that_are_not_finite_fail_their_request_alone(form):
    value = ROW if form is RAW else body(tensor())
    requests = admit(
        record(value, form, offset=1), record(value, form, offset=2), record(value, form, offset=3)
    ).requests
    outputs = zeros(3)
    outputs[1, 3] = np.inf

    answers = results(requests, y=outputs)

    assert [answer.code for answer in answers] == [None, Code.INVALID_OUTPUT, None]


def test_any_bad_row_of_a_request_fails_it():
    outputs = zeros(3)
    outputs[2, 0] = np.nan

    assert only_result(record(ROW * 3, RAW), y=outputs).code is Code.INVALID_OUTPUT


def test_result_beyond_the_limit_becomes_a_small_error():
    sent = record(body(tensor(shape=[1], datatype="BYTES", data=["x"])), ("correlation-id", b"c"))

    answer = only_result(sent, model="words", y=np.array(["y" * 40_000], object))

    assert answer.code is Code.RESULT_TOO_LARGE
    assert header(answer, "correlation-id") == b"c"
    assert len(answer.value) < 1_000


def test_key_counts_towards_the_limit():
    sent = record(body(tensor(shape=[1], datatype="BYTES", data=["x"])), key=b"k" * 20_000)

    answer = only_result(sent, model="words", y=np.array(["y" * 20_000], object))

    assert answer.code is Code.RESULT_TOO_LARGE
    assert answer.key == sent.key


def test_key_beyond_the_limit_is_left_out_of_an_error():
    answer = only_result(record(ROW, RAW, key=b"k" * 40_000), y=zeros())

    assert answer.code is Code.RESULT_TOO_LARGE
    assert answer.key is None


def test_npy_helper_of_the_list_is_one():
    """The list's own .npy writer must be right where it means to be."""
    file = npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 16), }", ROW)

    assert only_request(record(file, NPY)).arrived_s == NOW_S


# Rows of different lengths


def test_what_filled_rows_up_is_held_against_nobody():
    """Only a number that its requester would get can make an output invalid."""
    first, second = (sentence(length) for length in (1, 2))
    words = np.zeros((2, 4, 16), np.float32)
    words[0, 1] = words[1, 1] = np.nan
    part = Part(
        [first, second], {"mean": np.zeros((2, 16)), "words": words}, np.array([True, True])
    )

    (_, cut), (_, answer) = Replies(settings()).apart(part, sentences(step=4))

    assert cut["words"].shape == (1, 1, 16)
    assert answer.code is Code.INVALID_OUTPUT


def test_nor_is_what_filled_a_row_up_to_another_of_its_request():
    envelope = Envelope(row_lengths=(("length", (2, 1)),))
    both = structs.replace(sentence(2), rows=2, envelope=envelope)
    words = np.zeros((2, 4, 16), np.float32)
    words[1, 1] = np.nan
    part = Part([both], {"mean": np.zeros((2, 16)), "words": words}, np.array([False, True]))

    ((_, outputs),) = Replies(settings()).apart(part, sentences(step=4))

    assert outputs["words"].shape == (2, 2, 16)


def test_json_responses_are_cut_back_to_each_requests_length():
    requests = [sentence(length) for length in (1, 2)]
    outputs = {"mean": np.zeros((2, 16), np.float32), "words": np.zeros((2, 4, 16), np.float32)}

    assert not can_be_joined(requests, outputs, sentences(step=4))
