"""From the source to the lanes: fetch what there is room for, admit it, let it gather.

One task that does nothing else.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence

from daemon.admission.admission import Admission
from daemon.batching.batcher import Batcher
from daemon.line.outbox import Outbox
from daemon.loop.wakeup import Wakeup
from daemon.preparing.transforms import Transforms
from daemon.telemetry.metrics import Metrics
from daemon.values.budget import Budget
from daemon.values.messages import Answer, Chunk, Request
from daemon.values.ports import Source

_MOST_RECORDS = 4_096
"""Records admitted in one go: about 5 ms of the loop, which an urgent request may have to wait."""
_HELD_S = 0.05
"""Longest fetch while a lane is held, so that it is asked again soon after it opens."""
_OPEN_S = 1.0
"""Longest fetch otherwise; records are returned at once when there are any."""


class Intake:
    """Fetches for lanes with room; `changed` is called when the lanes have more to batch."""

    def __init__(
        self,
        source: Source,
        admission: Admission,
        transforms: Transforms,
        batcher: Batcher,
        outbox: Outbox,
        *,
        lanes: Mapping[str, str],
        budgets: Mapping[str, Budget],
        metrics: Metrics,
        changed: Callable[[], None],
        dropped: Callable[[Sequence[Request]], None],
        hurried: bool,
    ) -> None:
        """`lanes` names each topic's lane; `hurried`: some lane is eager and must know of idleness."""
        self._source = source
        self._admission = admission
        self._transforms = transforms
        self._batcher = batcher
        self._outbox = outbox
        self._lanes = lanes
        self._budgets = budgets
        self._metrics = metrics
        self._changed = changed
        self._dropped = dropped
        self._hurried = hurried
        self._room = Wakeup()
        self._stopped = False
        self._drained = False

    @property
    def drained(self) -> bool:
        """Whether the last fetch found nothing more, and nothing fetched is still prepared."""
        return self._drained and self._transforms.preparing == 0

    def stop(self) -> None:
        """Fetch no more; what the present fetch brings is left to redelivery."""
        self._stopped = True
        self._room.ring()

    def give_back(self, lane: str, requests: int, size_bytes: int) -> None:
        """Return the budget of requests that have left the line."""
        budget = self._budgets[lane]
        held = not budget.has_room
        budget.give(requests, size_bytes)
        if held and budget.has_room:
            self._room.ring()

    async def run(self) -> None:
        """Fetch and admit until stopped; raises Fatal."""
        while not self._stopped:
            topics = self._open_topics()
            if not topics:
                await self._source.fetch((), max_records=0, timeout_s=0.0)
                await self._room.wait(_OPEN_S)
                continue
            self._admit(await self._fetch(topics))
            await asyncio.sleep(0)  # buffered records come back without a suspension

    def _open_topics(self) -> Collection[str]:
        return [topic for topic, lane in self._lanes.items() if self._budgets[lane].has_room]

    async def _fetch(self, topics: Collection[str]) -> Sequence[Chunk]:
        """Fetch at once what is there; only then, and saying so, wait for more."""
        most = min(_MOST_RECORDS, max(self._budgets[self._lanes[topic]].room for topic in topics))
        if self._hurried and not self._drained:
            chunks = await self._source.fetch(topics, max_records=most, timeout_s=0.0)
            if chunks:
                return chunks
            self._drained = True
            self._changed()
        longest_s = _OPEN_S if len(topics) == len(self._lanes) else _HELD_S
        chunks = await self._source.fetch(topics, max_records=most, timeout_s=longest_s)
        self._drained = self._drained and not chunks
        return chunks

    def _admit(self, chunks: Sequence[Chunk]) -> None:
        if self._stopped:  # while it fetched: they are left to redelivery
            return
        for chunk in chunks:
            lane = self._lanes[chunk.ledger.topic]
            now_s, wall_s = time.monotonic(), time.time()
            admitted = self._admission.admit(lane, chunk, now_s=now_s, wall_ms=wall_s * 1000)
            self._budgets[lane].take(admitted.count, admitted.cost_bytes)
            self._metrics.received(
                lane, chunk.records, unreadable=len(chunk.unreadable), wall_s=wall_s
            )
            if admitted.skewed:
                self._metrics.skewed(lane, admitted.skewed)
            if admitted.answers:
                self._outbox.put(admitted.answers)
            if admitted.prepare:
                self._transforms.prepare(admitted.prepare, done=self._prepared)
            if admitted.requests:
                self._offer(admitted.requests)

    def _prepared(self, requests: Sequence[Request], answers: Sequence[Answer]) -> None:
        """Take over what transforms made of requests; `answers` are those they ended themselves."""
        self._outbox.put(answers)
        self._offer([request for request in requests if not request.ledger.lost])
        self._dropped([request for request in requests if request.ledger.lost])

    def _offer(self, requests: Sequence[Request]) -> None:
        self._batcher.offer(requests)
        self._changed()
