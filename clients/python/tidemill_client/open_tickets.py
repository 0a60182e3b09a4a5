"""Tickets that have no end yet, of one reply partition. Pure.

Rule 1: the first reply to a ticket is its end.
Rule 2: one without a reply ends as soon as it is certain that none will come, or that this cannot be
learned (ticket.py).
Rule 3: what is left has no end so far.
"""

from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from typing import NamedTuple

import msgspec

from tidemill_client.errors import NotYet, TidemillError, error_of
from tidemill_client.reply import Record, Reply
from tidemill_client.request_headers import CORRELATION
from tidemill_client.ticket import Committed, Ticket, unanswered


class Collected(msgspec.Struct, frozen=True):
    """What became of one ticket: a reply, or why there is none."""

    ticket: Ticket
    reply: Reply | None
    error: TidemillError | None

    def result(self) -> Reply:
        """Return the reply; raises TidemillError where there is none."""
        if self.reply is None:
            raise self.error or NotYet("not_yet", "nobody has looked")
        return self.reply


class Requests(NamedTuple):
    """A partition of requests, and the group that serves it."""

    group: str
    topic: str
    partition: int


class OpenTickets:
    """Each of them ends once; what was given twice ends twice."""

    def __init__(self, tickets: Iterable[Ticket]) -> None:
        """There is at least one."""
        self._open: dict[bytes, list[Ticket]] = {}
        self._by_requests: dict[Requests, list[Ticket]] = {}
        """Those that may end without a reply, the latest first."""
        for ticket in tickets:
            self._open.setdefault(_correlation(ticket), []).append(ticket)
            self._by_requests.setdefault(requests_of(ticket), []).append(ticket)
        for each in self._by_requests.values():
            each.sort(key=lambda ticket: ticket.offset, reverse=True)
        self.reply_from = min(ticket.reply_from for ticket in self._tickets())
        """All their replies are there or behind it."""

    def __bool__(self) -> bool:
        return bool(self._open)

    def by_group(self) -> dict[str, list[Requests]]:
        """Return where requests are, by the group that serves them."""
        groups: dict[str, list[Requests]] = {}
        for requests in self._by_requests:
            groups.setdefault(requests.group, []).append(requests)
        return groups

    def answered(self, records: Iterable[Record]) -> list[Collected]:
        """Return which of them end by `records`."""
        ends: list[Collected] = []
        for record in records:
            for name, correlation in record.headers:
                if name == CORRELATION and correlation in self._open:
                    reply = Reply(record.value or b"", record.headers, record.key)
                    ends += [_end(ticket, reply) for ticket in self._open.pop(correlation)]
        return ends

    def unanswered(
        self, committed: Mapping[Requests, Committed], *, first: int | None
    ) -> list[Collected]:
        """Return which of them end without a reply; what is given is as in ticket.py."""
        ends: list[Collected] = []
        for requests, tickets in [*self._by_requests.items()]:
            told = committed.get(requests)
            while tickets:
                end = unanswered(tickets[-1], told, first=first)
                if isinstance(end, NotYet):
                    break
                same = self._open.pop(_correlation(tickets.pop()), ())
                ends += [Collected(ticket, None, end) for ticket in same]
            if not tickets:
                del self._by_requests[requests]
        return ends

    def left(self, why: Callable[[Ticket], TidemillError]) -> list[Collected]:
        """End all that are left, each for a reason of its own."""
        ends = [Collected(ticket, None, why(ticket)) for ticket in self._tickets()]
        self._open.clear()
        self._by_requests.clear()
        return ends

    def _tickets(self) -> Iterable[Ticket]:
        return chain.from_iterable(self._open.values())


def requests_of(ticket: Ticket) -> Requests:
    """Return where the request of `ticket` is."""
    return Requests(ticket.group, ticket.topic, ticket.partition)


def _correlation(ticket: Ticket) -> bytes:
    return bytes.fromhex(ticket.correlation)


def _end(ticket: Ticket, reply: Reply) -> Collected:
    error = error_of(reply)
    return Collected(ticket, reply if error is None else None, error)
