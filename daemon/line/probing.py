"""Suspects of a crash run alone: the line is emptied, what will run is noted, and only that runs.

Rule 1. Nothing else is in the process while a probe runs: whatever died then would be blamed on it.
Rule 2. A probe is noted before its first record is fetched, and struck out before anything else is.
Rule 3. After each probe the other partitions have the line for as long as the probe had it, if there
  is anything in them.
Rule 4. Where one request after the other would have to be blamed, and none gives a result, the process
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
from daemon.line.settlement import Settlement
from daemon.telemetry.events import Event
from daemon.telemetry.logs import log
from daemon.values.errors import Exit, Fatal
from daemon.values.ledger import Ledger
from daemon.values.ports import Delivery, Probe, Source

_RETRY_S = 0.2
"""A coordinator that does not take a note is asked again; its own move takes about as long."""
_ALIVE_S = 1.0
"""How often the source is shown meanwhile that it is still read from."""
_SHORTEST_TURN_S = 0.02
"""Time for a fetch at least."""


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
        dispatch: Dispatch,
        settlement: Settlement,
        *,
        isolating: Isolating,
    ) -> None:
        """`isolating` is told before anything suspect runs, and when nothing is suspect any more."""
        self._source = source
        self._delivery = delivery
        self._dispatch = dispatch
        self._settlement = settlement
        self._isolating = isolating
        self._turn_ends_s = 0.0

    def due(self) -> Probe | None:
        """Return the probe that is to run now; None while others have their turn, and in peace."""
        if time.monotonic() < self._turn_ends_s:
            return None
        return self._source.next_probe()

    def next_s(self) -> float:
        """Return how long others may wait for more to do until a probe is due; inf: none is."""
        if self._source.next_probe() is None:
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
            await self._empty()
            await self._delivery.commit()
            ledger = self._source.ledgers.get(probe.partition)
            if ledger is None or not await self._source.begin_probe(probe):
                await asyncio.sleep(_RETRY_S)
                return
            began_s = time.monotonic()
            self._tell(probe)
            while ledger.position < probe.end and not ledger.lost and not ledger.closed:
                await bring(probe, ledger)
            await self._empty()
            await self._delivery.commit()
            while not await self._source.end_probe(probe):  # noqa: ASYNC110 -- only asking tells
                await asyncio.sleep(_RETRY_S)
        finally:
            self._dispatch.press(on=False)
        if self._source.next_probe() is None:
            self._isolating(on=False)
        now_s = time.monotonic()
        self._turn_ends_s = now_s + max(now_s - began_s, _SHORTEST_TURN_S)

    async def _empty(self) -> None:
        while self._settlement.in_flight_requests:
            await self._source.fetch((), max_records=0, max_bytes=0, timeout_s=0.0)
            with suppress(TimeoutError):
                async with asyncio.timeout(_ALIVE_S):
                    await self._settlement.change()

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


def _not_the_requests(probe: Probe) -> Fatal:
    topic, number = probe.partition
    return Fatal(
        Exit.MODEL_REFUSED,
        f"{probe.in_a_row + 1} requests in a row killed the worker and none got a result, the last at "
        f"offset {probe.first} of {topic}/{number}: this is the model or its transform, not the "
        "requests; mend it and start again (what is not answered waits in Kafka, what was blamed lies "
        "among the dead letters)",
    )
