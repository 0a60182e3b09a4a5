"""What is known of each request of a run, as columns. Pure."""

import math
from collections import Counter
from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
Flags: TypeAlias = npt.NDArray[np.bool_]
Counts: TypeAlias = npt.NDArray[np.int32]


class Outcome(IntEnum):
    """How a request ended: by its first reply, or by none."""

    NONE = 0
    RESULT = 1
    ERROR = 2
    EXPIRED = 3
    """An error reply with the code deadline_exceeded."""
    DEAD = 4
    """Found among the dead letters."""
    IN_FLIGHT = 5
    """Not answered when the run was interrupted, though it might have been in its time."""


class Records(NamedTuple):
    """Columns of equal length, one row a request, in the order they were planned.

    Times are seconds since the start of the run, NaN for what did not happen. `stream`: the index
    of the class; `choice`: its body; `bad`: cut short on purpose; `code`: index into Codes;
    `replies`: how many came; `checked`: one of them was compared with the golden answer; `wrong`: one
    was not it.
    """

    stream: Counts
    choice: Counts
    bad: Flags
    intended_s: Floats
    handed_s: Floats
    """When it was given to the producer, which sends it at once or after what is in flight."""
    acknowledged_s: Floats
    received_s: Floats
    """When its first reply was read."""
    outcome: npt.NDArray[np.uint8]
    code: npt.NDArray[np.uint8]
    replies: Counts
    checked: Flags
    wrong: Flags

    def rows(self, which: Flags | slice) -> "Records":
        """Return some of the rows."""
        return Records._make(column[which] for column in self)

    @property
    def latency_s(self) -> Floats:
        """From the time it was meant to leave to its first reply; NaN without one."""
        return self.received_s - self.intended_s

    @property
    def is_sent(self) -> Flags:
        """Whether the broker has it: it says so, or somebody answered."""
        return ~np.isnan(self.acknowledged_s) | ~np.isnan(self.received_s)

    @property
    def is_missing(self) -> Flags:
        """Whether nobody answered it, though the broker has it and there was time."""
        missing: Flags = (
            self.is_sent & np.isnan(self.received_s) & (self.outcome != Outcome.IN_FLIGHT)
        )
        return missing


def empty(size: int) -> Records:
    """Return rows of nothing."""
    return Records(
        stream=np.zeros(size, np.int32),
        choice=np.zeros(size, np.int32),
        bad=np.zeros(size, np.bool_),
        intended_s=np.full(size, np.nan),
        handed_s=np.full(size, np.nan),
        acknowledged_s=np.full(size, np.nan),
        received_s=np.full(size, np.nan),
        outcome=np.zeros(size, np.uint8),
        code=np.zeros(size, np.uint8),
        replies=np.zeros(size, np.int32),
        checked=np.zeros(size, np.bool_),
        wrong=np.zeros(size, np.bool_),
    )


class Account(NamedTuple):
    """What became of the requests of a run.

    lost: requests without any reply. repeated: further replies. wrong: requests with a result that
    is not the right one. unknown: replies to nothing that was sent. errors: by code, what was
    answered but not with a result.
    """

    sent: int
    lost: int
    repeated: int
    wrong: int
    unknown: int
    errors: Mapping[str, int] = MappingProxyType({})

    @property
    def exactly_once(self) -> bool:
        """Each request has one reply, the right one."""
        return not (self.lost or self.repeated or self.wrong or self.unknown or self.errors)

    def __str__(self) -> str:
        """For people."""
        if self.exactly_once:
            return f"{self.sent:,} answered once, rightly"
        errors = "".join(f", {code} {count:,}" for code, count in self.errors.items())
        return (
            f"of {self.sent:,}: {self.lost:,} lost, {self.repeated:,} repeated, "
            f"{self.wrong:,} wrong, {self.unknown:,} unknown{errors}"
        )


def nearest_rank(values: Floats, percent: float) -> float:
    """Return the smallest value that at least `percent` of them do not exceed: one that was measured.

    Raises ValueError without values or outside (0, 100].
    """
    if not len(values):
        raise ValueError("no percentile of no values")
    if not 0 < percent <= 100:  # noqa: PLR2004 - per cent
        raise ValueError(f"{percent} is not a percentage above 0")
    rank = math.ceil(len(values) * percent / 100)
    return float(np.partition(values, rank - 1)[rank - 1])


class Stages(NamedTuple):
    """What replies say of the time at the daemon's stations, of a sample of requests.

    `seconds` by station; NaN where a reply names no such station. All of shape (n,).
    """

    numbers: Counts
    seconds: dict[str, Floats]
    batch_rows: Counts
    """Rows that ran together; 0 where a reply does not say."""
    served_by: Counter[str]
    """What answered, by how many of these replies it sent."""
