"""The books of the line: what comes in, how it ends, and what it held meanwhile.

The one place where a request ends: its offset in its ledger, its share of its lane's budget, and
what is counted of it. Knows no station.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from daemon.admission.admission import Admitted
from daemon.loop.wakeup import Wakeup
from daemon.telemetry.metrics import Metrics
from daemon.values.lane import Lane
from daemon.values.ledger import Ledger
from daemon.values.messages import Chunk, Record, Request
from daemon.values.reply_run import Leaving, offsets_of

_Item = TypeVar("_Item", Leaving, Request)


class Settlement:
    """Counts requests into their lanes and out of them."""

    def __init__(
        self,
        lanes: Sequence[Lane],
        metrics: Metrics,
        *,
        moved: Callable[[], None],
        less_made: Callable[[], None],
    ) -> None:
        """`moved` is called whenever requests have left the line, `less_made` whenever less is held of
        what was made of them: inputs, outputs, replies.
        """
        self.lanes = lanes
        self.room = Wakeup()
        """Rings when a lane is open again that was full, or shut; for the one that fetches."""
        self._metrics = metrics
        self._moved = moved
        self._less_made = less_made
        self._left = asyncio.Event()
        self._holds = True

    @property
    def in_flight_requests(self) -> int:
        """Requests between fetch and acknowledged answer."""
        return sum([lane.budget.requests for lane in self.lanes])

    @property
    def in_flight_bytes(self) -> int:
        """Their bytes."""
        return sum([lane.budget.bytes for lane in self.lanes])

    def entered(self, chunk: Chunk, admitted: Admitted, *, wall_s: float) -> None:
        """`chunk` was fetched at `wall_s`, and this came of it, but for what is left."""
        lane = chunk.ledger.lane
        lane.budget.take(admitted.count, admitted.cost_bytes)
        records = _without(chunk.records, admitted.left)
        self._metrics.received(lane.name, records, unreadable=len(chunk.unreadable), wall_s=wall_s)
        if admitted.skewed:
            self._metrics.skewed(lane.name, admitted.skewed)

    def prepared(self, requests: Sequence[Request]) -> None:
        """Transforms have made inputs of `requests`, which are of one lane."""
        if requests:
            budget = requests[0].ledger.lane.budget
            budget.take_prepared(sum([request.prepared_bytes for request in requests]))

    def ran(self, requests: Sequence[Request], outputs_bytes: int) -> None:
        """The outputs of `requests`, which are of one lane, wait for their transform."""
        requests[0].ledger.lane.budget.take_replies(outputs_bytes)

    def finished(self, requests: Sequence[Request], outputs_bytes: int) -> None:
        """They do no more: the answers of `requests` are made."""
        requests[0].ledger.lane.budget.give_replies(outputs_bytes)
        self._less_made()

    @property
    def full_of_prepared(self) -> frozenset[str]:
        """The lanes of which transforms are to make no more inputs before some have been answered."""
        return frozenset(lane.name for lane in self.lanes if not lane.budget.has_room_to_prepare)

    def answered(self, answers: Sequence[Leaving]) -> None:
        """`answers` are on their way to the broker; those with bodies are of one lane."""
        self._left.set()
        size_bytes = sum([answer.reply_bytes for answer in answers])
        if size_bytes:
            answers[0].ledger.lane.budget.take_replies(size_bytes)
        if any(answer.prepared_bytes for answer in answers):
            for ledger, group in _by_ledger(answers).items():
                prepared_bytes = sum([answer.prepared_bytes for answer in group])
                self._give_back(ledger.lane, 0, prepared_bytes, prepared_bytes)
            self._less_made()

    @property
    def full_of_replies(self) -> frozenset[str]:
        """The lanes of which nothing more is to run before the broker has taken some replies.

        Nor is a transform to see more of them: it may answer by itself.
        """
        if not self._holds:
            return frozenset()
        return frozenset(lane.name for lane in self.lanes if not lane.budget.has_room_for_replies)

    def hold(self, *, on: bool) -> None:
        """Whether lanes get full of replies; who says no sees to it that little comes."""
        self._holds = on

    def settled(self, answers: Sequence[Leaving], publish_s: float) -> None:
        """The broker has `answers`, which took `publish_s`."""
        for ledger, group in _by_ledger(answers).items():
            if not ledger.lost:
                ledger.settle(offsets_of(group))
                ledger.has_result = ledger.has_result or any(each.code is None for each in group)
            ledger.lane.budget.give_replies(sum([answer.reply_bytes for answer in group]))
            self._metrics.answered(ledger.lane.name, group, wall_s=time.time())
            self._metrics.stage(ledger.lane.name, "publish", publish_s)
            self._give_back(ledger.lane, *_held(group))
        self._note_change()

    def handed_back(self, requests: Sequence[Request]) -> None:
        """Another worker owes `requests` now."""
        for ledger, group in _by_ledger(requests).items():
            self._metrics.handed_back(ledger.lane.name, len(group))
            cost_bytes = sum([request.cost_bytes for request in group])
            prepared_bytes = sum([request.prepared_bytes for request in group])
            self._give_back(ledger.lane, len(group), cost_bytes, prepared_bytes)
        self._note_change()

    def dropped(self, answers: Sequence[Leaving]) -> None:
        """Another worker owes `answers` now."""
        for ledger, group in _by_ledger(answers).items():
            ledger.lane.budget.give_replies(sum([answer.reply_bytes for answer in group]))
            count, cost_bytes = _held(group)
            self._metrics.handed_back(ledger.lane.name, count)
            self._give_back(ledger.lane, count, cost_bytes)
        self._note_change()

    def committed(self, commit_s: float) -> None:
        """A commit of what was settled took `commit_s`."""
        for lane in self.lanes:
            self._metrics.stage(lane.name, "commit", commit_s)

    async def change(self) -> None:
        """Wait until requests are on their way out of the line, or have left it."""
        self._left.clear()
        await self._left.wait()

    def _give_back(
        self, lane: Lane, requests: int, size_bytes: int, prepared_bytes: int = 0
    ) -> None:
        was_open = lane.is_open
        lane.budget.give(requests, size_bytes, prepared_bytes)
        if lane.is_open and not was_open:
            self.room.ring()

    def _note_change(self) -> None:
        self._moved()
        self._less_made()
        self._left.set()


def _held(answers: Sequence[Leaving]) -> tuple[int, int]:
    """Return how many requests `answers` end, and what these hold."""
    count = sum([answer.count for answer in answers])
    return count, sum([answer.cost_bytes for answer in answers])


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


def _without(records: Sequence[Record], left: Sequence[Record]) -> Sequence[Record]:
    """Return those of `records` that are not `left`; all are of one partition."""
    if not left:
        return records
    offsets = {each.offset for each in left}
    return [each for each in records if each.offset not in offsets]
