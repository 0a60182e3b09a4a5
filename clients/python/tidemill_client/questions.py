"""Questions that wait for their replies: which reply is whose, and what all others are.

Rule 1: the first reply to a question is its answer.
Rule 2: a question ends once: by a reply, by its time, by a refusal, or because nobody waits any more.
Rule 3: what is not for this instance costs a look at one header.
Rule 4: questions end in ticks of 50 ms. A timer for each took a seventh of the time of asking.
"""

import asyncio
import itertools
import secrets
from collections.abc import Iterable

import msgspec

from tidemill_client.errors import Closed, error_of
from tidemill_client.outgoing import Outgoing
from tidemill_client.reply import Record, Reply
from tidemill_client.request_headers import CORRELATION

_PREFIX_BYTES = 8
_NUMBER_BYTES = 8
_TICK_S = 0.05
"""How late a question may be told that its time is over; a guess, in which a thousand others are told too."""
_REMEMBERED = 10_000
"""Of so many questions that were given up it is known that a reply to them is late."""


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
        self._open: dict[bytes, tuple[Outgoing, int]] = {}
        """Questions by correlation, with the tick in which they end."""
        self._ends: dict[int, set[bytes]] = {}
        """Correlations by that tick."""
        self._loop = asyncio.get_running_loop()
        self._tick = 0
        """The last one that was looked at."""
        self._timer: asyncio.TimerHandle | None = None
        self._given_up: dict[bytes, None] = {}

    def __len__(self) -> int:
        return len(self._open)

    def new_correlation(self) -> bytes:
        """Return what tells a question from all others, of this instance and of all others."""
        return self._prefix + next(self._numbers).to_bytes(_NUMBER_BYTES, "big")

    def open(self, question: Outgoing) -> None:
        """Wait for a reply to `question`, as long as it may take and the grace."""
        correlation = question.correlation
        tick = int((question.latest_s + self._grace_s) / _TICK_S) + 1
        self._open[correlation] = (question, tick)
        ends = self._ends.get(tick)
        if ends is None:
            self._ends[tick] = {correlation}
        else:
            ends.add(correlation)
        if self._timer is None:
            self._tick = int(self._loop.time() / _TICK_S)
            self._timer = self._loop.call_later(_TICK_S, self._look)
        self.counts.asked += 1

    def drop(self, question: Outgoing) -> None:
        """Wait no longer for `question`, if it is still open."""
        if self._take(question.correlation) is not None:
            self._remember(question.correlation)

    def close(self, error: Closed) -> None:
        """End all questions."""
        for question, _ in [*self._open.values()]:
            question.refuse(error)
            self.drop(question)
        if self._timer is not None:
            self._timer.cancel()

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
        question = self._take(correlation)
        if question is None:
            self._count_surplus(correlation)
        elif question.future.done():  # cancelled, and its task has not run since
            self.counts.late += 1
        else:
            self.counts.answered += 1
            reply = Reply(record.value or b"", record.headers, record.key)
            error = error_of(reply)
            if error is None:
                question.future.set_result(reply)
            else:
                question.future.set_exception(error)

    def _take(self, correlation: bytes) -> Outgoing | None:
        """Return the question that is open, which it is no more."""
        found = self._open.pop(correlation, None)
        if found is None:
            return None
        question, tick = found
        ends = self._ends[tick]
        ends.discard(correlation)
        if not ends:
            del self._ends[tick]
        return question

    def _count_surplus(self, correlation: bytes) -> None:
        if correlation in self._given_up:
            del self._given_up[correlation]
            self.counts.late += 1
        else:
            self.counts.repeated += 1

    def _look(self) -> None:
        """Give up what has ended; look again as long as anything is open."""
        self._timer = None
        now = int(self._loop.time() / _TICK_S)
        for tick in range(self._tick + 1, now + 1):
            for correlation in [*self._ends.get(tick, ())]:
                self._give_up(correlation)
        self._tick = now
        if self._open:
            self._timer = self._loop.call_later(_TICK_S, self._look)

    def _give_up(self, correlation: bytes) -> None:
        question = self._take(correlation)
        if question is None:
            return
        self._remember(correlation)
        doubt = f": {self.problem}" if self.problem else ""
        if question.place is not None and not doubt:
            doubt = f": does a worker serve it, and admit replies to {self._reply_topic}?"
        waited = f"{round(question.timeout_s, 3):g} s and {self._grace_s:g} s of grace"
        question.refuse(question.silence(waited, doubt))

    def _remember(self, correlation: bytes) -> None:
        self._given_up[correlation] = None
        if len(self._given_up) > _REMEMBERED:
            del self._given_up[next(iter(self._given_up))]
