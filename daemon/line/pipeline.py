"""The whole way of a request: intake, dispatch, answer, commit. Reads as the data flows.

Five tasks and one thread: intake fetches and admits, dispatch binds batches for the runner's
thread, the committer commits what the outbox has settled, the lane clock opens lanes at their
moments, and what waits for them is counted now and then. Everything between is a plain call on a
whole chunk or batch: no task, no await and no metric call for a single request.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping

from daemon.line.committer import Committer
from daemon.line.dispatch import Dispatch
from daemon.line.intake import Intake
from daemon.line.lane_clock import LaneClock
from daemon.line.latest_openings import LatestOpenings
from daemon.line.outbox import Outbox
from daemon.line.settlement import Settlement
from daemon.line.waiting import Waiting
from daemon.loop.tasks import Tasks
from daemon.telemetry.events import Event
from daemon.telemetry.logs import log
from daemon.values.errors import Exit, Fatal
from daemon.values.ledger import Ledger
from daemon.values.ports import Delivery, Source
from runtime import Model


class Pipeline:
    """Moves requests from the source to the outbox until told to stop."""

    def __init__(
        self,
        source: Source,
        delivery: Delivery,
        intake: Intake,
        dispatch: Dispatch,
        outbox: Outbox,
        committer: Committer,
        lane_clock: LaneClock,
        latest_openings: LatestOpenings,
        waiting: Waiting,
        settlement: Settlement,
        tasks: Tasks,
        *,
        drain_s: float,
    ) -> None:
        """`tasks`: whatever fails there ends the pipeline; `drain_s`: how long a drain may take."""
        self._source = source
        self._delivery = delivery
        self._intake = intake
        self._dispatch = dispatch
        self._outbox = outbox
        self._committer = committer
        self._lane_clock = lane_clock
        self.latest_openings = latest_openings
        """Of lanes that are to be ready by a time."""
        self.waiting = waiting
        """What waits for lanes to open."""
        self._settlement = settlement
        self._tasks = tasks
        self._drain_s = drain_s

    # Its life

    async def start(self) -> None:
        """Join the group, which may take partitions away from then on; raises Fatal."""
        await self._source.start(self._revoke)

    async def run(
        self, stop: asyncio.Event, *, hands_back: Callable[[], bool] = lambda: False
    ) -> Exit:
        """Work until `stop` is set, then drain; returns CLEAN or WORK_LEFT; raises Fatal.

        `hands_back`: whether a drain leaves what is not due to those who come after.
        """
        stations = Tasks(self._tasks)
        intake = stations.start(self._intake.run(), name="intake")
        stations.start(self._dispatch.run(), name="dispatch")
        stations.start(self._committer.run(), name="committer")
        stations.start(self._lane_clock.run(), name="lane clock")
        stations.start(self.waiting.run(), name="waiting")
        try:
            await stations.until(stations.start(stop.wait(), name="stopping"))
            self._stop_intake(intake)
            if hands_back():
                self._hand_back()
            self._dispatch.drain()
            await stations.until(stations.start(self._empty(), name="drain"))
            exit_code = Exit.WORK_LEFT if self.in_flight_requests else Exit.CLEAN
        finally:
            await stations.close()
            await self._leave()
        return exit_code

    def close(self) -> None:
        """Give up what is left; it is uncommitted, so Kafka delivers it again."""
        self._outbox.close()
        self._intake.close()
        self._dispatch.close()

    def _stop_intake(self, intake: asyncio.Task[None]) -> None:
        log(Event.DRAIN_STARTED, requests=self.in_flight_requests)
        self._intake.stop()
        intake.cancel()

    def _hand_back(self) -> None:
        """Let what only gathers go on gathering in Kafka: nothing of it is committed."""
        asleep = {lane.name for lane in self._settlement.lanes if lane.policy.sleeps}
        gathering = self._dispatch.hand_back(asleep)
        log(Event.GATHERING_LEFT, requests=len(gathering))
        self._settlement.handed_back(gathering)

    async def _empty(self) -> None:
        """Wait until the line is empty, as long as a drain may take."""
        try:
            async with asyncio.timeout(self._drain_s):
                while self.in_flight_requests:
                    await self._settlement.change()
        except TimeoutError:
            log(Event.DRAIN_EXPIRED, requests=self.in_flight_requests)
        else:
            log(Event.DRAIN_FINISHED)

    async def _leave(self) -> None:
        """Commit what is settled and leave, so that others need not wait for this worker."""
        if not self._may_be_a_crash():
            self._source.release()
        try:
            await self._delivery.commit()
        finally:
            await self._source.leave()

    def _may_be_a_crash(self) -> bool:
        """Whether something that is in flight may be what ends this worker."""
        failure = self._tasks.failure
        is_known = isinstance(failure, Fatal) and failure.exit_code is not Exit.INTERNAL
        return failure is not None and not is_known

    async def _revoke(self, ledgers: Collection[Ledger]) -> None:
        """Let go what only waits; finish what runs, so that it can be committed."""
        self._settlement.handed_back(self._dispatch.drop(ledgers))
        while self._dispatch.running or self._outbox.pending:
            await self._settlement.change()

    # What others ask of it

    @property
    def in_flight_requests(self) -> int:
        """Requests between fetch and acknowledged answer."""
        return self._settlement.in_flight_requests

    @property
    def in_flight_bytes(self) -> int:
        """Their bytes."""
        return self._settlement.in_flight_bytes

    @property
    def trouble(self) -> str:
        """Why no answer can leave at the moment, and what to do; empty when all is well."""
        return self._outbox.trouble

    @property
    def outage(self) -> str:
        """The same where only somebody outside can mend it; no stall is seen in that."""
        return self._outbox.outage

    @property
    def full_lanes(self) -> frozenset[str]:
        """The lanes that hold so much that nothing more is fetched for them."""
        return frozenset(lane.name for lane in self._settlement.lanes if not lane.budget.has_room)

    def due(self, lags: Mapping[str, float]) -> dict[str, float]:
        """Return `lags` in records, by topic, without what waits for its lane to open by the clock."""
        waiting = self.waiting.topics
        return {topic: 0 if topic in waiting else lag for topic, lag in lags.items()}

    def due_for_s(self, ages_s: Mapping[str, float]) -> dict[str, float]:
        """Return for how long what is that old, by topic, has been due: not before its moment."""
        return {
            topic: min(age_s, self._lane_clock.due_for_s(topic)) for topic, age_s in ages_s.items()
        }

    @property
    def next_openings(self) -> dict[tuple[str, str], float]:
        """When lanes open that open by the clock, by lane and topic; wall seconds."""
        return self._lane_clock.next_openings

    def due_s(self, now_s: float) -> float:
        """When the oldest request in the line had, or has, to move; monotonic seconds."""
        if self._intake.coming or self._outbox.pending:
            return now_s
        return self._dispatch.due_s(now_s)

    def hurry(self, lanes: Collection[str]) -> None:
        """Let nothing in `lanes` wait for company, until told of others."""
        self._dispatch.hurry(lanes)

    def retire(self, model: Model) -> None:
        """Close a model that a reload replaced, once no batch needs it."""
        self._dispatch.retire(model)
