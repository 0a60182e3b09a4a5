"""The one door out: answers to the broker, and only then to the ledgers.

Answers wait by destination partition; what is there leaves at once, as far as lanes take turns
(destination.py), and collects while that is under way, so sends grow with the load by themselves.
A run of replies waits and is sent whole, as it is owed whole; once the broker takes only some of a
load, all of it is single answers.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence

from daemon.line.destination import Destination
from daemon.line.routing import Backoff, Routing
from daemon.loop.tasks import Tasks
from daemon.loop.trouble import Trouble
from daemon.values.lane import LanePolicy
from daemon.values.messages import Answer
from daemon.values.outgoing import Outgoing
from daemon.values.ports import Delivery, SendError
from daemon.values.reply_run import Leaving, ReplyRun, apart


class Outbox:
    """Publishes answers; `taken` is told of all, `settled` of those the broker has and of the seconds
    that took, `dropped` of those that are not owed any more.

    Answers of a lost ledger are dropped, never sent: another worker owes them now. `may_send` is
    asked right before each send (the lease). What a topic does not take goes where `routing` says.
    """

    def __init__(
        self,
        delivery: Delivery,
        routing: Routing,
        lanes: Mapping[str, LanePolicy],
        *,
        may_send: Callable[[], bool],
        taken: Callable[[Sequence[Leaving]], None],
        settled: Callable[[Sequence[Leaving], float], None],
        dropped: Callable[[Sequence[Leaving]], None],
        trouble: Trouble,
        tasks: Tasks,
    ) -> None:
        """`lanes` are all of the line."""
        self._delivery = delivery
        self._routing = routing
        self._lanes = lanes
        self._may_send = may_send
        self._taken = taken
        self._settled = settled
        self._dropped = dropped
        self._trouble = trouble
        self._destinations: dict[tuple[str, int], Destination] = {}
        """By topic and partition."""
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
        self._routing.forget_counts()
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
        number = self._routing.partition(answer)
        if number is None:
            self._look_up(answer)
            return None
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
        count = await self._routing.count(topic)
        self._place_all(self._routing.placeable(self._unplaced.pop(topic), count))

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
        is_first, backoff = True, Backoff()
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
                    backoff = Backoff()
                rerouted = await self._routing.reroute(
                    unsent, topic, number, error, waited_s=backoff.waited_s
                )
                self._place_all(rerouted.leaving)
                answers = rerouted.staying
                if rerouted.pauses:
                    await backoff.pause()
            else:
                self._trouble.end(topic)
                self._settle(owed, began_s)
                return is_first
        return False

    def _settle(self, answers: Sequence[Leaving], began_s: float) -> None:
        self._pending -= _count(answers)
        followed = [each.then for each in answers if isinstance(each, Answer) and each.then]
        if followed:
            self.put(followed)
            answers = [each for each in answers if isinstance(each, ReplyRun) or not each.then]
        if answers:
            self._settled(answers, time.monotonic() - began_s)

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
