"""How the client reads what comes back."""

from loadtest.wire import DEAD, ERROR, OK, read_reply


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
