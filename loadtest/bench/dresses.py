"""How requests are dressed: the key and the headers that they carry beside a body.

What a request carries costs more than a body of 64 bytes, so the relay is measured in three dresses:
bare, typical, full. Every request has a correlation id, by which its reply is known again.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from loadtest.wire import CONTENT_TYPE, CORRELATION_ID, REPLY_TO, TIMEOUT_MS, Header

_BINARY = np.dtype(">u8")
_OCTETS = (CONTENT_TYPE, b"application/octet-stream")
# Longer than any bench takes, so that each has a deadline and none is late.
_TIMEOUT = (TIMEOUT_MS, b"3600000")
# Keys come again, as those of customers do; stepping by a prime mixes their lengths.
_KEYS, _STEP = 1_000_000, 7_919
_TENANTS = 50


class Ids(NamedTuple):
    """Correlation ids of requests by their numbers, and back."""

    of: Callable[[int], bytes]
    numbers: Callable[[Sequence[bytes | None]], npt.NDArray[np.int64]]
    """-1 for what is no id of these."""


class Dress(NamedTuple):
    """What request `number` carries."""

    ids: Ids
    key: Callable[[int], bytes | None]
    others: Callable[[int], Sequence[Header]]
    """Its headers beside the correlation id."""

    def headers(self, number: int) -> list[Header]:
        """Return all headers of request `number`."""
        return [(CORRELATION_ID, self.ids.of(number)), *self.others(number)]


def _binary_id(number: int) -> bytes:
    return number.to_bytes(_BINARY.itemsize, "big")


def _binary_numbers(ids: Sequence[bytes | None]) -> npt.NDArray[np.int64]:
    fit = [each is not None and len(each) == _BINARY.itemsize for each in ids]
    numbers = np.full(len(ids), -1, np.int64)
    joined = b"".join([each for each in ids if each is not None and len(each) == _BINARY.itemsize])
    numbers[fit] = np.frombuffer(joined, _BINARY).astype(np.int64)
    return numbers


def _text_id(number: int) -> bytes:
    return b"%d" % number


def _text_numbers(ids: Sequence[bytes | None]) -> npt.NDArray[np.int64]:
    return np.array(
        [int(each) if each is not None and each.isdigit() else -1 for each in ids], np.int64
    )


def _no_key(_number: int) -> None:
    return None


def _key(number: int) -> bytes:
    return b"k%d" % (number * _STEP % _KEYS)


BINARY_IDS = Ids(_binary_id, _binary_numbers)
"""Eight bytes each."""
TEXT_IDS = Ids(_text_id, _text_numbers)
"""Decimal numbers, as long as they are."""


def bare(*headers: Header) -> Dress:
    """Return the dress of an id of eight bytes and of `headers`, without a key."""
    return Dress(BINARY_IDS, _no_key, lambda _number: headers)


TYPICAL = Dress(TEXT_IDS, _key, lambda _number: (_OCTETS, _TIMEOUT))
"""Keys and ids of varying lengths, what the body is, and a deadline for each."""


def full(reply_topics: Sequence[str]) -> Dress:
    """Return the typical dress, and a trace, two headers of others, and `reply_topics` by turns."""
    addresses = [(REPLY_TO, topic.encode()) for topic in reply_topics]

    def others(number: int) -> Sequence[Header]:
        return (
            _OCTETS,
            _TIMEOUT,
            addresses[number % len(addresses)],
            ("traceparent", b"00-%032x-%016x-01" % (number + 1, number + 1)),
            ("source", b"nightly-export"),
            ("tenant", b"tenant-%d" % (number % _TENANTS)),
        )

    return Dress(TEXT_IDS, _key, others)
