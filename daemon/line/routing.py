"""Where each answer goes, and where else if that does not take it.

Rule 1. An answer goes to the partition that is named for it, else to that of its request modulo the
  count of its topic.
Rule 2. Our own topics are waited for, whatever they lack, as long as `trouble` lets us.
Rule 3. What is meant for a topic of somebody else becomes dead letters where nobody can write to that,
  or once it has refused everything for `patience_s`, for a reason that might pass.
Rule 4. A record that is refused for what it is takes another form (daemon/answering/undeliverable.py).
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from daemon.answering.undeliverable import NoForm, Undeliverable
from daemon.loop.trouble import Trouble
from daemon.values.errors import Exit
from daemon.values.messages import Answer
from daemon.values.ports import (
    Delivery,
    RecordsRefused,
    RecordTooLarge,
    SendBlocked,
    SendDenied,
    SendError,
    SendFailed,
)
from daemon.values.reply_run import Leaving, apart

_RETRY_S = 0.25
"""Pause before a send whose fate is unknown is repeated; the sink has waited long by then."""
_LONGEST_RETRY_S = 2.0
"""As far apart as attempts get: what passes by itself is over at most so much earlier."""


class Backoff:
    """Pauses before what failed is tried again, longer and longer while nothing helps."""

    def __init__(self) -> None:
        self._pause_s = _RETRY_S
        self.waited_s = 0.0

    async def pause(self) -> None:
        """Wait until it is time to try again."""
        await asyncio.sleep(self._pause_s)
        self.waited_s += self._pause_s
        self._pause_s = min(2 * self._pause_s, _LONGEST_RETRY_S)


class Rerouted(NamedTuple):
    """Answers that were not taken: those to be sent again to where they were, after a pause if it
    `pauses`, and those for elsewhere.
    """

    staying: Sequence[Answer]
    leaving: Sequence[Answer]
    pauses: bool


class Routing:
    """Knows the partitions of topics, and what becomes of an answer that one of them does not take."""

    def __init__(
        self,
        delivery: Delivery,
        undeliverable: Undeliverable,
        *,
        own_topics: Collection[str],
        patience_s: float,
        trouble: Trouble,
    ) -> None:
        self._delivery = delivery
        self._undeliverable = undeliverable
        self._own_topics = frozenset(own_topics)
        self._patience_s = patience_s
        self._trouble = trouble
        self._counts: dict[str, int] = {}

    def partition(self, answer: Leaving) -> int | None:
        """Return where in its topic `answer` goes; None: ask for the topic's count, and place it then."""
        count = self._counts.get(answer.topic)
        if count is None or _is_lacking(answer, count):  # it may have been added
            return None
        return answer.ledger.number % count if answer.partition is None else answer.partition

    def forget_counts(self) -> None:
        """Ask for partition counts anew, so that added partitions come into use."""
        self._counts.clear()

    async def count(self, topic: str) -> int | None:
        """Ask until the broker says how many partitions `topic` has; topics of ours have some.

        None: nobody can write to it. Raises Fatal when ours is gone for too long.
        """
        backoff = Backoff()
        while True:
            with suppress(SendFailed):
                count = await self._ask_count(topic)
                if count is not None:
                    self._counts[topic] = count
                if count is not None or topic not in self._own_topics:
                    return count
            await backoff.pause()

    def placeable(self, answers: Sequence[Leaving], count: int | None) -> Sequence[Leaving]:
        """Return what is to be placed of `answers`, whose topic has `count` partitions."""
        if count is None:
            return self._without_topic(answers)
        lacking = [answer for answer in answers if _is_lacking(answer, count)]
        return [
            *[answer for answer in answers if not _is_lacking(answer, count)],
            *[self._undeliverable.no_partition(answer) for answer in apart(lacking)],
        ]

    async def reroute(
        self,
        unsent: Mapping[int, Answer],
        topic: str,
        number: int,
        error: SendError,
        *,
        waited_s: float,
    ) -> Rerouted:
        """Say what becomes of `unsent`, by their places in a send to a partition that met `error`.

        `waited_s`: how long nothing of that send was taken. Raises Fatal.
        """
        if isinstance(error, RecordsRefused):
            return self._replaced(unsent, error)
        answers = [*unsent.values()]
        elsewhere = await self._elsewhere(answers, topic, number, error, waited_s)
        if elsewhere is None:
            return Rerouted(answers, [], pauses=True)
        return Rerouted([], elsewhere, pauses=False)

    def _replaced(self, unsent: Mapping[int, Answer], error: RecordsRefused) -> Rerouted:
        """Give those of `unsent` that were refused another form; one that has none is waited for."""
        staying: list[Answer] = []
        leaving: list[Answer] = []
        stuck = False
        for place, answer in unsent.items():
            if place not in error.refused:
                staying.append(answer)
                continue
            try:
                instead = self._instead(answer, error)
            except NoForm as form:
                self._trouble.meet(answer.topic, "no form", str(form), exit_code=Exit.SETTINGS)
                instead, stuck = answer, True
            stays = (instead.topic, instead.partition) == (answer.topic, answer.partition)
            (staying if stays else leaving).append(instead)
        return Rerouted(staying, leaving, pauses=stuck)

    def _instead(self, answer: Answer, error: RecordsRefused) -> Answer:
        """Return what is sent in place of a refused `answer`; raises NoForm."""
        if isinstance(error, RecordTooLarge):
            return self._undeliverable.too_large(answer)
        return self._undeliverable.refused(answer, str(error))

    async def _elsewhere(
        self, answers: Sequence[Answer], topic: str, number: int, error: SendError, waited_s: float
    ) -> Sequence[Answer] | None:
        """Return as what `answers` leave for elsewhere, None where trying again may help."""
        own = topic in self._own_topics
        if isinstance(error, SendDenied):
            self._note_denied(topic, error)
            return None if own else self._without_topic(answers)
        if isinstance(error, SendBlocked):
            if own or waited_s < self._patience_s:
                return None
            return [self._undeliverable.refused(answer, str(error)) for answer in answers]
        return answers if await self._has_moved(topic, number) else None

    async def _has_moved(self, topic: str, number: int) -> bool:
        """Whether `topic` is gone, or was made anew without this partition."""
        try:
            count = await self._ask_count(topic)
        except SendFailed:
            return False
        self._counts.pop(topic, None)
        return count is None or number >= count

    async def _ask_count(self, topic: str) -> int | None:
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

    def _without_topic(self, answers: Iterable[Leaving]) -> list[Answer]:
        """Return the dead letters of what was meant for a topic that nobody can write to."""
        return [self._undeliverable.no_topic(answer) for answer in apart(answers)]


def _is_lacking(answer: Leaving, count: int) -> bool:
    """Whether the partition that is named for `answer` is beyond `count` of them."""
    return answer.partition is not None and answer.partition >= count
