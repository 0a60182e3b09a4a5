"""Answers that say what is wrong: error replies and dead letters.

daemon.answering.undeliverable makes those of answers that cannot leave as they are.
"""

from collections.abc import Callable
from typing import NamedTuple

from msgspec import structs

from config.settings import DeadLetters
from daemon.answering.dead_letters import dead_letter
from daemon.values.errors import Code, RequestRefused
from daemon.values.ledger import Ledger
from daemon.values.messages import Answer, Header, Record, ReplyAddress, Request
from daemon.values.outgoing import header_lists
from daemon.wire.cloud_events import ReplyEvents
from daemon.wire.problem import problem
from daemon.wire.reply_headers import echo, error_headers, reply_headers


class Requester(NamedTuple):
    """Who waits for the reply to a request: where, and by what it is recognised there."""

    address: ReplyAddress
    correlation: Header | None
    traceparent: bytes | None
    tracestate: bytes | None
    passed: tuple[Header, ...] = ()


class ErrorAnswers:
    """Makes the answers to records that have no result."""

    def __init__(
        self,
        dead_letters: DeadLetters,
        events: ReplyEvents,
        *,
        most_bytes: int,
        span_ids: Callable[[], int],
    ) -> None:
        """`most_bytes`: what key and body of a reply may take."""
        self._dead_letters = dead_letters
        self.events = events
        self._most_bytes = most_bytes
        self._span_ids = span_ids

    def reply(self, request: Request, code: Code, detail: str) -> Answer:
        """Return the error reply to an admitted request."""
        requester = Requester(
            ReplyAddress(request.reply_topic, request.reply_partition),
            request.correlation,
            request.traceparent,
            request.tracestate,
            request.passed,
        )
        return self.refusal(
            request.record,
            request.ledger,
            request.bucket.lane,
            requester,
            RequestRefused(code, detail),
            request.cost_bytes - request.prepared_bytes,
            request.prepared_bytes,
        )

    def refusal(
        self,
        record: Record,
        ledger: Ledger,
        lane: str,
        requester: Requester,
        refused: RequestRefused,
        cost_bytes: int,
        prepared_bytes: int = 0,
    ) -> Answer:
        """Return the error reply to a record; a key too large to be echoed is left out."""
        code = refused.code
        echoed = echo(
            record,
            requester.correlation,
            requester.traceparent,
            requester.tracestate,
            requester.passed,
        )
        event = self.events.of_errors(lane)
        columns = reply_headers(echoed, error_headers(code), None, self._span_ids, event)
        (headers,) = header_lists(columns, 1)
        body = problem(code, refused.detail)
        key = record.key
        if key is not None and len(key) + len(body) > self._most_bytes:
            key = None
        return Answer(
            record=record,
            ledger=ledger,
            lane=lane,
            code=code,
            dead=False,
            topic=requester.address.topic,
            partition=requester.address.partition,
            key=key,
            value=body,
            headers=headers,
            cost_bytes=cost_bytes,
            prepared_bytes=prepared_bytes,
        )

    def dead(
        self,
        record: Record,
        ledger: Ledger,
        lane: str,
        code: Code,
        detail: str,
        *,
        cost_bytes: int,
    ) -> Answer:
        """Return the dead letter of a record that cannot be answered."""
        key, value, headers = dead_letter(
            record, code, detail, most_bytes=self._dead_letters.max_bytes
        )
        return Answer(
            record=record,
            ledger=ledger,
            lane=lane,
            code=code,
            dead=True,
            topic=self._dead_letters.topic,
            partition=None,
            key=key,
            value=value,
            headers=headers,
            cost_bytes=cost_bytes,
        )

    def kept(
        self,
        record: Record,
        ledger: Ledger,
        lane: str,
        requester: Requester,
        refused: RequestRefused,
        cost_bytes: int,
    ) -> Answer:
        """Return the dead letter of a record, and then its error reply."""
        code, detail = refused.code, refused.detail
        letter = self.dead(record, ledger, lane, code, detail, cost_bytes=cost_bytes)
        reply = self.refusal(record, ledger, lane, requester, refused, cost_bytes)
        return structs.replace(letter, then=reply)
