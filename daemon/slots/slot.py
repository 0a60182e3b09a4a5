"""What a slot is, what is done to it, how its worker ends, and how long it pauses then. Pure."""

from dataclasses import dataclass
from enum import StrEnum
from math import inf
from typing import NamedTuple

_FIRST_S = 1.0
"""Small against a start; a static member is back within `kafka.session_timeout`."""
_LONGEST_S = 60.0
"""Kubernetes' CrashLoopBackOff goes to 5 min; a backlog should not wait that long for a cure."""
_PROVEN_S = 5.0
"""Who served this long has not failed on its first batch."""

_GIVES_WAY = 3
"""Failures in a row, 7 s of pauses, after which another free slot is tried before this one."""


class Backoff:
    """Pauses of 1, 2, 4 ... 60 s.

    The pauses begin anew once a worker has served longer than was waited for it: starting it was
    worth it.
    """

    __slots__ = ("_failures", "_gave_up", "_pause_s", "until_s")

    def __init__(self) -> None:
        self._failures = 0
        self._gave_up = False
        self._pause_s = 0.0
        self.until_s = float("-inf")
        """When the slot may start a worker."""

    @property
    def gives_way(self) -> bool:
        """Whether another slot may do better; where one gave up, all would."""
        return self._failures >= _GIVES_WAY and not self._gave_up

    def excused(self) -> None:
        """The host is not to blame: the slot may start at once, and its failures are forgotten.

        Not so when one of them gave up: the same search would be begun for ever without a longer pause.
        """
        self.until_s = -inf
        if not self._gave_up:
            self._failures, self._pause_s = 0, 0.0

    def failed(self, served_s: float, now: float, *, gave_up: bool = False) -> float:
        """A worker ended unasked after it had served so long; return the pause, in seconds.

        `gave_up`: it said that a further one can do no better.
        """
        worth_it = served_s >= max(_PROVEN_S, self._pause_s)
        self._failures = 1 if worth_it else self._failures + 1
        self._gave_up = gave_up or (self._gave_up and not worth_it)
        self._pause_s = min(_FIRST_S * 2.0 ** min(self._failures - 1, 30), _LONGEST_S)
        self.until_s = now + self._pause_s
        return self._pause_s


class SlotState(StrEnum):
    """What a slot's worker does; its value is the label `state` of the metric."""

    EMPTY = "empty"
    STARTING = "starting"
    SERVING = "serving"
    UNREADY = "unready"
    """Shown instead of SERVING, never entered: the worker says that it does not serve at present."""
    DRAINING = "draining"
    BACKING_OFF = "backing_off"
    CLOSED = "closed"


_ALIVE = frozenset({SlotState.STARTING, SlotState.SERVING, SlotState.DRAINING})


class Cause(StrEnum):
    """Why a worker ended; all but ASKED are a label of the metric of restarts."""

    ASKED = "asked"
    EXITED = "exited"
    KILLED = "killed"
    HUNG = "hung"
    ISOLATED = "isolated"
    """Of a request that may kill it, while nothing else ran: the next one goes on with the search."""
    UNREADY = "unready"


class Do(StrEnum):
    """What is done to a slot's process."""

    START = "start"
    DRAIN = "drain"
    HAND_BACK = "hand back"
    """A drain that leaves what is not due to those who come after."""
    ABORT = "abort"
    KILL = "kill"


class Action(NamedTuple):
    """One thing to do at once, and why, for a person."""

    do: Do
    slot: int
    reason: str


class Patience(NamedTuple):
    """How long a worker may take to become ready, be silent while it serves, and drain."""

    start_s: float
    heartbeat_s: float
    drain_s: float


class End(NamedTuple):
    """How a slot's process ended; `code` is negative for a signal, `pause_s` what is waited now."""

    slot: int
    code: int
    cause: Cause
    pause_s: float


@dataclass(slots=True)
class Slot:
    """One slot, as others may look at it.

    `revision` counts the settings that its worker, or its last one, was started with. `replacing`:
    that worker is being exchanged for one with newer settings, and its place is kept.
    `failed_revision` is that of its last worker that ended before it served, `served_revision` that of
    its last that served; 0: none did. `unready`: why the worker says that it does not serve at
    present, though it did; "": it does. `isolating`: what it runs may kill it, as it said.
    `deaths_at_start`: ends by a signal in a row, before it served. `ended_s`: when its last process was
    seen to have ended.
    """

    backoff: Backoff
    state: SlotState = SlotState.EMPTY
    since_s: float = -inf
    revision: int = 0
    replacing: bool = False
    failed_revision: int = 0
    served_revision: int = 0
    unready: str = ""
    isolating: bool = False
    deaths_at_start: int = 0
    ended_s: float = -inf
    cause: Cause | None = None
    beaten_s: float = -inf
    served_s: float | None = None
    deadline_s: float = inf

    def enter(self, state: SlotState, now: float) -> None:
        """Be in `state` from `now` on, if it was not before."""
        if state is not self.state:
            self.state, self.since_s = state, now

    @property
    def shown(self) -> SlotState:
        """The state as people see it."""
        unready = self.state is SlotState.SERVING and self.unready
        return SlotState.UNREADY if unready else self.state

    @property
    def alive(self) -> bool:
        """Whether it has a process."""
        return self.state in _ALIVE
