"""The one door out: answers to the broker, and only then to the ledgers.

Answers wait in a queue per destination partition; each queue sends everything it holds at once
and collects the next load while that is under way, so sends grow with the load by themselves.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Collection, Coroutine, Sequence
from typing import Protocol

from daemon.values.errors import Exit, Fatal
from daemon.values.messages import Answer
from daemon.values.ports import RecordTooLarge, SendDenied, SendFailed, Sink

_RETRY_S = 0.25
"""Pause before a send whose fate is unknown is repeated; the sink has waited long by then."""
_MOST_RECORDS = 2_000
"""Records of one send: at 200 bytes each about one producer batch (400 KiB)."""

Destination = tuple[str, int]


class Undeliverable(Protocol):
    """What becomes of an answer that cannot leave as it is; see daemon.answering.replies."""

    def too_large(self, answer: Answer) -> Answer:
        """The answer to send in place of one the broker refuses for its size."""

    def no_topic(self, answer: Answer) -> Answer:
        """The dead letter for an answer whose reply topic does not exist."""

    def no_partition(self, answer: Answer) -> Answer:
        """The error reply for an answer that names a partition its topic lacks."""


class Outbox:
    """Publishes answers; `settled` is told of those the broker has and of the seconds that took,
    `dropped` of those that are not owed any more.

    Answers of a lost ledger are dropped, never sent: another worker owes them now. `may_send` is
    asked right before each send (the lease).
    """

    def __init__(
        self,
        sink: Sink,
        undeliverable: Undeliverable,
        *,
        own_topics: Collection[str],
        may_send: Callable[[], bool],
        settled: Callable[[Sequence[Answer], float], None],
        dropped: Callable[[Sequence[Answer]], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        self._sink = sink
        self._undeliverable = undeliverable
        self._own_topics = frozenset(own_topics)
        self._may_send = may_send
        self._settled = settled
        self._dropped = dropped
        self._failed = failed
        self._queues: dict[Destination, deque[Answer]] = {}
        self._counts: dict[str, int] = {}
        self._unplaced: dict[str, list[Answer]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._pending = 0

    @property
    def pending(self) -> int:
        """Answers the broker has not acknowledged."""
        return self._pending

    def put(self, answers: Sequence[Answer]) -> None:
        """Take `answers` over; returns at once."""
        self._pending += len(answers)
        self._place_all(answers)

    def forget_counts(self) -> None:
        """Ask for partition counts anew, so that added partitions come into use."""
        self._counts.clear()

    def _place_all(self, answers: Sequence[Answer]) -> None:
        """Put each into the queue of its destination; neighbours mostly share one."""
        ledger, topic, queue = None, "", None
        for answer in answers:
            if (
                queue is not None
                and answer.ledger is ledger
                and answer.topic == topic
                and answer.partition is None
            ):
                queue.append(answer)
                continue
            placed = self._place(answer)
            ledger, topic = answer.ledger, answer.topic
            queue = placed if answer.partition is None else None

    def _place(self, answer: Answer) -> deque[Answer] | None:
        """Return the queue it is in now, None when its destination is not known yet."""
        count = self._counts.get(answer.topic)
        if count is None:
            self._look_up(answer)
            return None
        number = answer.record.partition % count if answer.partition is None else answer.partition
        if number >= count:
            return self._place(self._undeliverable.no_partition(answer))
        queue = self._queues.get((answer.topic, number))
        if queue is None:
            queue = self._queues[answer.topic, number] = deque()
            self._spawn(self._empty(answer.topic, number))
        queue.append(answer)
        return queue

    def _look_up(self, answer: Answer) -> None:
        waiting = self._unplaced.setdefault(answer.topic, [])
        waiting.append(answer)
        if len(waiting) == 1:
            self._spawn(self._resolve(answer.topic))

    async def _resolve(self, topic: str) -> None:
        """Place what waits for the partition count of `topic`; nothing else waits for it."""
        try:
            count = await self._sink.partition_count(topic)
        except SendFailed:
            await asyncio.sleep(_RETRY_S)
            self._spawn(self._resolve(topic))
            return
        answers = self._unplaced.pop(topic)
        if count is not None:
            self._counts[topic] = count
            self._place_all(answers)
        else:
            self._readdress(topic, answers)

    def _readdress(self, topic: str, answers: Sequence[Answer]) -> None:
        """Send to the dead letters what was meant for a topic that nobody can write to."""
        if any(answer.dead for answer in answers):
            raise Fatal(Exit.SETTINGS, f"the dead-letter topic {topic} does not exist: create it")
        self._place_all([self._undeliverable.no_topic(answer) for answer in answers])

    async def _empty(self, topic: str, number: int) -> None:
        """Send the queue of one destination until nothing is left in it."""
        queue = self._queues[topic, number]
        while queue:
            load = [queue.popleft() for _ in range(min(len(queue), _MOST_RECORDS))]
            await self._deliver(topic, number, load)
        del self._queues[topic, number]

    async def _deliver(self, topic: str, number: int, answers: list[Answer]) -> None:
        """Send until the broker has all of `answers` that are still owed."""
        while owed := self._owed(answers):
            records = [(answer.key, answer.value, answer.headers) for answer in owed]
            began_s = time.monotonic()
            try:
                await self._sink.send(topic, number, records)
            except RecordTooLarge as error:
                answers = self._shrink(owed, set(error.refused), began_s)
            except SendDenied as error:
                if topic in self._own_topics:
                    raise Fatal(
                        Exit.DENIED, f"not allowed to write to {topic}: grant Write on it"
                    ) from error
                self._readdress(topic, owed)
                return
            except SendFailed:
                if await self._has_moved(topic, number):
                    self._place_all(owed)
                    return
                answers = owed
                await asyncio.sleep(_RETRY_S)
            else:
                self._settle(owed, began_s)
                return

    def _shrink(self, answers: list[Answer], refused: set[int], began_s: float) -> list[Answer]:
        """Settle what the broker took; return what to send in place of the rest."""
        self._settle([answer for i, answer in enumerate(answers) if i not in refused], began_s)
        return [self._undeliverable.too_large(answers[i]) for i in sorted(refused)]

    def _settle(self, answers: list[Answer], began_s: float) -> None:
        self._pending -= len(answers)
        if answers:
            self._settled(answers, time.monotonic() - began_s)

    async def _has_moved(self, topic: str, number: int) -> bool:
        """Whether `topic` is gone, or was made anew without this partition."""
        try:
            count = await self._sink.partition_count(topic)
        except SendFailed:
            return False
        self._counts.pop(topic, None)
        return count is None or number >= count

    def _owed(self, answers: list[Answer]) -> list[Answer]:
        """Drop what another worker owes by now; return the rest."""
        lease = self._may_send()
        if lease and not any(ledger.lost for ledger in {answer.ledger for answer in answers}):
            return answers
        owed: list[Answer] = []
        gone: list[Answer] = []
        for answer in answers:
            (owed if lease and not answer.ledger.lost else gone).append(answer)
        self._pending -= len(gone)
        self._dropped(gone)
        return owed

    def _spawn(self, coroutine: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed(error)

    def close(self) -> None:
        """Give up what is still on its way; unsettled, so Kafka delivers it again."""
        for task in self._tasks:
            task.cancel()
