"""How an item of a job ends, and what that makes of the job. Pure.

Rule 1. An item has exactly one end: that of its first reply in the reply partition that it named.
Rule 2. Without a reply it is dead or missing only by evidence: all that came of its request lies in what has
  been read (`tidemill_client.ticket` reasons alike of a single request). A dead letter alone ends nothing:
  a request that may have killed a worker has an error reply too.
Rule 3. No job is just "completed": its state says whether all went well.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from daemon.values.errors import Code, Exit
from daemon.values.messages import SentHeader
from daemon.wire.headers import ERROR_CODE, STATUS
from daemon.wire.problem import detail_of
from daemon.wire.reply_headers import OK, SERVED_BY

FAILED = 1
"""The exit code of a job that is over and has failures."""


class End(StrEnum):
    """How an item ended."""

    OK = "ok"
    ERROR = "error"
    EXPIRED = "expired"
    DEAD = "dead"
    MISSING = "missing"
    CANCELLED = "cancelled"


class State(StrEnum):
    """How a job stands."""

    RUNNING = "running"
    COMPLETE = "complete"
    COMPLETE_WITH_FAILURES = "complete_with_failures"
    LATE = "late"
    CANCELLED = "cancelled"

    @property
    def exit_code(self) -> int:
        """With what a process that leaves the job like this ends, all of its items having ended."""
        return Exit.CLEAN if self is State.COMPLETE else FAILED


class Outcome(NamedTuple):
    """An end; `said`: who served a result, else the code of the failure. `detail` is for people."""

    end: End
    said: str
    detail: str = ""


UNSENT = Outcome(End.EXPIRED, Code.DEADLINE_EXCEEDED, "the deadline passed before it was sent")
MISSING = Outcome(
    End.MISSING,
    "missing",
    "the group is done with its request, and nothing that was read came of it",
)
CANCELLED = Outcome(
    End.CANCELLED,
    "cancelled",
    "nobody waits for it any more; if it was sent, it may be computed yet",
)


def outcome_of(headers: Sequence[SentHeader], body: bytes) -> Outcome:
    """Return what a reply with `headers` says of its item."""
    said = dict(headers)
    if said.get(STATUS) == OK[1]:
        return Outcome(End.OK, _text(said.get(SERVED_BY)))
    code = _text(said.get(ERROR_CODE))
    end = End.EXPIRED if code == Code.DEADLINE_EXCEEDED else End.ERROR
    return Outcome(end, code, detail_of(body))


def state_of(counts: Mapping[End, int], left: int, *, past_deadline: bool) -> State:
    """Return the state of a job of which `left` items have no end yet."""
    if counts.get(End.CANCELLED):
        return State.CANCELLED
    if past_deadline and (left or counts.get(End.EXPIRED)):
        return State.LATE
    if left:
        return State.RUNNING
    failures = sum(counts.values()) - counts.get(End.OK, 0)
    return State.COMPLETE_WITH_FAILURES if failures else State.COMPLETE


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace")
