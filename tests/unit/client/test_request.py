import pytest

from tidemill_client.request import request_of

ADDRESS = [("reply-to", b"replies")]


def test_a_request_is_what_was_given_and_where_replies_go():
    request = request_of(
        ADDRESS, "topic", [1], timeout=2, key=b"key", headers={"tenant": "x"}, retries=1
    )

    assert request == (
        "topic",
        b"[1]",
        [*ADDRESS, ("content-type", b"application/json"), ("tenant", b"x")],
        b"key",
        2.0,
        1,
        len("[1]" + "key" + "content-type" + "application/json" + "tenant" + "x"),
    )


@pytest.mark.parametrize(
    ("slip", "said"),
    [
        ({"topic": None}, "a topic is a string"),
        ({"key": "text"}, "a key is bytes"),
        ({"body": "text"}, "a body is bytes"),
        ({"model": 5}, "model is a string"),
        ({"content_type": b"text/plain"}, "content-type is a string"),
        ({"headers": [("a", "b")]}, "headers are a mapping"),
        ({"timeout": "5"}, "a timeout is a number"),
        ({"timeout": None}, "a timeout is a number"),
        ({"retries": -1}, "retries are a whole number"),
        ({"retries": None}, "retries are a whole number"),
    ],
)
def test_a_slip_says_what_it_is(slip, said):
    how = {"topic": "topic", "body": b"", "timeout": 1} | slip

    with pytest.raises((TypeError, ValueError), match=said):
        request_of(ADDRESS, **how)
