"""The clock of the lanes that open by it: looks at it, has their targets found out, opens and shuts.

A lane that is shut is one without room: nothing of it is fetched. What it holds then waits for no
company, since none comes.
"""

import asyncio
import math
import time

from daemon.admission.turns import Turns
from daemon.line.dispatch import Dispatch
from daemon.line.latest_openings import LatestOpenings
from daemon.line.settlement import Settlement
from daemon.preparing.steps import Steps
from daemon.telemetry.events import Event
from daemon.telemetry.lane_work import LaneWork
from daemon.telemetry.logs import log
from daemon.telemetry.metrics import Metrics
from daemon.values.ports import Source
from daemon.windows.window import Partition, Standing, Window, WindowEnd

_LOOK_S = 1.0
"""Longest time between two looks: how late a clock that was set, a machine that was suspended or a
partition that has come is noticed, and after which it is asked again where logs end."""
_SHORTEST_S = 0.001
"""The loop's timers keep whole milliseconds; a shorter wait would spin."""


class LaneClock:
    """Opens and shuts lanes; without one that has moments it does nothing."""

    def __init__(
        self,
        source: Source,
        turns: Turns,
        steps: Steps,
        dispatch: Dispatch,
        settlement: Settlement,
        latest_openings: LatestOpenings,
        metrics: Metrics,
    ) -> None:
        self._source = source
        self._turns = turns
        self._steps = steps
        self._dispatch = dispatch
        self._settlement = settlement
        self._latest_openings = latest_openings
        self._lanes = [(lane, lane.window) for lane in settlement.lanes if lane.window is not None]
        self._hurried: frozenset[str] = frozenset()
        self._was_busy = False
        self._metrics = metrics
        self._told = dict.fromkeys([lane.name for lane, _ in self._lanes], LaneWork())
        self._missed_s = dict.fromkeys(self._told, -math.inf)
        """The last time that a lane was not ready by, as told."""
        for lane in self._told:
            metrics.opens_by_clock(lane)

    def due_for_s(self, topic: str) -> float:
        """Return for how long something of `topic` has been due at most, by its lane's moments."""
        for lane, window in self._lanes:
            if topic in lane.topics:
                return window.due_for_s(time.time())
        return math.inf

    @property
    def next_openings(self) -> dict[tuple[str, str], float]:
        """The next moments of lanes that have any, by lane and topic; wall seconds."""
        return {
            (lane.name, topic): window.next_s
            for lane, window in self._lanes
            if math.isfinite(window.next_s)
            for topic in lane.topics
        }

    async def run(self) -> None:
        """Look at the clock for ever, whenever a moment comes."""
        while self._lanes:
            self._look()
            while await self._find_targets():
                self._look()
            await asyncio.sleep(self._pause_s())

    def look(self) -> None:
        """Open and shut by what is read and answered; costs nothing while all is shut and empty.

        To be called before each fetch, and whenever something was prepared or has left.
        """
        is_busy = any(window.is_open or lane.budget.requests for lane, window in self._lanes)
        if is_busy or self._was_busy:
            self._look()
        self._was_busy = is_busy

    def _look(self) -> None:
        wall_s, now_s = time.time(), time.monotonic()
        was_open = self._open_lanes()
        for lane, window in self._lanes:
            standings = _standings_of(self._source, lane.name)
            self._latest_openings.look(lane.name, standings, wall_s=wall_s)
            for ended in window.look(standings, wall_s=wall_s, now_s=now_s):
                self._tell(lane.name, window, ended, wall_s)
            self._tell_missed_time(lane.name, window, wall_s)
        self._hurry(self._waiting_for_nothing())
        if self._open_lanes() - was_open:
            self._settlement.room.ring()
            self._source.wake()

    def _hurry(self, lanes: frozenset[str]) -> None:
        if lanes != self._hurried:
            self._hurried = lanes
            self._dispatch.hurry(lanes)

    def _open_lanes(self) -> frozenset[str]:
        return frozenset(lane.name for lane, _ in self._lanes if lane.is_open)

    def _waiting_for_nothing(self) -> frozenset[str]:
        """Return the lanes of which no more requests come to gather before long."""
        return frozenset(
            lane.name
            for lane, _ in self._lanes
            if not lane.is_open
            and not self._turns.coming_of(lane.name)
            and not self._steps.coming_of(lane.name)
        )

    async def _find_targets(self) -> bool:
        """Ask where logs end, or ended; return whether anything is known now that was not."""
        found = False
        for _, window in self._lanes:
            if (question := window.question) is not None:
                ends = await self._source.log_ends(question.partitions, as_of_s=question.as_of_s)
                window.found(question, ends)
                found = found or bool(ends)
        return found

    def _tell(self, lane: str, window: Window, ended: WindowEnd, wall_s: float) -> None:
        if ended.outcome == "missed":
            self._metrics.window_ended(lane, ended, None)
            _log_missed(lane, window, ended)
            return
        done = self._metrics.work(lane)
        work, self._told[lane] = done.since(self._told[lane]), done
        self._metrics.window_ended(lane, ended, work.fill_ratio)
        _log_ended(lane, window, ended, work)
        if ended.ready_by_s is not None and ended.ready_by_s > wall_s and work.records:
            log(
                Event.READY_BY_MET,
                lane=lane,
                ready_by=window.shown(ended.ready_by_s),
                spare_s=round(ended.ready_by_s - wall_s, 3),
                partitions=self._partitions(lane),
            )

    def _tell_missed_time(self, lane: str, window: Window, wall_s: float) -> None:
        time_s = window.ready_by_s
        if time_s is None or wall_s < time_s or not window.left or self._missed_s[lane] == time_s:
            return
        self._missed_s[lane] = time_s
        log(
            Event.READY_BY_MISSED,
            lane=lane,
            ready_by=window.shown(time_s),
            records=window.left,
            partitions=self._partitions(lane),
        )

    def _partitions(self, lane: str) -> int:
        """Return of how many partitions this worker speaks; who scales speaks of all, and does not say."""
        return sum(ledger.lane.name == lane for ledger in self._source.ledgers.values())

    def _pause_s(self) -> float:
        next_s = min([window.next_s for _, window in self._lanes], default=math.inf)
        return min(max(next_s - time.time(), _SHORTEST_S), _LOOK_S)


def _standings_of(source: Source, lane: str) -> dict[Partition, Standing]:
    """Return how far a lane's partitions are read and settled, of those that this worker has."""
    return {
        partition: Standing(ledger.position, ledger.committable)
        for partition, ledger in source.ledgers.items()
        if ledger.lane.name == lane
    }


def _log_missed(lane: str, window: Window, missed: WindowEnd) -> None:
    log(
        Event.WINDOW_MISSED,
        lane=lane,
        moment=window.shown(missed.moment_s),
        next=window.shown(window.next_s),
    )


def _log_ended(lane: str, window: Window, ended: WindowEnd, work: LaneWork) -> None:
    """Tell of a window, with what this worker did since it told of the one before."""
    log(
        Event.WINDOW_ENDED,
        lane=lane,
        moment=window.shown(ended.moment_s),
        outcome=ended.outcome,
        delay_s=round(ended.delay_s, 3),
        open_s=round(ended.open_s, 3),
        records=int(work.records),
        results=int(work.results),
        errors=int(work.errors),
        batches=int(work.batches),
        fill=None if work.fill_ratio is None else round(work.fill_ratio, 3),
        run_s=round(work.run_s, 3),
        next=window.shown(window.next_s),
    )
