import json

from daemon.answering.error_answers import Requester
from daemon.answering.replies import Replies
from daemon.values.errors import Code, RequestRefused
from daemon.values.messages import Answer, ReplyAddress
from tests.bad_input import ROW
from tests.unit.admission.door import header, only_request, record, settings

RAW = ("content-type", b"application/octet-stream")
TRACE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
ERRORS = Replies(settings()).errors


def test_error_is_a_problem_document():
    request = only_request(record(ROW, RAW, ("correlation-id", b"c"), ("traceparent", TRACE)))

    answer = ERRORS.reply(request, Code.MODEL_TIMEOUT, "ran too long")

    assert isinstance(answer, Answer)
    assert answer.code is Code.MODEL_TIMEOUT
    assert json.loads(answer.value)["detail"] == "ran too long"
    assert header(answer, "content-type") == b"application/problem+json"
    assert header(answer, "status") == b"error"
    assert header(answer, "error-code") == b"model_timeout"
    assert header(answer, "correlation-id") == b"c"
    assert header(answer, "request-id") == b"bad.rows/3/7"
    assert header(answer, "traceparent").startswith(TRACE[:36])
    assert answer.key == b"k"


def test_an_error_reply_carries_on_where_the_row_began():
    request = only_request(record(ROW, RAW, ("request-id", b"pages/3/1"), ("deadline", b"9" * 13)))

    answer = ERRORS.reply(request, Code.MODEL_TIMEOUT, "why")

    assert header(answer, "origin-id") == b"pages/3/1"
    assert header(answer, "deadline") == b"9" * 13


def test_a_key_that_leaves_no_room_for_the_body_is_left_out():
    request = only_request(record(ROW, RAW, key=b"k" * 40_000))

    assert ERRORS.reply(request, Code.MODEL_TIMEOUT, "why").key is None


def test_a_kept_record_is_a_dead_letter_first_and_then_an_error_reply():
    request = only_request(record(ROW, RAW))
    requester = Requester(ReplyAddress("bad.replies", 2), None, None, None)
    refused = RequestRefused(Code.CRASHED_WORKER, "why")

    letter = ERRORS.kept(request.record, request.ledger, "rows", requester, refused, 10)

    assert (letter.topic, letter.dead, letter.value) == ("bad.dead", True, ROW)
    assert (letter.then.topic, letter.then.partition) == ("bad.replies", 2)
    assert header(letter.then, "error-code") == b"crashed_worker"
