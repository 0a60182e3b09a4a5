"""From the source to the lanes: fetch what there is room for, admit it, let it gather.

One task that does nothing else.
"""

import asyncio
import time
from collections.abc import Collection, Sequence
from itertools import takewhile

from daemon.admission.admission import Admission
from daemon.admission.turns import TURN_S, Turns
from daemon.line.dispatch import Dispatch
from daemon.line.lane_clock import LaneClock
from daemon.line.outbox import Outbox
from daemon.line.probing import Probing
from daemon.line.settlement import Settlement
from daemon.preparing.steps import Steps
from daemon.values.lane import Lane
from daemon.values.ledger import Ledger
from daemon.values.messages import Answer, Chunk, Record, Request
from daemon.values.ports import Probe, Source

MOST_BYTES = 2 * 2**20
"""Bytes fetched in one go. By these, and what they grow to when they are decoded, a lane may pass its
limit."""
_HELD_S = 0.05
"""Longest fetch while a lane is full, so that it is asked again soon after it has room."""
_CRASHED = "workers died of this request whenever it ran alone; finding it cost {} crashes"
_OPEN_S = 1.0
"""Longest fetch otherwise; records are returned at once when there are any."""


class Intake:
    """Fetches for lanes that are open."""

    def __init__(
        self,
        source: Source,
        turns: Turns,
        admission: Admission,
        steps: Steps,
        dispatch: Dispatch,
        outbox: Outbox,
        settlement: Settlement,
        probing: Probing,
        lane_clock: LaneClock,
    ) -> None:
        self._source = source
        self._turns = turns
        self._admission = admission
        self._steps = steps
        self._dispatch = dispatch
        self._outbox = outbox
        self._settlement = settlement
        self._probing = probing
        self._lane_clock = lane_clock
        self._is_some_lane_eager = any(lane.policy.eager for lane in settlement.lanes)
        self._stopped = False
        self._drained = False
        """Whether the last fetch found nothing more, which only eager lanes need to know."""

    @property
    def coming(self) -> int:
        """Requests that are admitted, and come to their lanes before anything there has to leave."""
        return self._steps.coming

    def close(self) -> None:
        """Give up what is being prepared."""
        self._steps.close()

    def stop(self) -> None:
        """Fetch no more; what the present fetch brings is left to redelivery."""
        self._stopped = True
        self._settlement.room.ring()

    async def run(self) -> None:
        """Fetch and admit until stopped; raises Fatal."""
        while not self._stopped:
            if (probe := self._probing.due()) is not None:
                await self._probing.run(probe, self._bring)
                continue
            self._lane_clock.look()
            lanes = [lane for lane in self._settlement.lanes if lane.is_open]
            if not lanes:
                await self._source.fetch((), max_records=0, max_bytes=0, timeout_s=0.0)
                await self._settlement.room.wait(_OPEN_S)
                continue
            chunks = await self._fetch(lanes)
            await self._admit(chunks, by_turns=True)
            if not chunks:
                self._probing.nothing_came()

    async def _fetch(self, lanes: Collection[Lane]) -> Sequence[Chunk]:
        """Fetch at once what is there of one lane; only then, and saying so, wait for more of all."""
        may_be_more = self._is_some_lane_eager and not self._drained
        if may_be_more or len(lanes) > 1:
            if chunks := await self._fetch_by_turns(lanes):
                return chunks
            if may_be_more:
                self._drained = True
                self._tell_what_comes()
        is_some_full = any(not lane.budget.has_room for lane in self._settlement.lanes)
        longest_s = _HELD_S if is_some_full else _OPEN_S
        wait_s = min(longest_s, self._probing.next_s())
        chunks = await self._source.fetch(
            [topic for lane in lanes for topic in lane.topics],
            max_records=min(self._most_records(lane) for lane in lanes),
            max_bytes=min(_most_bytes(lane) for lane in lanes),
            timeout_s=wait_s,
        )
        self._drained = self._drained and not chunks
        return chunks

    async def _fetch_by_turns(self, lanes: Collection[Lane]) -> Sequence[Chunk]:
        """Fetch what is there of the first lane that has something; its turn is the next one."""
        by_name = {lane.name: lane for lane in lanes}
        for name in self._turns.order(by_name):
            if chunks := await self._fetch_of(by_name[name], lanes):
                return chunks
        self._turns.rest()
        return ()

    async def _fetch_of(self, lane: Lane, lanes: Collection[Lane]) -> Sequence[Chunk]:
        """Fetch what is there of `lane`, beside which `lanes` are read.

        Where that kept the loop for long, it does everything else before what was read is admitted.
        """
        began_s = time.monotonic()
        chunks = await self._source.fetch(
            lane.topics,
            beside=[topic for other in lanes if other is not lane for topic in other.topics],
            max_records=self._most_records(lane),
            max_bytes=_most_bytes(lane),
            timeout_s=0.0,
        )
        if time.monotonic() - began_s >= self._turns.piece_s:
            await asyncio.sleep(0)
        return chunks

    def _most_records(self, lane: Lane) -> int:
        return min(self._turns.most_records(lane.name), lane.budget.room)

    async def _bring(self, probe: Probe, ledger: Ledger) -> None:
        """Fetch and admit a batch of what runs alone; what is blamed is answered instead.

        It was in flight before, so that no clock shuts it out. No more than N at a time, since nothing
        holds it up for its replies: a lane passes its limit by those of N requests.
        """
        lane = ledger.lane
        chunks = await self._source.fetch(
            lane.topics,
            max_records=min(lane.policy.max_rows, lane.budget.room),
            max_bytes=_most_bytes(lane),
            timeout_s=_HELD_S,
        )
        await self._admit(chunks, probe if probe.is_blamed else None, by_turns=False)

    def _tell_what_comes(self) -> None:
        self._dispatch.expect(more=not self._drained or self._steps.coming > 0)

    async def _admit(
        self, chunks: Sequence[Chunk], blamed: Probe | None = None, *, by_turns: bool
    ) -> None:
        """Admit `chunks` piece by piece; the loop does everything else in between, and at the end.

        `by_turns`: where all that takes longer than a turn, others whose turn it is are not kept
        waiting. What is left when it is stopped, or another worker owes by then, is left to redelivery.
        """
        began_s = turn_s = time.monotonic()
        pieces = self._turns.pieces(chunks)
        for piece in pieces:
            if not self._stopped and self._is_owed(piece.ledger):
                left = self._admit_piece(piece, blamed)
                if left:
                    pieces.give_back(Chunk(piece.ledger, left))
            if time.monotonic() - began_s >= self._turns.piece_s:
                await asyncio.sleep(0)
                if by_turns and time.monotonic() - turn_s >= TURN_S:
                    await self._let_in_before(piece.ledger.lane)
                    turn_s = time.monotonic()
                began_s = time.monotonic()
        self._tell_what_comes()
        # Also where nothing came: buffered records come without a suspension.
        await asyncio.sleep(0)

    async def _let_in_before(self, lane: Lane) -> None:
        """Fetch and admit what is there of lanes whose turn comes before that of `lane`."""
        lanes = [each for each in self._settlement.lanes if each.is_open or each is lane]
        by_name = {each.name: each for each in lanes}
        for name in takewhile(lane.name.__ne__, self._turns.order(by_name)):
            if self._stopped:
                return
            if chunks := await self._fetch_of(by_name[name], lanes):
                await self._admit(chunks, by_turns=False)

    def _is_owed(self, ledger: Ledger) -> bool:
        """Whether what was read into `ledger` is this worker's, and not about to be another's."""
        is_read = self._source.ledgers.get((ledger.topic, ledger.number)) is ledger
        return not ledger.lost and (is_read or ledger.closed)

    def _admit_piece(self, piece: Chunk, blamed: Probe | None) -> Sequence[Record]:
        """Admit `piece`; return what is left of it for another call."""
        now_s, wall_s = time.monotonic(), time.time()
        lane = piece.ledger.lane
        if blamed is not None:
            admitted = self._admission.blame(lane.name, piece, _CRASHED.format(blamed.deaths))
        else:
            admitted = self._admission.admit(lane.name, piece, now_s=now_s, wall_ms=wall_s * 1000)
        self._settlement.entered(piece, admitted, wall_s=wall_s)
        if admitted.answers:
            self._outbox.put(admitted.answers)
        self._steps.prepare(admitted.requests, done=self._prepared)
        self._turns.admitted(lane.name, admitted.count, time.monotonic() - now_s)
        return admitted.left

    def _prepared(self, requests: Sequence[Request], answers: Sequence[Answer]) -> None:
        """Let what is ready gather; `answers` are of those that the steps ended."""
        if answers:
            self._outbox.put(answers)
        if requests:
            self._dispatch.offer(requests)
        self._lane_clock.look()
        self._tell_what_comes()


def _most_bytes(lane: Lane) -> int:
    return min(MOST_BYTES, lane.budget.room_bytes)
