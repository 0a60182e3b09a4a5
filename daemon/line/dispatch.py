"""From the lanes through the model to the outbox: bind batches, run them, answer."""

import time
from collections.abc import Callable, Collection, Sequence

from daemon.answering.replies import Replies
from daemon.batching.batcher import Batcher
from daemon.inference.batches import Done, Served
from daemon.inference.runner import Runner
from daemon.inference.runs import Part, RunLimits
from daemon.inference.searches import Searches
from daemon.line.audit import Audit
from daemon.line.outbox import Outbox
from daemon.line.run_accounting import RunAccounting, log_search
from daemon.loop.wakeup import Wakeup
from daemon.preparing.finishing import Finishing
from daemon.telemetry.metrics import Metrics
from daemon.values.errors import Code
from daemon.values.ledger import Ledger
from daemon.values.messages import Batch, Request
from runtime import Model

_SHORTEST_S = 0.001
"""The loop's timers keep whole milliseconds; a shorter wait would spin."""


class Dispatch:
    """Asks the batcher whenever something changed or fell due, and keeps the executor fed."""

    def __init__(
        self,
        batcher: Batcher,
        searches: Searches,
        runner: Runner,
        finishing: Finishing,
        replies: Replies,
        outbox: Outbox,
        accounting: RunAccounting,
        metrics: Metrics,
        *,
        held: Callable[[], Collection[str]],
        audit_every: int,
        ran: Done | None = None,
    ) -> None:
        """`held`: the lanes whose replies the broker has to take before more of them is made.

        `audit_every`: see Audit. `ran` is told of each run, if anybody is.
        """
        self._batcher = batcher
        self._searches = searches
        self._runner = runner
        self._finishing = finishing
        self._replies = replies
        self._outbox = outbox
        self._accounting = accounting
        self._held = held
        self._ran = ran
        self._lone: list[Batch] = []
        """Those in flight that are one request and run in slices, so that others may run in between."""
        self._wakeup = Wakeup()
        self._more_coming = True
        self._audit = Audit(runner, metrics, every=audit_every, ended=self._wakeup.ring)

    # What waits

    def offer(self, requests: Sequence[Request]) -> None:
        """Let `requests` gather in their lanes."""
        self._batcher.offer(requests)
        self._wakeup.ring()

    def expect(self, *, more: bool) -> None:
        """Say whether more is being fetched or prepared, for which an eager lane still waits."""
        if more != self._more_coming:
            self._more_coming = more
            self._wakeup.ring()

    def waiting_ledgers(self) -> set[Ledger]:
        """Those of which requests wait."""
        return self._batcher.ledgers() | self._searches.ledgers()

    def waiting_lanes(self) -> set[str]:
        """Those of which requests wait to be bound."""
        return self._batcher.lanes()

    def drop(self, ledgers: Collection[Ledger]) -> Sequence[Request]:
        """Return what waited for partitions that are lost; it is forgotten here."""
        self._wakeup.ring()  # suspects of others have waited for this
        return [*self._batcher.drop(ledgers), *self._searches.drop(ledgers)]

    def hand_back(self, lanes: Collection[str]) -> Sequence[Request]:
        """Return what waits in `lanes` for its linger alone; it is forgotten here."""
        return self._batcher.hand_back(lanes)

    def look_again(self) -> None:
        """See whether a lane may go on that was held for its replies."""
        if self._batcher.is_some_lane_held:
            self._wakeup.ring()

    def hurry(self, lanes: Collection[str]) -> None:
        """Let nothing in `lanes` wait for company, until told of others."""
        self._batcher.hurry(lanes)
        self._wakeup.ring()

    def press(self, *, on: bool) -> None:
        """Let everything run at once, also what is yet to be offered, until told otherwise."""
        self._batcher.press(on=on)
        self._wakeup.ring()

    def flush_laggard(self, ledger: Ledger) -> None:
        """Let the oldest of `ledger` run at once: it holds back its partition's commits."""
        self._batcher.flush_laggard(ledger)
        self._wakeup.ring()

    def drain(self) -> None:
        """Let everything run at once, also what is yet to be offered."""
        self._batcher.drain()
        self._wakeup.ring()

    def due_s(self, now_s: float) -> float:
        """When the oldest request that waits has to run; now if any runs or gets its reply."""
        if self.running or self._searches.waits:
            return now_s
        return self._batcher.oldest_due_s(default=now_s)  # what is nowhere would never move

    # What runs

    @property
    def running(self) -> int:
        """Batches that run, and requests that have run and get their replies."""
        return self._runner.in_flight + self._finishing.under_way

    def retire(self, model: Model) -> None:
        """Close a model that a reload replaced, once no batch needs it."""
        self._runner.retire(model)

    def close(self) -> None:
        """Give up what is left, after the run that is under way."""
        self._finishing.close()
        self._runner.close()

    async def run(self) -> None:
        """Bind and hand over batches for ever."""
        while True:
            now_s = time.monotonic()
            self._feed(now_s)
            await self._wakeup.wait(self._pause_s(now_s))

    def _pause_s(self, now_s: float) -> float | None:
        """How long nothing can change by time alone."""
        times_s = (
            self._batcher.next_due(now_s),
            self._batcher.next_expiry(),
            self._searches.next_expiry(),
        )
        next_s = min((time_s for time_s in times_s if time_s is not None), default=None)
        return None if next_s is None else max(next_s - now_s, _SHORTEST_S)

    def _expire(self, now_s: float) -> None:
        expired = [*self._batcher.expire(now_s), *self._searches.expire(now_s)]
        if expired:
            self._outbox.put(
                [
                    self._replies.errors.reply(
                        request, Code.DEADLINE_EXCEEDED, "expired while it waited"
                    )
                    for request in expired
                ]
            )

    def _feed(self, now_s: float) -> None:
        """Hand over what is due; one batch ahead if it is full; let what is urgent overtake it.

        What has expired is told so first, and never runs.
        """
        self._expire(now_s)
        self._batcher.hold(self._held())
        while self._runner.in_flight < self._runner.executors and self._start_next(now_s):
            pass
        waiting = self._runner.in_flight - self._runner.executors
        if waiting == 0 and (batch := self._due_in_between(now_s)) is not None:
            self._start(batch, now_s, first=True)
        elif waiting == 0 and self._runner.takes_ahead:
            if not self._searches.are_due(now_s):  # their turn comes when an executor is free
                self._start(self._batcher.take_ahead(now_s), now_s)
        elif waiting == 1 and (ahead := self._runner.ahead) is not None:
            self._start(self._batcher.due_urgent(now_s, ahead), now_s, first=True)
        if not self._runner.in_flight:
            self._audit.run_next(lambda batch: self._limits_of(batch, now_s))

    def _start_next(self, now_s: float) -> bool:
        """Let a batch run that is due, or suspects, if it is their turn or nothing else is due.

        Returns whether there was one.
        """
        if self._searches.are_running or not self._searches.are_due(now_s):
            batch = self._batcher.take(now_s, more_coming=self._more_coming)
            if batch is not None:
                self._start(batch, now_s)
                return True
            self._searches.rest()
        suspects = self._searches.take(now_s)
        if suspects is None:
            return False
        self._runner.submit(*suspects, done=self._on_served, in_thread=True)
        return True

    def _due_in_between(self, now_s: float) -> Batch | None:
        return self._batcher.due_in_between(now_s, self._lone[0]) if self._lone else None

    def _start(self, batch: Batch | None, now_s: float, *, first: bool = False) -> None:
        if batch is not None:
            limits = self._limits_of(batch, now_s)
            if limits.cut(batch.requests):
                self._lone.append(batch)
            self._runner.submit(batch, limits, first=first, done=self._on_served)

    def _limits_of(self, batch: Batch, now_s: float) -> RunLimits:
        """Return those of a run; a lone request runs in slices for which other lanes have patience."""
        limits = self._searches.limits_of(batch.bucket, batch.rows, now_s)
        if len(batch.requests) > 1:
            return limits
        at_once = self._batcher.rows_at_once(batch)
        return limits._replace(max_rows=min(limits.max_rows, at_once))

    def _on_served(self, served: Served) -> None:
        """Answer a batch that has run; the executor is fed first."""
        now_s = time.monotonic()
        if served.batch in self._lone:
            self._lone.remove(served.batch)
        again = self._searches.is_under_way(served.batch)
        verdict = self._accounting.judge(served, now_s, again=again)
        self._feed(now_s)
        self._wakeup.ring()
        self._accounting.count(served, again=again)
        if self._ran is not None:
            self._ran(served)
        if not again:
            self._audit.note(served)
        if isinstance(served.outcome, Part):
            self._answer(served, served.outcome)
        if verdict.blamed is not None:
            self._outbox.put([self._replies.errors.reply(*verdict.blamed)])
        if verdict.ended is not None:
            log_search(served.batch.bucket.model, verdict.ended)

    def _answer(self, served: Served, part: Part) -> None:
        if served.model.transform is None:
            wall_ahead_s = time.time() - time.monotonic()
            self._outbox.put(self._replies.results(served, part, wall_ahead_s=wall_ahead_s))
        else:
            self._finishing.finish(served, part, done=self._outbox.put)
