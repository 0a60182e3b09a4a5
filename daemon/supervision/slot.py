"""What a slot is, what is done to it, and how its worker ends."""

from dataclasses import dataclass
from enum import StrEnum
from math import inf
from typing import NamedTuple

from daemon.supervision.backoff import Backoff


class State(StrEnum):
    """What a slot's worker does; its value is the label `state` of the metric."""

    EMPTY = "empty"
    STARTING = "starting"
    SERVING = "serving"
    DRAINING = "draining"
    BACKING_OFF = "backing_off"
    CLOSED = "closed"


_ALIVE = frozenset({State.STARTING, State.SERVING, State.DRAINING})


class Cause(StrEnum):
    """Why a worker ended; all but ASKED are a label of the metric of restarts."""

    ASKED = "asked"
    EXITED = "exited"
    KILLED = "killed"
    HUNG = "hung"
    UNREADY = "unready"


class Do(StrEnum):
    """What is done to a slot's process."""

    START = "start"
    DRAIN = "drain"
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

    `edition` counts the settings that its worker, or its last one, was started with. `replacing`:
    that worker is being exchanged for one with newer settings, and its place is kept.
    `failed_edition` is that of its last worker that ended before it served, `served_edition` that of
    its last that served; 0: none did.
    """

    backoff: Backoff
    state: State = State.EMPTY
    since_s: float = -inf
    edition: int = 0
    replacing: bool = False
    failed_edition: int = 0
    served_edition: int = 0
    cause: Cause | None = None
    beaten_s: float = -inf
    served_s: float | None = None
    deadline_s: float = inf

    def enter(self, state: State, now: float) -> None:
        """Be in `state` from `now` on, if it was not before."""
        if state is not self.state:
            self.state, self.since_s = state, now

    @property
    def alive(self) -> bool:
        """Whether it has a process."""
        return self.state in _ALIVE
