"""The checker: was every request answered, once, rightly, by the log of replies? Pure.

It knows what a load test does not ask: whether repeats name the same request, and every code.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple

from loadtest.wire import (
    CORRELATION_ID,
    DLQ_CODE,
    DLQ_OFFSET,
    DLQ_PARTITION,
    DLQ_TOPIC,
    ERROR_CODE,
    OK,
    REQUEST_ID,
    STATUS,
    Header,
)

DEAD = "dead"
"""A reply's status that is ours, for what was found among the dead letters."""


class Reply(NamedTuple):
    """What came back for a request, from a reply topic or the dead letters.

    `status` is ok, error or dead; `code` says why it is not ok; `request_id` is
    topic/partition/offset of the request, the same on every repeat.
    """

    correlation: bytes | None
    status: str
    code: str
    request_id: str
    body: bytes | None
    headers: dict[str, bytes]
    received_s: float


def read_reply(headers: Iterable[Header], body: bytes | None, received_s: float) -> Reply:
    """Return the reply that a record of a reply topic or dead-letter topic carries."""
    found = dict(headers)
    if DLQ_CODE in found:
        position = (found.get(name, b"?") for name in (DLQ_TOPIC, DLQ_PARTITION, DLQ_OFFSET))
        status, code = DEAD, found[DLQ_CODE].decode()
        request_id = b"/".join(position).decode()
    else:
        status, code = found.get(STATUS, b"").decode(), found.get(ERROR_CODE, b"").decode()
        request_id = found.get(REQUEST_ID, b"").decode()
    correlation = found.get(CORRELATION_ID)
    return Reply(correlation, status, code, request_id, body, found, received_s)


IsRight = Callable[[Reply], bool]
"""Whether a reply is the right one for its correlation id."""


def is_result(reply: Reply) -> bool:
    """Whether it is a result, whatever it says."""
    return reply.status == OK


class Verdict(NamedTuple):
    """What the checker found; `codes` counts everything that was answered but not with a result.

    lost: ids without any reply. repeated: further replies by id, the first not counted. moved: ids
    whose repeats name another request-id, so that a reader could not drop them. wrong: ids with a
    reply that is not right. unknown: replies to nothing that was sent.
    """

    sent: int
    answered: int
    codes: Counter[str]
    lost: list[bytes]
    repeated: Counter[bytes]
    moved: list[bytes]
    wrong: list[bytes]
    unknown: list[Reply]

    @property
    def at_least_once(self) -> bool:
        """Nothing lost, nothing wrong; repeats only of the same request-id."""
        return not (self.lost or self.moved or self.wrong or self.unknown)

    @property
    def exactly_once(self) -> bool:
        """At least once, and without any repeat."""
        return self.at_least_once and not self.repeated


class Checker:
    """Follows unique correlation ids from request to reply."""

    def __init__(self, is_right: IsRight = is_result) -> None:
        """Start with nothing sent; by default every result is right and nothing else is."""
        self._is_right = is_right
        self._sent: set[bytes] = set()
        self._request_ids: dict[bytes, str] = {}
        self._codes: Counter[str] = Counter()
        self._repeated: Counter[bytes] = Counter()
        self._moved: set[bytes] = set()
        self._wrong: set[bytes] = set()
        self._unknown: list[Reply] = []

    @property
    def open(self) -> int:
        """How many requests still wait for a first reply."""
        return len(self._sent) - len(self._request_ids)

    def sent(self, correlation: bytes) -> None:
        """Expect a reply to `correlation`; raises ValueError when it was sent before."""
        if correlation in self._sent:
            raise ValueError(f"{correlation!r} is not unique")
        self._sent.add(correlation)

    def received(self, replies: Iterable[Reply]) -> None:
        """Enter replies in any order, repeats included."""
        for reply in replies:
            correlation = reply.correlation
            if correlation is None or correlation not in self._sent:
                self._unknown.append(reply)
                continue
            if correlation not in self._request_ids:
                self._request_ids[correlation] = reply.request_id
                if reply.status != OK:
                    self._codes[reply.code] += 1
            else:
                self._repeated[correlation] += 1
                if reply.request_id != self._request_ids[correlation]:
                    self._moved.add(correlation)
            if not self._is_right(reply):
                self._wrong.add(correlation)

    def verdict(self) -> Verdict:
        """Return what was found so far."""
        return Verdict(
            sent=len(self._sent),
            answered=len(self._request_ids),
            codes=self._codes.copy(),
            lost=sorted(self._sent - self._request_ids.keys()),
            repeated=self._repeated.copy(),
            moved=sorted(self._moved),
            wrong=sorted(self._wrong),
            unknown=list(self._unknown),
        )
