"""Suspects of a crash run alone: the line is emptied, what will run is noted, and only that runs.

Rule 1. Nothing else runs, or is about to, while a probe runs: whatever died then would be blamed on it.
  An answer on its way to the broker kills nobody: it may lie there.
Rule 2. A probe is noted before its first record is fetched, and struck out before anything else is.
Rule 3. After each probe the other partitions have the line for as long as the probe had it, if there
  is anything in them.
Rule 4. A probe is over when it has run. Its answers have a moment to leave; if their destination takes
  none, all else has the line again, and only the probe's own partition waits for them.
Rule 5. Nor does a probe begin that would wait for a destination before it has run: in a lane that has
  no room, or while requests of any lane may not run for the replies that it holds.
Rule 6. Where one request after the other would have to be blamed, and none gives a result, the process
  ends instead: it is not the requests.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from math import inf
from typing import Protocol

from daemon.isolation.quarantine import MOST_BLAMED
from daemon.line.dispatch import Dispatch
from daemon.line.outbox import Outbox
from daemon.line.settlement import Settlement
from daemon.preparing.steps import Steps
from daemon.telemetry.events import Event
from daemon.telemetry.logs import log
from daemon.values.errors import Exit, Fatal
from daemon.values.lane import Lane
from daemon.values.ledger import Ledger
from daemon.values.ports import Delivery, Probe, Source

_RETRY_S = 0.2
"""A coordinator that does not take a note is asked again; its own move takes about as long."""
_ALIVE_S = 1.0
"""How often the source is shown meanwhile that it is still read from."""
_SHORTEST_TURN_S = 0.02
"""Time for a fetch at least."""
_LEAVING_S = 0.1
"""What answers get that are on their way before a probe: a broker that is well takes some
milliseconds. Those that have not left are answered again if the process dies."""
_SETTLING_S = 1.0
"""What the answers of a probe get. It is ten times as long, since what kills while it is being sent is
found out only as long as it is alone, and since a probe teaches nothing before it is answered."""


class Isolating(Protocol):
    """Told whether what runs may kill the process."""

    def __call__(self, *, on: bool) -> None:
        """Must return at once."""


class Probing:
    """Decides when a probe is due, and runs it; called by the one task that fetches."""

    def __init__(
        self,
        source: Source,
        delivery: Delivery,
        steps: Steps,
        dispatch: Dispatch,
        outbox: Outbox,
        settlement: Settlement,
        *,
        isolating: Isolating,
    ) -> None:
        """`isolating` is told before anything suspect runs, and when nothing is to be probed for now."""
        self._source = source
        self._delivery = delivery
        self._steps = steps
        self._dispatch = dispatch
        self._outbox = outbox
        self._settlement = settlement
        self._isolating = isolating
        self._turn_ends_s = 0.0

    def due(self) -> Probe | None:
        """Return the probe that is to run now; None while others have their turn, and in peace."""
        if time.monotonic() < self._turn_ends_s:
            return None
        return self._next()

    def next_s(self) -> float:
        """Return how long others may wait for more to do until a probe is due; inf: none is."""
        if self._next() is None:
            return inf
        return max(self._turn_ends_s - time.monotonic(), 0.0)

    def nothing_came(self) -> None:
        """Whoever has the turn has nothing to do."""
        self._turn_ends_s = 0.0

    async def run(self, probe: Probe, bring: Callable[[Probe, Ledger], Awaitable[None]]) -> None:
        """Run `probe` alone; `bring` fetches and admits some of its records. May be cancelled.

        Raises Fatal (65) when it would be blamed after MOST_BLAMED others in a row.
        """
        if probe.is_blamed and probe.in_a_row >= MOST_BLAMED:
            raise _not_the_requests(probe)
        self._isolating(on=True)
        self._dispatch.press(on=True)
        try:
            emptied = await self._empty()
            began_s = time.monotonic()
            if emptied:
                await self._note_and_run(probe, bring)
        finally:
            self._dispatch.press(on=False)
        if self._next() is None:
            self._isolating(on=False)
        now_s = time.monotonic()
        self._turn_ends_s = now_s + max(now_s - began_s, _SHORTEST_TURN_S)

    def _next(self) -> Probe | None:
        """Return what is to run alone next, and can without waiting for a destination."""
        if not self._source.suspected() or self._is_held:
            return None
        lanes = [lane for lane in self._settlement.lanes if _has_room(lane)]
        return self._source.next_probe([topic for lane in lanes for topic in lane.topics])

    async def _empty(self) -> bool:
        """Let everything run that was fetched; return whether it has, for something may be held."""
        while self._running:
            if self._is_held:
                return False
            await self._change()
        await self._until(lambda: not self._outbox.pending, within_s=_LEAVING_S)
        return True

    async def _note_and_run(
        self, probe: Probe, bring: Callable[[Probe, Ledger], Awaitable[None]]
    ) -> None:
        await self._delivery.commit()
        ledger = self._source.ledgers.get(probe.partition)
        if ledger is None or not await self._source.begin_probe(probe):
            await asyncio.sleep(_RETRY_S)
            return
        self._tell(probe)
        self._settlement.hold(on=False)  # what is suspect must not be left over, to run in company
        try:
            while _is_owed(ledger) and ledger.position < probe.end and _has_room(ledger.lane):
                await bring(probe, ledger)
                while self._running:
                    await self._change()
        finally:
            self._settlement.hold(on=True)
        reached = min(ledger.position, probe.end)
        await self._until(
            lambda: not _is_owed(ledger) or ledger.committable >= reached, within_s=_SETTLING_S
        )
        while not await self._source.end_probe(probe, reached):  # noqa: ASYNC110 -- only asking tells
            await asyncio.sleep(_RETRY_S)

    @property
    def _running(self) -> int:
        """Requests that run, or are about to: those that are in flight and not answered."""
        return self._settlement.in_flight_requests - self._outbox.pending

    @property
    def _is_held(self) -> bool:
        """Whether some of them run only when the broker has taken replies of their lane."""
        held = self._settlement.full_of_replies
        waiting = self._dispatch.waiting_lanes() | self._steps.waiting_lanes() if held else set()
        return not held.isdisjoint(waiting)

    async def _until(self, is_over: Callable[[], bool], *, within_s: float) -> None:
        """Wait until `is_over`, but no longer than `within_s`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while not is_over():
                    await self._change()

    async def _change(self) -> None:
        """Wait until something is answered, or has left; show the source that it is still read from."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_ALIVE_S):
                await self._settlement.change()
        await self._source.fetch((), max_records=0, max_bytes=0, timeout_s=0.0)

    def _tell(self, probe: Probe) -> None:
        topic, number = probe.partition
        if probe.is_blamed:
            log(
                Event.REQUEST_BLAMED,
                topic=topic,
                partition=number,
                offset=probe.first,
                crashes=probe.deaths,
            )
            return
        log(
            Event.PROBE_STARTED,
            topic=topic,
            partition=number,
            first=probe.first,
            end=probe.end,
            crashes=probe.deaths,
        )


def _has_room(lane: Lane) -> bool:
    """Whether more may be fetched for `lane`, and run."""
    return lane.budget.has_room and lane.budget.has_room_for_replies


def _is_owed(ledger: Ledger) -> bool:
    """Whether what is read into it is this worker's, and more may be."""
    return not ledger.lost and not ledger.closed


def _not_the_requests(probe: Probe) -> Fatal:
    topic, number = probe.partition
    return Fatal(
        Exit.MODEL_REFUSED,
        f"{probe.in_a_row + 1} requests in a row killed the worker and none got a result, the last at "
        f"offset {probe.first} of {topic}/{number}: this is the model or its transform, not the "
        "requests; mend it and start again (what is not answered waits in Kafka, what was blamed lies "
        "among the dead letters)",
    )
