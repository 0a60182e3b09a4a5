import math
import struct

import pytest

from daemon.wire.headers import REQUEST_HEADERS
from tidemill_client import request_headers

_A_CALLERS = {
    *("traceparent", "tracestate", "inference-header-content-length"),
    *("job-id", "item-id", "ce_id"),
}
"""What the client never sets, and a caller may."""


def test_replies_are_asked_for_where_they_are_read():
    headers = dict(request_headers.address("replies", 7))

    assert headers == {"reply-to": b"replies", "kafka_replyPartition": struct.pack(">i", 7)}


def test_a_request_says_how_long_it_may_take_and_until_when():
    assert request_headers.lifetime(1.5, wall_ms=1_000_000) == [
        ("timeout-ms", b"1500"),
        ("deadline", b"1001500"),
    ]


def test_no_lifetime_is_rounded_to_nothing():
    assert request_headers.lifetime(0.0001, wall_ms=5)[0] == ("timeout-ms", b"1")


@pytest.mark.parametrize("timeout_s", [0, -1, math.inf, math.nan])
def test_nobody_waits_for_ever(timeout_s):
    with pytest.raises(ValueError, match="timeout"):
        request_headers.checked_timeout(timeout_s)


def test_text_and_bytes_go_along():
    given = {"traceparent": "00-ab", "tenant": b"\x00"}

    assert request_headers.described("text/plain", "m", given) == [
        ("content-type", b"text/plain"),
        ("model", b"m"),
        ("traceparent", b"00-ab"),
        ("tenant", b"\x00"),
    ]


@pytest.mark.parametrize("name", sorted(REQUEST_HEADERS - _A_CALLERS))
def test_what_the_client_sets_cannot_be_given_twice(name):
    """The daemon would refuse it."""
    with pytest.raises(ValueError, match=name):
        request_headers.described(None, None, {name: b""})


@pytest.mark.parametrize("given", [{"a": 1}, {1: b""}, {"a": None}])
def test_what_is_no_header_is_refused_before_it_meets_others(given):
    with pytest.raises(TypeError):
        request_headers.described(None, None, given)


@pytest.mark.parametrize("given", [{"\udcff": b""}, {"a": "\udcff"}])
def test_what_is_no_utf_8_is_refused_before_it_meets_others(given):
    with pytest.raises(ValueError, match="utf-8"):
        request_headers.described(None, None, given)
