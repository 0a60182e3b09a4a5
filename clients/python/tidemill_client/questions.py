"""Questions that wait for their replies: which reply is whose, and what all others are.

Rule 1: the first reply to a question is its answer.
Rule 2: a question ends once: by a reply, by its time, by a refusal, or because nobody waits any more.
Rule 3: what is not for this instance costs a look at one header.
"""

import asyncio
import itertools
import secrets
from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec

from tidemill_client.errors import Closed
from tidemill_client.outgoing import Outgoing
from tidemill_client.reply import Reply
from tidemill_client.request_headers import CORRELATION

_PREFIX_BYTES = 8
_NUMBER_BYTES = 8
_REMEMBERED = 10_000
"""Of so many questions that were given up it is known that a reply to them is late."""


class Record(Protocol):
    """What is read from the reply topic."""

    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


class Counts(msgspec.Struct):
    """What became of questions, and of what the reply partition holds; since the client was opened."""

    asked: int = 0
    answered: int = 0
    """Results and errors."""
    foreign: int = 0
    """Replies to others: other clients share the partition, or tickets are answered there."""
    repeated: int = 0
    """Replies to what was answered already."""
    late: int = 0
    """Replies to what nobody waited for any more."""
    unreadable: int = 0
    """Records that the Kafka client could not read and that were stepped over."""


class Questions:
    """All questions of one client that are open."""

    def __init__(self, reply_topic: str, grace_s: float) -> None:
        """`grace_s`: how much longer than its timeout a question waits to hear that it expired."""
        self.counts = Counts()
        self.problem = ""
        """Why replies cannot be read at the moment."""
        self._reply_topic = reply_topic
        self._grace_s = grace_s
        self._prefix = secrets.token_bytes(_PREFIX_BYTES)
        self._numbers = itertools.count()
        self._open: dict[bytes, tuple[Outgoing, asyncio.TimerHandle]] = {}
        self._given_up: dict[bytes, None] = {}

    def __len__(self) -> int:
        return len(self._open)

    def new_correlation(self) -> bytes:
        """Return what tells a question from all others, of this instance and of all others."""
        return self._prefix + next(self._numbers).to_bytes(_NUMBER_BYTES, "big")

    def open(self, correlation: bytes, question: Outgoing, timeout_s: float) -> None:
        """Wait for a reply to `question`, `timeout_s` and the grace long."""
        loop = asyncio.get_running_loop()
        timer = loop.call_later(timeout_s + self._grace_s, self._give_up, correlation, timeout_s)
        self._open[correlation] = (question, timer)
        self.counts.asked += 1

    def drop(self, correlation: bytes) -> None:
        """Wait no longer for a question, if it is still open."""
        found = self._open.pop(correlation, None)
        if found is not None:
            found[1].cancel()
            self._remember(correlation)

    def close(self, error: Closed) -> None:
        """End all questions."""
        for correlation in list(self._open):
            self._open[correlation][0].refuse(error)
            self.drop(correlation)

    def receive(self, records: Iterable[Record]) -> None:
        """Give each reply to the question that it answers."""
        prefix = self._prefix
        for record in records:
            for name, correlation in record.headers:
                if name == CORRELATION and correlation and correlation.startswith(prefix):
                    self._answer(correlation, record)
                    break
            else:
                self.counts.foreign += 1

    def _answer(self, correlation: bytes, record: Record) -> None:
        found = self._open.pop(correlation, None)
        if found is None:
            self._count_surplus(correlation)
            return
        question, timer = found
        timer.cancel()
        if question.future.done():  # cancelled, and its task has not run since
            self.counts.late += 1
            return
        self.counts.answered += 1
        headers = tuple((name, value) for name, value in record.headers if value is not None)
        question.future.set_result(Reply(record.value or b"", headers, record.key))

    def _count_surplus(self, correlation: bytes) -> None:
        if correlation in self._given_up:
            del self._given_up[correlation]
            self.counts.late += 1
        else:
            self.counts.repeated += 1

    def _give_up(self, correlation: bytes, timeout_s: float) -> None:
        question, _ = self._open.pop(correlation)
        self._remember(correlation)
        doubt = f": {self.problem}" if self.problem else ""
        if question.place is not None and not doubt:
            doubt = f": does a worker serve it, and admit replies to {self._reply_topic}?"
        question.refuse(
            question.silence(f"{timeout_s:g} s and {self._grace_s:g} s of grace", doubt)
        )

    def _remember(self, correlation: bytes) -> None:
        self._given_up[correlation] = None
        if len(self._given_up) > _REMEMBERED:
            del self._given_up[next(iter(self._given_up))]
