"""The one door out: answers to the broker, and only then to the ledgers.

Answers wait by destination partition; what is there leaves at once, as far as lanes take turns
(destination.py), and collects while that is under way, so sends grow with the load by themselves.
A run of replies waits and is sent whole, as it is owed whole; once the broker takes only some of a
load, all of it is single answers.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress

from daemon.answering.undeliverable import NoForm, Undeliverable
from daemon.line.destination import Destination
from daemon.loop.tasks import Tasks
from daemon.loop.trouble import Trouble
from daemon.values.errors import Exit
from daemon.values.lane import LanePolicy
from daemon.values.messages import Answer
from daemon.values.outgoing import Outgoing
from daemon.values.ports import (
    Delivery,
    RecordsRefused,
    RecordTooLarge,
    SendBlocked,
    SendDenied,
    SendError,
    SendFailed,
)
from daemon.values.reply_run import Leaving, ReplyRun, apart

_RETRY_S = 0.25
"""Pause before a send whose fate is unknown is repeated; the sink has waited long by then."""
_LONGEST_RETRY_S = 2.0
"""As far apart as attempts get: what passes by itself is over at most so much earlier."""


class Outbox:
    """Publishes answers; `taken` is told of all, `settled` of those the broker has and of the seconds
    that took, `dropped` of those that are not owed any more.

    Answers of a lost ledger are dropped, never sent: another worker owes them now. `may_send` is
    asked right before each send (the lease). An answer that a topic of somebody else refuses for
    `patience_s`, for a reason that might pass, becomes a dead letter. Our own topics are waited for,
    whatever they lack, as long as `trouble` lets us.
    """

    def __init__(
        self,
        delivery: Delivery,
        undeliverable: Undeliverable,
        lanes: Mapping[str, LanePolicy],
        *,
        own_topics: Collection[str],
        may_send: Callable[[], bool],
        taken: Callable[[Sequence[Leaving]], None],
        settled: Callable[[Sequence[Leaving], float], None],
        dropped: Callable[[Sequence[Leaving]], None],
        patience_s: float,
        trouble: Trouble,
        tasks: Tasks,
    ) -> None:
        """`lanes` are all of the line."""
        self._delivery = delivery
        self._undeliverable = undeliverable
        self._lanes = lanes
        self._own_topics = frozenset(own_topics)
        self._may_send = may_send
        self._taken = taken
        self._settled = settled
        self._dropped = dropped
        self._patience_s = patience_s
        self._trouble = trouble
        self._destinations: dict[tuple[str, int], Destination] = {}
        """By topic and partition."""
        self._counts: dict[str, int] = {}
        self._unplaced: dict[str, list[Leaving]] = {}
        self._tasks = Tasks(tasks)
        self._pending = 0

    @property
    def trouble(self) -> str:
        """Why nothing can be published at the moment, and what to do; empty when all is well."""
        return self._trouble.reason or self._delivery.trouble

    @property
    def outage(self) -> str:
        """The same where only somebody outside can mend it; see daemon.values.ports.Delivery."""
        return self._trouble.outage or self._delivery.outage

    @property
    def pending(self) -> int:
        """Answers the broker has not acknowledged."""
        return self._pending

    def put(self, answers: Sequence[Leaving]) -> None:
        """Take `answers` over; returns at once."""
        self._pending += _count(answers)
        self._taken(answers)
        self._place_all(answers)

    def forget_counts(self) -> None:
        """Ask for partition counts anew, so that added partitions come into use.

        What is known of destinations to which nothing is on its way is forgotten too.
        """
        self._counts.clear()
        self._destinations = {
            address: each for address, each in self._destinations.items() if each.is_emptied
        }

    def _place_all(self, answers: Sequence[Leaving]) -> None:
        """Let each wait at its destination; neighbours mostly share one, and a lane."""
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

    def _place(self, answer: Leaving) -> deque[Leaving] | None:
        """Return the queue it is in now, None when its destination is not known yet.

        Answers of one ledger are of one lane.
        """
        count = self._counts.get(answer.topic)
        if count is None or _is_lacking(answer, count):  # it may have been added
            self._look_up(answer)
            return None
        number = answer.ledger.number % count if answer.partition is None else answer.partition
        destination = self._destinations.get((answer.topic, number))
        if destination is None:
            destination = self._destinations[answer.topic, number] = Destination(self._lanes)
        if not destination.is_emptied:
            destination.is_emptied = True
            name = f"outbox {answer.topic}/{number}"
            self._tasks.start(self._empty(answer.topic, number, destination), name=name)
        queue = destination.queue(answer.lane)
        queue.append(answer)
        return queue

    def _look_up(self, answer: Leaving) -> None:
        waiting = self._unplaced.setdefault(answer.topic, [])
        waiting.append(answer)
        if len(waiting) == 1:
            self._tasks.start(self._resolve(answer.topic), name=f"outbox {answer.topic}")

    async def _resolve(self, topic: str) -> None:
        """Place what waits for the partition count of `topic`; nothing else waits for it."""
        count = await self._ask_count(topic)
        answers = self._unplaced.pop(topic)
        if count is None:
            self._readdress(answers)
            return
        self._counts[topic] = count
        lacking = [answer for answer in answers if _is_lacking(answer, count)]
        self._place_all([answer for answer in answers if not _is_lacking(answer, count)])
        self._place_all([self._undeliverable.no_partition(answer) for answer in apart(lacking)])

    async def _ask_count(self, topic: str) -> int | None:
        """Ask until the broker says how many partitions `topic` has; topics of ours have some."""
        backoff = _Backoff()
        while True:
            with suppress(SendFailed):
                count = await self._count(topic)
                if count is not None or topic not in self._own_topics:
                    return count
            await backoff.pause()

    async def _count(self, topic: str) -> int | None:
        """Return how many partitions `topic` has, None for one that nobody can write to.

        Raises SendFailed when the broker does not answer, Fatal when ours is gone for too long.
        """
        try:
            count = await self._delivery.partition_count(topic)
        except SendDenied as error:
            self._note_denied(topic, error)
            return None
        if count is None and topic in self._own_topics:
            reason = f"the topic {topic} does not exist: create it"
            self._trouble.meet(topic, "absent", reason, exit_code=Exit.SETTINGS)
        return count

    def _note_denied(self, topic: str, error: SendDenied) -> None:
        if topic in self._own_topics:
            reason = f"{error}: grant Write on it"
            self._trouble.meet(topic, SendDenied, reason, exit_code=Exit.DENIED)

    def _readdress(self, answers: Sequence[Leaving]) -> None:
        """Send to the dead letters what was meant for a topic that nobody can write to."""
        self._place_all([self._undeliverable.no_topic(answer) for answer in apart(answers)])

    async def _empty(self, topic: str, number: int, destination: Destination) -> None:
        """Send what waits at `destination` until nothing is left there."""
        while load := destination.load():
            began_s = time.monotonic()
            if await self._deliver(topic, number, load):
                destination.left(time.monotonic() - began_s)
        destination.is_emptied = False

    async def _deliver(self, topic: str, number: int, answers: Sequence[Leaving]) -> bool:
        """Send until the broker has all of `answers` that are still owed and still go there.

        Returns whether it took them at the first attempt.
        """
        is_first, backoff = True, _Backoff()
        while owed := self._owed(answers):
            records = [*map(_outgoing, owed)]
            began_s = time.monotonic()
            try:
                await self._delivery.deliver(topic, number, records)
            except SendError as error:
                is_first = False
                taken, unsent = _parted(apart(owed), error)
                if taken:
                    self._settle(taken, began_s)
                    backoff = _Backoff()
                if isinstance(error, RecordsRefused):
                    answers, stuck = self._replace(unsent, error)
                    if stuck:
                        await backoff.pause()
                elif await self._go_elsewhere(topic, number, [*unsent.values()], error, backoff):
                    return False
                else:
                    answers = [*unsent.values()]
                    await backoff.pause()
            else:
                self._trouble.end(topic)
                self._settle(owed, began_s)
                return is_first
        return False

    def _replace(
        self, unsent: Mapping[int, Answer], error: RecordsRefused
    ) -> tuple[list[Answer], bool]:
        """Return what is to be sent in place of `unsent`, and whether some of it has no other form.

        What goes elsewhere now is placed anew.
        """
        staying: list[Answer] = []
        leaving: list[Answer] = []
        stuck = False
        for index, answer in unsent.items():
            if index not in error.refused:
                staying.append(answer)
                continue
            try:
                instead = self._instead(answer, error)
            except NoForm as form:
                self._trouble.meet(answer.topic, "no form", str(form), exit_code=Exit.SETTINGS)
                instead, stuck = answer, True
            stays = (instead.topic, instead.partition) == (answer.topic, answer.partition)
            (staying if stays else leaving).append(instead)
        self._place_all(leaving)
        return staying, stuck

    def _instead(self, answer: Answer, error: RecordsRefused) -> Answer:
        """Return what is sent in place of a refused `answer`; raises NoForm."""
        if isinstance(error, RecordTooLarge):
            return self._undeliverable.too_large(answer)
        return self._undeliverable.refused(answer, str(error))

    async def _go_elsewhere(
        self, topic: str, number: int, answers: list[Answer], error: SendError, backoff: "_Backoff"
    ) -> bool:
        """Whether `answers` have another destination now, since there is no use in trying again."""
        own = topic in self._own_topics
        if isinstance(error, SendDenied):
            self._note_denied(topic, error)
            if not own:
                self._readdress(answers)
            return not own
        if isinstance(error, SendBlocked):
            if own or backoff.waited_s < self._patience_s:
                return False
            self._place_all([self._undeliverable.refused(answer, str(error)) for answer in answers])
            return True
        if await self._has_moved(topic, number):
            self._place_all(answers)
            return True
        return False

    def _settle(self, answers: Sequence[Leaving], began_s: float) -> None:
        self._pending -= _count(answers)
        followed = [each.then for each in answers if isinstance(each, Answer) and each.then]
        if followed:
            self.put(followed)
            answers = [each for each in answers if isinstance(each, ReplyRun) or not each.then]
        if answers:
            self._settled(answers, time.monotonic() - began_s)

    async def _has_moved(self, topic: str, number: int) -> bool:
        """Whether `topic` is gone, or was made anew without this partition."""
        try:
            count = await self._count(topic)
        except SendFailed:
            return False
        self._counts.pop(topic, None)
        return count is None or number >= count

    def _owed(self, answers: Sequence[Leaving]) -> Sequence[Leaving]:
        """Drop what another worker owes by now; return the rest."""
        lease = self._may_send()
        if lease and not any(ledger.lost for ledger in {answer.ledger for answer in answers}):
            return answers
        owed: list[Leaving] = []
        gone: list[Leaving] = []
        for answer in answers:
            (owed if lease and not answer.ledger.lost else gone).append(answer)
        self._pending -= _count(gone)
        self._dropped(gone)
        return owed

    def close(self) -> None:
        """Give up what is still on its way; unsettled, so Kafka delivers it again."""
        self._tasks.cancel()


class _Backoff:
    """Pauses before what failed is tried again, longer and longer while nothing helps."""

    def __init__(self) -> None:
        self._pause_s = _RETRY_S
        self.waited_s = 0.0

    async def pause(self) -> None:
        await asyncio.sleep(self._pause_s)
        self.waited_s += self._pause_s
        self._pause_s = min(2 * self._pause_s, _LONGEST_RETRY_S)


def _is_lacking(answer: Leaving, count: int) -> bool:
    """Whether the partition that is named for `answer` is beyond `count` of them."""
    return answer.partition is not None and answer.partition >= count


def _count(answers: Iterable[Leaving]) -> int:
    return sum([answer.count for answer in answers])


def _outgoing(answer: Leaving) -> Outgoing:
    if isinstance(answer, ReplyRun):
        return answer.records
    return answer.key, answer.value, answer.headers


def _parted(answers: Sequence[Answer], error: SendError) -> tuple[list[Answer], dict[int, Answer]]:
    """Return those of `answers` that the broker has, and by their index those it may not have."""
    unsent = range(len(answers)) if error.unsent is None else error.unsent
    taken = [answer for index, answer in enumerate(answers) if index not in unsent]
    return taken, {index: answers[index] for index in sorted(unsent)}
