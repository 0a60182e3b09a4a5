"""Commits what is settled, twice a second, and looks after what a quiet line would leave undone."""

import time

from daemon.line.dispatch import Dispatch
from daemon.line.outbox import Outbox
from daemon.line.settlement import Settlement
from daemon.loop.ticks import next_tick
from daemon.process.gc_policy import GcPolicy
from daemon.values.ports import Delivery, Source

_COUNTS_S = 60.0
"""How long partition counts of reply topics are believed."""


class Committer:
    """One task that does nothing else."""

    def __init__(
        self,
        source: Source,
        delivery: Delivery,
        dispatch: Dispatch,
        outbox: Outbox,
        settlement: Settlement,
        gc_policy: GcPolicy,
        *,
        interval_s: float,
        max_uncommitted: int,
    ) -> None:
        """`interval_s` and `max_uncommitted` as the settings of these names in `kafka`."""
        self._source = source
        self._delivery = delivery
        self._dispatch = dispatch
        self._outbox = outbox
        self._settlement = settlement
        self._gc_policy = gc_policy
        self._interval_s = interval_s
        self._most_behind = max(1, max_uncommitted // 2)

    async def run(self) -> None:
        """Commit for ever; raises Fatal."""
        counted_s = time.monotonic()
        while True:
            await next_tick(self._interval_s)
            self._let_go_of_lost()
            self._flush_laggards()
            await self._commit()
            self._gc_policy.collect(idle=self._settlement.in_flight_requests == 0)
            now_s = time.monotonic()
            if now_s - counted_s > _COUNTS_S:
                counted_s = now_s
                self._outbox.forget_counts()

    async def _commit(self) -> None:
        began_s = time.monotonic()
        await self._delivery.commit()
        self._settlement.committed(time.monotonic() - began_s)

    def _let_go_of_lost(self) -> None:
        """Forget what waits for lost partitions; let leave at once what only this worker has."""
        waiting = self._dispatch.waiting_ledgers()
        lost = {ledger for ledger in waiting if ledger.lost}
        if lost:
            self._settlement.handed_back(self._dispatch.drop(lost))
        for closed in {ledger for ledger in waiting - lost if ledger.closed}:
            self._dispatch.flush_laggard(closed)

    def _flush_laggards(self) -> None:
        """Let what holds back a partition's commits run, before reading must stop for it."""
        for ledger in self._source.ledgers.values():
            if ledger.span >= self._most_behind:
                self._dispatch.flush_laggard(ledger)
