"""Records what happens to each request. Pure: times are given.

Replies come in chunks; what can be done for a whole chunk is done by numpy.
"""

import math
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from loadtest.traffic.records import Counts, Flags, Floats, Outcome, Records, Stages, empty
from loadtest.traffic.stage_sample import StageSample
from loadtest.wire import CORRELATION_ID, DLQ_CODE, ERROR_CODE, OK, STATUS, Header

_EXPIRED = "deadline_exceeded"
_OK = OK.encode()
# More do not fit into the column `code`; the contract has fewer than twenty.
_MOST_CODES = 255
_OTHER = "other_code"
NO_STATUS = "no_status"
"""Stands for the code of a reply that does not say how its request ended."""
NO_CODE = "no_code"
"""Stands for the code of an error reply that has none."""


class Reply(Protocol):
    """A record of a reply topic."""

    @property
    def headers(self) -> Sequence[Header]:
        """Its headers."""

    @property
    def value(self) -> bytes | None:
        """Its body."""


IsRight = Callable[[int, int, bytes | None], bool | None]
"""Whether a reply is right, by stream, body number and reply body; None where that is not known."""


OnReply = Callable[[int, Reply], None]
"""Is shown a reply with the number of its request."""


def correlation(run: str, number: int) -> bytes:
    """Return the correlation id of a request of a run."""
    return b"%s-%d" % (run.encode(), number)


class Recorder:
    """The book of a run. Numbers count requests over all streams."""

    def __init__(
        self,
        run: str,
        planned: int,
        is_right: IsRight | None = None,
        on_reply: OnReply | None = None,
    ) -> None:
        """Begin an empty book.

        Args:
            run: begins every correlation id, so that no other run's replies count here.
            planned: how many requests are planned; more may follow.
            is_right: None when no answer is known.
            on_reply: shown every reply to this run, repeats included, for what the book does not
                keep.
        """
        self.run = run
        self._prefix = f"{run}-".encode()
        self._rows = empty(max(planned, 1))
        self._is_right = is_right
        self._on_reply = on_reply
        self._sample = StageSample(planned)
        self._recent: list[Floats] = []
        self.codes = [_OTHER]
        """Error codes by their number in the column `code`."""
        self.claimed = 0
        """Requests that are planned by now."""
        self.handed = 0
        self.answered = 0
        """Requests with at least one reply."""
        self.failures = 0
        """Requests whose first reply was no result."""
        self.foreign = 0
        """Replies to nothing of this run."""
        self.failed_sends: list[str] = []
        """Why the broker did not take some requests."""

    @property
    def open(self) -> int:
        """Requests that were sent and have no reply yet."""
        return self.handed - self.answered

    def correlation(self, number: int) -> bytes:
        """Return the correlation id of a request."""
        return b"%s%d" % (self._prefix, number)

    def claim(self, stream: int, intended_s: Floats, choices: Counts, bad: Flags) -> int:
        """Plan requests of a stream; return the number of the first, the others follow."""
        first, after = self.claimed, self.claimed + len(intended_s)
        if after > len(self._rows.stream):
            self._grow(after)
        here = slice(first, after)
        self._rows.stream[here] = stream
        self._rows.intended_s[here] = intended_s
        self._rows.choice[here] = choices
        self._rows.bad[here] = bad
        self.claimed = after
        return first

    def hand(self, numbers: Counts | slice, at_s: float) -> None:
        """The producer was given requests."""
        self._rows.handed_s[numbers] = at_s
        self.handed += len(self._rows.handed_s[numbers])

    def acknowledge(self, numbers: Counts | slice, at_s: float) -> None:
        """The broker has requests."""
        self._rows.acknowledged_s[numbers] = at_s

    def fail(self, numbers: Counts | slice, why: str) -> None:
        """The broker did not take requests: nobody can answer them."""
        self._rows.handed_s[numbers] = math.nan
        self.handed -= len(self._rows.handed_s[numbers])
        self.failed_sends.append(why)

    def interrupt(self, since_s: float) -> None:
        """The run ends early: nobody knows what became of requests meant to leave after this time."""
        rows = self.records()
        is_open = np.isnan(rows.received_s) & (rows.intended_s > since_s)
        rows.outcome[is_open] = Outcome.IN_FLIGHT

    def receive(self, replies: Sequence[Reply], at_s: float) -> Counts:
        """Enter replies that were read at this time; return the numbers answered for the first time."""
        numbers, outcomes, codes = self._read(replies)
        if not numbers:
            return np.zeros(0, np.int32)
        where = np.array(numbers, np.int32)
        np.add.at(self._rows.replies, where, 1)
        firsts = np.unique(where, return_index=True)[1]
        new = firsts[np.isnan(self._rows.received_s[where[firsts]])]
        fresh: Counts = where[new]
        self._rows.received_s[fresh] = at_s
        self._rows.outcome[fresh] = np.array(outcomes)[new]
        self._rows.code[fresh] = np.array(codes)[new]
        self.answered += len(fresh)
        self.failures += int(np.count_nonzero(self._rows.outcome[fresh] != Outcome.RESULT))
        self._recent.append(at_s - self._rows.intended_s[fresh])
        return fresh

    def recent(self) -> Floats:
        """Return the latencies of all first replies since the last call."""
        recent, self._recent = self._recent, []
        return np.concatenate(recent) if recent else np.zeros(0)

    def streams_of(self, numbers: Counts) -> Counts:
        """Return the stream of each request."""
        return self._rows.stream[numbers]

    def choices_of(self, numbers: Counts | slice) -> Counts:
        """Return the body number of each request."""
        return self._rows.choice[numbers]

    def bad_of(self, numbers: Counts | slice) -> Flags:
        """Return which requests are cut short."""
        return self._rows.bad[numbers]

    def records(self) -> Records:
        """Return what is known by now."""
        return self._rows.rows(slice(0, self.claimed))

    def stages(self) -> Stages:
        """Return what a sample of the replies says of the daemon's stations."""
        return self._sample.stages()

    def _read(self, replies: Sequence[Reply]) -> tuple[list[int], list[int], list[int]]:
        """Return numbers, outcomes and codes of the replies that are ours."""
        numbers, outcomes, codes = [], [], []
        prefix, start, stride = self._prefix, len(self._prefix), self._sample.stride
        claimed = self.claimed
        for reply in replies:
            headers = dict(reply.headers)
            identity = headers.get(CORRELATION_ID)
            number = -1
            if identity is not None and identity.startswith(prefix) and identity[start:].isdigit():
                number = int(identity[start:])
            if not 0 <= number < claimed:
                self.foreign += 1
                continue
            if self._on_reply is not None:
                self._on_reply(number, reply)
            if headers.get(STATUS) == _OK:
                outcome, code = int(Outcome.RESULT), 0
                if self._is_right is not None:
                    self._check(number, reply.value)
                if number % stride == 0:
                    self._sample.add(number, headers)
            else:
                outcome, code = self._failure(headers)
            numbers.append(number)
            outcomes.append(outcome)
            codes.append(code)
        return numbers, outcomes, codes

    def _check(self, number: int, body: bytes | None) -> None:
        rows = self._rows
        if self._is_right is None or rows.bad[number]:
            return
        is_right = self._is_right(int(rows.stream[number]), int(rows.choice[number]), body)
        if is_right is not None:
            rows.checked[number] = True
            rows.wrong[number] |= not is_right

    def _failure(self, headers: dict[str, bytes]) -> tuple[int, int]:
        dead = headers.get(DLQ_CODE)
        said = dead or headers.get(ERROR_CODE)
        unsaid = NO_CODE if STATUS in headers or dead is not None else NO_STATUS
        code = said.decode(errors="replace") if said else unsaid
        if code not in self.codes and len(self.codes) < _MOST_CODES:
            self.codes.append(code)
        number = self.codes.index(code) if code in self.codes else 0
        if dead is not None:
            return Outcome.DEAD, number
        return (Outcome.EXPIRED if code == _EXPIRED else Outcome.ERROR), number

    def _grow(self, least: int) -> None:
        more = empty(max(least, 2 * len(self._rows.stream)) - len(self._rows.stream))
        pairs = zip(self._rows, more, strict=True)
        self._rows = Records._make(np.concatenate([had, new]) for had, new in pairs)
