"""What is asked, checked before it meets others: what cannot be a request must not fail their batch. Pure."""

from typing import NamedTuple

from tidemill_client.bodies import Body, encoded
from tidemill_client.request_headers import Given, Headers, checked_timeout, described

RETRIES = 2
"""A guess: what the daemon calls retriable is over by the third try, or lasts."""


class Request(NamedTuple):
    """What is asked, as often as it takes."""

    topic: str
    body: bytes
    headers: Headers
    """All but those of each try."""
    key: bytes | None
    timeout_s: float
    retries: int
    size_bytes: int
    """Of what the caller gave: body, key and headers."""


def request_of(
    address: Headers,
    topic: str,
    body: Body,
    *,
    timeout: float,
    retries: int = RETRIES,
    key: bytes | None = None,
    model: str | None = None,
    content_type: str | None = None,
    headers: Given | None = None,
) -> Request:
    """Return what is asked, with replies to `address`; raises TypeError, ValueError."""
    if not isinstance(topic, str) or not isinstance(key, bytes | None):  # type: ignore[redundant-expr] # callers may be untyped
        raise TypeError(f"a topic is a string and a key is bytes, not {topic!r} and {key!r}")
    if not isinstance(retries, int) or retries < 0:  # type: ignore[redundant-expr] # the same
        raise ValueError(f"retries are a whole number from 0 on, not {retries!r}")
    encoded_body, form = encoded(body, content_type)
    size_bytes = len(encoded_body) + len(key or b"")
    own = described(form, model, headers)
    if own:
        size_bytes += sum(len(name) + len(value) for name, value in own)
    return Request(
        topic,
        encoded_body,
        address + own,
        key,
        checked_timeout(timeout),
        retries,
        size_bytes,
    )
