"""The whole way of a request: intake, dispatch, answer, commit. Reads as the data flows.

Three tasks and one thread: intake fetches and admits, dispatch binds batches for the runner's
thread, the committer commits what the outbox has settled. Everything between is a plain call on a
whole chunk or batch: no task, no await and no metric call for a single request.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar

from daemon.batching.batcher import Batcher
from daemon.inference.runner import Runner
from daemon.line.dispatch import Dispatch
from daemon.line.intake import Intake
from daemon.line.outbox import Outbox
from daemon.preparing.transforms import Transforms
from daemon.process.gc_policy import GcPolicy
from daemon.telemetry.events import Event
from daemon.telemetry.logs import log
from daemon.telemetry.metrics import Metrics
from daemon.values.budget import Budget
from daemon.values.errors import Exit
from daemon.values.ledger import Ledger
from daemon.values.messages import Answer, Request
from daemon.values.ports import Source
from runtime import Model

_Item = TypeVar("_Item", Answer, Request)

_COUNTS_S = 60.0
"""How long partition counts of reply topics are believed."""


class Pipeline:
    """Moves requests from the source to the outbox until told to stop."""

    def __init__(
        self,
        source: Source,
        intake: Intake,
        transforms: Transforms,
        batcher: Batcher,
        dispatch: Dispatch,
        runner: Runner,
        outbox: Outbox,
        *,
        lanes: Mapping[str, str],
        lingers_s: Mapping[str, float],
        budgets: Mapping[str, Budget],
        metrics: Metrics,
        gc_policy: GcPolicy,
        commit_interval_s: float,
        drain_s: float,
        max_uncommitted: int,
        moved: Callable[[], None],
    ) -> None:
        """`lanes` names each topic's lane; `moved` is called when answers were acknowledged."""
        self._source = source
        self._intake = intake
        self._transforms = transforms
        self._batcher = batcher
        self._dispatch = dispatch
        self._runner = runner
        self._outbox = outbox
        self._lanes = lanes
        self._lingers_s = lingers_s
        self._budgets = budgets
        self._metrics = metrics
        self._commit_interval_s = commit_interval_s
        self._drain_s = drain_s
        self._max_uncommitted = max_uncommitted
        self._moved = moved
        self._changed = asyncio.Event()
        self._gc_policy = gc_policy
        self._known: set[Ledger] = set()
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def in_flight_requests(self) -> int:
        """Requests between fetch and acknowledged answer."""
        return sum(budget.requests for budget in self._budgets.values())

    @property
    def in_flight_bytes(self) -> int:
        """Their bytes."""
        return sum(budget.bytes for budget in self._budgets.values())

    def due_s(self, now_s: float) -> float:
        """When the oldest request in the line had, or has, to move; monotonic seconds."""
        if self._runner.in_flight or self._outbox.pending or self._transforms.under_way:
            return now_s
        oldest_s = self._batcher.oldest_arrivals_s()
        return min(
            [arrived_s + self._lingers_s[lane] for lane, arrived_s in oldest_s.items()],
            default=now_s,  # what is held and is nowhere would never move
        )

    async def run(self, stop: asyncio.Event) -> Exit:
        """Work until `stop` is set, then drain; returns CLEAN or WORK_LEFT; raises Fatal."""
        intake = asyncio.create_task(self._intake.run(), name="intake")
        dispatch = asyncio.create_task(self._dispatch.run(), name="dispatch")
        committer = asyncio.create_task(self._commit_for_ever(), name="committer")
        stopping = asyncio.create_task(stop.wait(), name="stopping")
        try:
            await self._until(stopping, intake, dispatch, committer)
            self._stop_intake(intake)
            emptied = asyncio.create_task(self._empty(self._drain_s), name="drain")
            await self._until(emptied, dispatch, committer)
            exit_code = Exit.WORK_LEFT if self.in_flight_requests else Exit.CLEAN
        finally:
            await _end(stopping, intake, dispatch, committer)
            await self._leave()
        return exit_code

    async def _until(self, done: asyncio.Task[Any], *others: asyncio.Task[None]) -> None:
        """Wait for `done`; what ends any of `others`, or was reported by `fail`, is raised."""
        await asyncio.wait({done, self._failure, *others}, return_when=asyncio.FIRST_COMPLETED)
        for task in (self._failure, *others):
            if task.done():
                task.result()

    def _stop_intake(self, intake: asyncio.Task[None]) -> None:
        """Fetch nothing more; what is gathered is due at once."""
        log(Event.DRAIN_STARTED, requests=self.in_flight_requests)
        self._intake.stop()
        intake.cancel()
        self._batcher.drain()
        self._dispatch.changed()

    async def _empty(self, budget_s: float) -> None:
        """Wait until the line is empty, at most `budget_s`."""
        try:
            async with asyncio.timeout(budget_s):
                while self.in_flight_requests:
                    await self._change()
        except TimeoutError:
            log(Event.DRAIN_EXPIRED, requests=self.in_flight_requests)
        else:
            log(Event.DRAIN_FINISHED)

    async def _leave(self) -> None:
        """Commit what is settled and leave, so that others need not wait for this worker."""
        try:
            await self._source.commit()
        finally:
            await self._source.leave()

    def fail(self, error: BaseException) -> None:
        """End the pipeline with `error`, which came up outside its tasks."""
        if not self._failure.done():
            self._failure.set_exception(error)

    @property
    def full_lanes(self) -> frozenset[str]:
        """The lanes that hold so much that nothing more is fetched for them."""
        return frozenset(name for name, budget in self._budgets.items() if not budget.has_room)

    def hurry(self, lanes: Collection[str]) -> None:
        """Let nothing in `lanes` wait for company, until told of others."""
        self._batcher.hurry(lanes)
        self._dispatch.changed()

    def retire(self, model: Model) -> None:
        """Close a model that a reload replaced, once no batch needs it."""
        self._runner.retire(model)

    def close(self) -> None:
        """Give up what is left; it is uncommitted, so Kafka delivers it again."""
        self._outbox.close()
        self._transforms.close()
        self._runner.close()

    def on_settled(self, answers: Sequence[Answer], publish_s: float) -> None:
        """Settle what the broker has, which took `publish_s`, and give its budget back."""
        for ledger, group in _by_ledger(answers).items():
            if not ledger.lost:
                ledger.settle([answer.record.offset for answer in group])
            cost_bytes = sum([answer.cost_bytes for answer in group])
            lane = self._lanes[ledger.topic]
            self._intake.give_back(lane, len(group), cost_bytes)
            self._metrics.answered(lane, group, wall_s=time.time())
            self._metrics.stage(lane, "publish", publish_s)
        self._note_change()

    def on_dropped(self, gone: Sequence[_Item]) -> None:
        """Give back the budget of what another worker owes now."""
        for ledger, group in _by_ledger(gone).items():
            lane = self._lanes[ledger.topic]
            self._intake.give_back(lane, len(group), sum([item.cost_bytes for item in group]))
            self._metrics.handed_back(lane, len(group))
        self._note_change()

    def _note_change(self) -> None:
        self._moved()
        self._changed.set()

    async def on_revoked(self, ledgers: Collection[Ledger]) -> None:
        """Let go what only waits; finish what runs, so that it can be committed."""
        self.on_dropped(self._batcher.drop(ledgers))
        while self._runner.in_flight or self._transforms.finishing or self._outbox.pending:
            await self._change()

    async def _change(self) -> None:
        """Wait until requests have left the line."""
        self._changed.clear()
        await self._changed.wait()

    async def _commit_for_ever(self) -> None:
        counted_s = time.monotonic()
        while True:
            await asyncio.sleep(self._commit_interval_s)
            self._let_go_of_lost()
            self._flush_laggards()
            began_s = time.monotonic()
            await self._source.commit()
            for lane in self._budgets:
                self._metrics.stage(lane, "commit", time.monotonic() - began_s)
            self._gc_policy.collect(idle=self.in_flight_requests == 0)
            if began_s - counted_s > _COUNTS_S:
                counted_s = began_s
                self._outbox.forget_counts()

    def _let_go_of_lost(self) -> None:
        """Forget what waits for partitions that were lost without a revocation."""
        ledgers = set(self._source.ledgers.values())
        lost = self._known - ledgers
        self._known = ledgers
        if lost:
            self.on_dropped(self._batcher.drop(lost))

    def _flush_laggards(self) -> None:
        """Let what holds back a partition's commits run, before reading must stop for it."""
        most = max(1, self._max_uncommitted // 2)
        for ledger in self._source.ledgers.values():
            if ledger.span >= most:
                self._batcher.flush_laggard(ledger)
                self._dispatch.changed()


async def _end(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


def _by_ledger(items: Sequence[_Item]) -> Mapping[Ledger, Sequence[_Item]]:
    if len({item.ledger for item in items}) == 1:  # nearly always
        return {items[0].ledger: items}
    groups: dict[Ledger, list[_Item]] = {}
    for item in items:
        group = groups.get(item.ledger)
        if group is None:
            groups[item.ledger] = [item]
        else:
            group.append(item)
    return groups
