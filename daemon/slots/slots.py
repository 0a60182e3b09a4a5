"""Which slot's worker is started, drained or killed. Pure: `now` is monotonic seconds.

Rule 1: a slot has one process at most; the next one starts only when the end of the last was seen.
Rule 2: the lowest free slot starts first and the highest ends first, but who serves already is kept
before who does not yet, and a slot that fails again and again gives its place to one that does not.
Rule 3: an end that nobody asked for is followed by a pause, which doubles as long as it goes on.
Not so the end of a worker that was looking for what had killed it before: it is started at once,
keeps its partitions, and goes on with the search. But who gives that up, since all it runs kills it,
pauses, and longer each time.
Rule 4: an exit code that cannot get better is believed, and the slot stays closed until new
settings, unless it has served with these: then a file was changed under it, and may be mended.
The same holds for MOST_DEATHS_AT_START ends by a signal in a row, before the worker served.
Rule 5: a worker without heartbeats is ended. Time in which the supervisor itself did not run
(SIGSTOP, a frozen container) counts against nobody.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from math import inf

from daemon.slots.slot import Action, Backoff, Cause, Do, End, Patience, Slot, SlotState
from daemon.values.errors import MOST_DEATHS_AT_START, Exit

HOPELESS = frozenset({Exit.USAGE, Exit.MODEL_REFUSED, Exit.DENIED, Exit.SETTINGS})
"""Exit codes of which docs/operations.md says: do not start again."""
_LAST_WORDS_S = 5.0
"""From SIGABRT, at which a worker shows where its threads stand, to SIGKILL."""
_WITHOUT = frozenset({SlotState.EMPTY, SlotState.BACKING_OFF})


class Slots:
    """All slots. It is told what happened, and says what to do; it believes that it is done."""

    def __init__(self, most: int, patience: Patience, *, now: float) -> None:
        self._patience = patience
        self._slots: list[Slot] = []
        self._revision = 0
        self._looked_s = now
        self._hopeless: int | None = None
        self._served = False
        self.renew(most, patience)

    def renew(self, most: int, patience: Patience) -> None:
        """Begin with new settings: they may cure what failed, and workers from now on have them."""
        self._most = most
        self._patience = patience
        self._revision += 1
        while len(self._slots) < most:
            self._slots.append(Slot(Backoff()))
        for slot in self._slots:
            if not slot.alive:
                slot.state = SlotState.EMPTY
                slot.backoff = Backoff()
                slot.deaths_at_start = 0

    @property
    def all(self) -> Sequence[Slot]:
        """Each slot at its number; those beyond the most allowed may be there, on their way out."""
        return self._slots

    @property
    def revision(self) -> int:
        """That of workers which start now."""
        return self._revision

    @property
    def working(self) -> int:
        """Workers that serve, will soon, or are being exchanged."""
        return sum(_is_working(slot) for slot in self._slots)

    @property
    def living(self) -> int:
        """Processes there are."""
        return sum(slot.alive for slot in self._slots)

    @property
    def hopeless(self) -> int | None:
        """The exit code for which the supervisor has to end too, None while there is hope."""
        return self._hopeless

    def census(self) -> Mapping[SlotState, int]:
        """Return how many slots are in each state."""
        return dict.fromkeys(SlotState, 0) | Counter(slot.shown for slot in self._slots)

    # What happened

    def ready(self, number: int, now: float) -> None:
        """The worker serves."""
        slot = self._slots[number]
        if slot.state is SlotState.STARTING:
            slot.enter(SlotState.SERVING, now)
            slot.served_s = slot.beaten_s = now
            slot.replacing = False
            slot.served_revision = slot.revision
            self._served = True

    def unready(self, number: int, reason: str) -> None:
        """The worker, which was ready, says why it does not serve; "": it does again."""
        self._slots[number].unready = reason

    def isolating(self, number: int, *, on: bool) -> None:
        """The worker runs what may kill it, alone; or it does not any more."""
        self._slots[number].isolating = on

    def beat(self, number: int, now: float) -> None:
        """The worker says that it is well."""
        self._slots[number].beaten_s = now

    def extend(self, number: int, until_s: float) -> None:
        """The worker needs until then to become ready."""
        slot = self._slots[number]
        if slot.state is SlotState.STARTING:
            slot.deadline_s = max(slot.deadline_s, until_s)

    def leaving(self, number: int, now: float) -> None:
        """The worker drains, whoever asked it to."""
        slot = self._slots[number]
        if slot.state in {SlotState.STARTING, SlotState.SERVING}:
            self._let_drain(slot, now)

    def replace(self, number: int) -> None:
        """Exchange the worker for one with the present settings."""
        self._slots[number].replacing = True

    def exited(self, number: int, code: int, now: float) -> End:
        """The process has ended; `code` is negative for a signal."""
        slot = self._slots[number]
        cause = slot.cause or (Cause.KILLED if code < 0 else Cause.EXITED)
        served_s = None if slot.served_s is None else now - slot.served_s
        slot.enter(SlotState.EMPTY, now)
        slot.cause, slot.served_s, slot.deadline_s = None, None, inf
        slot.unready, slot.ended_s = "", now
        isolating, slot.isolating = slot.isolating, False
        if cause is Cause.ASKED:
            return End(number, code, cause, 0.0)
        slot.replacing = False
        if isolating and code not in HOPELESS:
            slot.deaths_at_start = 0
            slot.backoff.excused()
            return End(number, code, Cause.ISOLATED, 0.0)
        slot.deaths_at_start = slot.deaths_at_start + 1 if served_s is None and code < 0 else 0
        if served_s is None:
            slot.failed_revision = slot.revision
        dies_at_start = slot.deaths_at_start >= MOST_DEATHS_AT_START
        if (code in HOPELESS or dies_at_start) and slot.served_revision != slot.revision:
            slot.enter(SlotState.CLOSED, now)
            self._judge(Exit.MODEL_REFUSED if dies_at_start else code)
            return End(number, code, cause, 0.0)
        pause_s = slot.backoff.failed(served_s or 0.0, now, gave_up=code in HOPELESS)
        return End(number, code, cause, pause_s)

    def _judge(self, code: int) -> None:
        """Give up when nobody serves, or will, and nobody ever did or is left to be tried."""
        if any(_is_working(slot) for slot in self._slots):
            return
        allowed = self._slots[: self._most]
        if not self._served or all(slot.state is SlotState.CLOSED for slot in allowed):
            self._hopeless = code

    # What to do

    def decide(self, wanted: int, now: float, *, hands_back: bool = False) -> Sequence[Action]:
        """Return what to do now so that `wanted` workers serve; to be asked about every second.

        `hands_back`: who is too many leaves what only gathers to those who stay, or come after.
        """
        self._forgive(now)
        late = list(self._end_late(now))
        kept = self._kept(wanted)
        return [*late, *self._drain(kept, now, hands_back=hands_back), *self._start(kept, now)]

    def _forgive(self, now: float) -> None:
        """Take a long silence of the caller's for a process that did not run."""
        gap_s = now - self._looked_s
        self._looked_s = now
        if gap_s > self._patience.heartbeat_s / 2:
            for slot in self._slots:
                slot.beaten_s = max(slot.beaten_s, now)
                slot.deadline_s += gap_s

    def _kept(self, wanted: int) -> Sequence[int]:
        """Return the slots that should have a worker."""
        allowed = range(min(self._most, len(self._slots)))
        working = [number for number in allowed if _is_working(self._slots[number])]
        working.sort(key=lambda number: self._slots[number].state is SlotState.STARTING)
        free = [number for number in allowed if _is_free(self._slots[number])]
        free.sort(key=lambda number: self._slots[number].backoff.gives_way)
        return sorted([*working, *free][: max(0, wanted)])

    def _end_late(self, now: float) -> Iterator[Action]:
        for number, slot in enumerate(self._slots):
            if slot.state is SlotState.STARTING and now > slot.deadline_s:
                yield self._abort(number, Cause.UNREADY, now)
            elif (
                slot.state is SlotState.SERVING and now - slot.beaten_s > self._patience.heartbeat_s
            ):
                yield self._abort(number, Cause.HUNG, now)
            elif slot.state is SlotState.DRAINING and now > slot.deadline_s:
                slot.deadline_s = now + _LAST_WORDS_S
                yield Action(Do.KILL, number, "it did not end in time")

    def _abort(self, number: int, cause: Cause, now: float) -> Action:
        slot = self._slots[number]
        slot.enter(SlotState.DRAINING, now)
        slot.cause = cause
        slot.deadline_s = now + _LAST_WORDS_S
        return Action(Do.ABORT, number, _REASONS[cause])

    def _drain(self, kept: Sequence[int], now: float, *, hands_back: bool) -> Iterator[Action]:
        for number in reversed(range(len(self._slots))):
            slot = self._slots[number]
            if number not in kept:
                slot.replacing = False
            if slot.state in {SlotState.STARTING, SlotState.SERVING} and (
                number not in kept or (slot.replacing and slot.revision < self._revision)
            ):
                self._let_drain(slot, now)
                slot.cause = Cause.ASKED
                yield _dismissal(number, replaced=slot.replacing, hands_back=hands_back)

    def _let_drain(self, slot: Slot, now: float) -> None:
        slot.enter(SlotState.DRAINING, now)
        slot.deadline_s = now + self._patience.drain_s

    def _start(self, kept: Sequence[int], now: float) -> Iterator[Action]:
        for number, slot in enumerate(self._slots):
            if slot.state not in _WITHOUT:
                continue
            if number not in kept:
                slot.enter(SlotState.EMPTY, now)
            elif now < slot.backoff.until_s:
                slot.enter(SlotState.BACKING_OFF, now)
            else:
                slot.enter(SlotState.STARTING, now)
                slot.revision = self._revision
                slot.deadline_s = now + self._patience.start_s
                yield Action(Do.START, number, "a worker is wanted")


_REASONS = {
    Cause.UNREADY: "it did not become ready in time",
    Cause.HUNG: "it gave no sign of life",
}


def _dismissal(number: int, *, replaced: bool, hands_back: bool) -> Action:
    if replaced:
        return Action(Do.DRAIN, number, "it is replaced")
    return Action(Do.HAND_BACK if hands_back else Do.DRAIN, number, "fewer workers are wanted")


def _is_working(slot: Slot) -> bool:
    return slot.replacing or slot.state in {SlotState.STARTING, SlotState.SERVING}


def _is_free(slot: Slot) -> bool:
    return not slot.replacing and slot.state in _WITHOUT
