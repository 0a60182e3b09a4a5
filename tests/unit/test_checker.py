"""The checker finds what a daemon must never do."""

import pytest

from loadtest.wire import ERROR, OK
from tests.checker import DEAD, Checker, Reply, read_reply


def _reply(correlation, *, status=OK, code="", request_id="in/0/1", body=b"4"):
    return Reply(correlation, status, code, request_id, body, {}, 0.0)


def _checked(*replies, sent=(b"a", b"b"), **options):
    checker = Checker(**options)
    for correlation in sent:
        checker.sent(correlation)
    checker.received(replies)
    return checker.verdict()


def test_one_right_reply_each_is_exactly_once():
    verdict = _checked(_reply(b"b"), _reply(b"a"))
    assert verdict.exactly_once
    assert (verdict.sent, verdict.answered) == (2, 2)


def test_a_missing_reply_is_lost():
    verdict = _checked(_reply(b"a"))
    assert verdict.lost == [b"b"]
    assert not verdict.at_least_once


def test_a_repeat_with_the_same_request_id_is_at_least_once():
    verdict = _checked(_reply(b"a"), _reply(b"b"), _reply(b"a"), _reply(b"a"))
    assert verdict.repeated == {b"a": 2}
    assert verdict.at_least_once
    assert not verdict.exactly_once


def test_a_repeat_with_another_request_id_has_moved():
    verdict = _checked(_reply(b"a"), _reply(b"b"), _reply(b"a", request_id="in/0/2"))
    assert verdict.moved == [b"a"]
    assert not verdict.at_least_once


def test_a_reply_with_another_value_is_wrong():
    verdict = _checked(
        _reply(b"a"), _reply(b"b", body=b"5"), is_right=lambda reply: reply.body == b"4"
    )
    assert verdict.wrong == [b"b"]
    assert not verdict.at_least_once


def test_a_wrong_repeat_is_wrong():
    verdict = _checked(
        _reply(b"a"),
        _reply(b"b"),
        _reply(b"b", body=b"5"),
        is_right=lambda reply: reply.body == b"4",
    )
    assert verdict.wrong == [b"b"]


def test_errors_and_dead_letters_are_counted_by_code():
    verdict = _checked(
        _reply(b"a", status=ERROR, code="too_large"),
        _reply(b"b", status=DEAD, code="reply_topic_denied"),
        is_right=lambda reply: reply.status != OK,
    )
    assert verdict.codes == {"too_large": 1, "reply_topic_denied": 1}
    assert verdict.exactly_once


def test_an_error_is_wrong_unless_it_is_expected():
    assert _checked(_reply(b"a"), _reply(b"b", status=ERROR, code="too_large")).wrong == [b"b"]


@pytest.mark.parametrize("correlation", [None, b"c"])
def test_a_reply_to_nothing_sent_is_unknown(correlation):
    verdict = _checked(_reply(b"a"), _reply(b"b"), _reply(correlation))
    assert [reply.correlation for reply in verdict.unknown] == [correlation]
    assert not verdict.at_least_once


def test_an_id_is_sent_only_once():
    with pytest.raises(ValueError, match="unique"):
        _checked(sent=(b"a", b"a"))


# Reading replies


def test_a_result_is_read_from_its_headers():
    headers = [("correlation-id", b"7"), ("status", b"ok"), ("request-id", b"in/3/12")]
    reply = read_reply(headers, b"body", 5.0)
    assert reply[:5] == (b"7", OK, "", "in/3/12", b"body")
    assert reply.received_s == 5.0


def test_an_error_names_its_code():
    headers = [("correlation-id", b"7"), ("status", b"error"), ("error-code", b"too_large")]
    assert read_reply(headers, b"{}", 0.0)[1:3] == (ERROR, "too_large")


def test_a_dead_letter_carries_the_position_of_its_request():
    headers = [
        ("correlation-id", b"7"),
        ("dlq-code", b"reply_topic_denied"),
        ("dlq-topic", b"in"),
        ("dlq-partition", b"3"),
        ("dlq-offset", b"12"),
    ]
    assert read_reply(headers, None, 0.0)[:4] == (b"7", DEAD, "reply_topic_denied", "in/3/12")
