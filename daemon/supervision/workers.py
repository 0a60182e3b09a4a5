"""The worker processes of all slots: what Slots decides is done here, and what happens is told it."""

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from daemon.process.notify import HTTP_PORT, ISOLATING, UNREADY
from daemon.process.signals import HAND_BACK
from daemon.slots.slot import Action, Cause, Do, End, SlotState
from daemon.slots.slots import Slots
from daemon.slots.totals import WorkerProcess
from daemon.supervision.child import Child
from daemon.supervision.mailbox import Mailbox, Notice
from daemon.telemetry.events import Event
from daemon.telemetry.logs import log
from daemon.values.errors import Exit

_TIDY = frozenset({int(Exit.CLEAN), -signal.SIGTERM, -HAND_BACK})
"""A worker handles them from before it holds anything; who died of it had not come that far."""
_SIGNALS = {
    Do.DRAIN: signal.SIGTERM,
    Do.HAND_BACK: HAND_BACK,
    Do.ABORT: signal.SIGABRT,
    Do.KILL: signal.SIGKILL,
}
_DISMISSALS = frozenset({Do.DRAIN, Do.HAND_BACK})


class Recipe(NamedTuple):
    """How a slot's worker is started; the environment is made for the path of its mailbox."""

    command: Sequence[str]
    environment: Callable[[Path], Mapping[str, str]]


class Workers:
    """Told to `tend` about every second, and whenever `changed` was called.

    Args:
        slots: decides.
        recipe: how the worker of a slot is started now.
        folder: for their mailboxes; of this user alone.
        restarted: called for each end that nobody asked for.
        listening: called with the port where a worker serves its metrics.
        left: called with what each process left behind, its metrics as Prometheus reads them.
        changed: called on the loop when there may be something to decide.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        slots: Slots,
        recipe: Callable[[int], Recipe],
        folder: Path,
        *,
        restarted: Callable[[Cause], None],
        listening: Callable[[WorkerProcess, int], None],
        left: Callable[[WorkerProcess, bytes], None],
        changed: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._slots = slots
        self._recipe = recipe
        self._folder = folder
        self._restarted = restarted
        self._listening = listening
        self._left = left
        self._changed = changed
        self._clock = clock
        self._started = 0
        self._waits: set[asyncio.Task[None]] = set()
        self.running: dict[int, Child] = {}
        """By slot."""
        self.restarts: dict[int, int] = {}
        """How often each slot's worker ended unasked."""
        self.untidy = 0
        """Workers that ended and may have left work behind."""

    async def tend(self, wanted: int, *, hands_back: bool = False) -> None:
        """Do what is to be done now so that `wanted` workers serve; see Slots.decide."""
        for action in self._slots.decide(wanted, self._clock(), hands_back=hands_back):
            if action.do is Do.START:
                await self._start(action.slot)
            else:
                self._signal(action)

    def end_at_once(self) -> None:
        """Tell those that drain once more; the supervisor ends, and waits for nobody."""
        for child in list(self.running.values()):
            child.send(signal.SIGTERM)

    async def _start(self, slot: int) -> None:
        self._started += 1
        worker = WorkerProcess(slot, self._started)
        path = self._folder / f"{slot}-{self._started}"
        recipe = self._recipe(slot)
        mailbox = Mailbox(path, partial(self._heard, worker))
        try:
            mailbox.open()
            child = await Child.spawn(recipe.command, recipe.environment(path))
        except OSError as error:
            mailbox.close()
            log(Event.SPAWN_FAILED, slot=slot, reason=str(error))
            self._ended(slot, Exit.INTERNAL)
            return
        self.running[slot] = child
        log(Event.WORKER_SPAWNED, slot=slot, pid=child.pid)
        waiting = asyncio.create_task(self._wait(worker, child, mailbox), name=f"worker {slot}")
        self._waits.add(waiting)
        waiting.add_done_callback(self._waits.discard)

    async def _wait(self, worker: WorkerProcess, child: Child, mailbox: Mailbox) -> None:
        code, last_words = await child.wait()
        mailbox.close()
        del self.running[worker.slot]
        self._left(worker, last_words)
        self._ended(worker.slot, code)

    def _ended(self, slot: int, code: int) -> None:
        end = self._slots.exited(slot, code, self._clock())
        self._tell(end)
        self.untidy += code not in _TIDY
        if end.cause is not Cause.ASKED:
            self._restarted(end.cause)
            self.restarts[slot] = self.restarts.get(slot, 0) + 1
        self._changed()

    def _tell(self, end: End) -> None:
        code = end.code
        fields = {"exit_code": code} if code >= 0 else {"signal": _signal_name(-code)}
        if end.cause is Cause.ASKED:
            log(Event.WORKER_EXITED, slot=end.slot, **fields)
        elif self._slots.all[end.slot].state is SlotState.CLOSED:
            log(Event.SLOT_CLOSED, slot=end.slot, cause=end.cause, **fields)
        else:
            pause_s = round(end.pause_s, 1)
            log(Event.WORKER_LOST, slot=end.slot, cause=end.cause, pause_s=pause_s, **fields)

    def _signal(self, action: Action) -> None:
        number = _SIGNALS[action.do]
        event = Event.WORKER_DISMISSED if action.do in _DISMISSALS else Event.WORKER_ABORTED
        log(event, slot=action.slot, signal=number.name, reason=action.reason)
        if action.slot in self.running:
            self.running[action.slot].send(number)

    def _heard(self, worker: WorkerProcess, notice: Notice) -> None:
        slot, now = worker.slot, self._clock()
        if "WATCHDOG" in notice:
            self._slots.beat(slot, now)
        if more_us := notice.get("EXTEND_TIMEOUT_USEC", "").strip():
            with contextlib.suppress(ValueError):
                self._slots.extend(slot, now + int(more_us) / 1_000_000)
        if (port := notice.get(HTTP_PORT, "")).isdecimal():
            self._listening(worker, int(port))
        if notice.get("READY") == "1":
            self._slots.ready(slot, now)
            self._changed()
        if ISOLATING in notice:
            self._slots.isolating(slot, on=notice[ISOLATING] == "1")
        if UNREADY in notice:
            self._slots.unready(slot, notice[UNREADY])
        if notice.get("STOPPING") == "1":
            self._slots.leaving(slot, now)
            self._changed()


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal has no name
        return str(number)
