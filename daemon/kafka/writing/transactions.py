"""One transaction after the other: what is sent within an interval, and the commits of it.

Sends go on side by side; a transaction is ended when all of its own have come back, and who comes
meanwhile waits for the next one. After a doubt nothing of the assignment counts: its ledgers are
lost, a new producer makes the broker abort what was open, and what is not committed is read again.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from math import inf
from typing import Any, Protocol

from aiokafka.structs import TopicPartition

from config.settings import Kafka
from daemon.kafka import client
from daemon.kafka.group.generation import Generation
from daemon.kafka.writing.producer import Producer
from daemon.kafka.writing.producers import Producers
from daemon.kafka.writing.transaction import Doubt, Fenced, Stale, Transaction
from daemon.kafka.writing.transactional_ids import TransactionalIds
from daemon.loop.tasks import Tasks
from daemon.loop.trouble import Trouble
from daemon.telemetry.events import Event
from daemon.telemetry.logs import log
from daemon.values.errors import Exit, Fatal
from daemon.values.ports import SendFailed

_LEAST_SHARE_OF_INTERVAL = 0.5
"""On a crowded machine an end takes longer than an interval; not all of the time is to be ends."""
_ABORT_S = 2.0
"""Wait for an abort, which takes milliseconds; after that the broker does it by itself. A guess."""
_APART_S = 30.0
"""Aborts that follow each other later have to do with each other no more: a transaction takes 10 s at
most, and its successor is made within 2 s wherever there is a broker."""
_SUBJECT = "transactions"
_REMEDIES = {30: client.MAY_NOT_USE_GROUP, 53: client.MAY_NOT_TRANSACT}
"""By the broker's code: what is missing of rights."""
_GIVEN_UP = "the partitions that it answers were given up"


class Group(Protocol):
    """The worker's place in its group; meets daemon.kafka.source.KafkaSource."""

    @property
    def answering(self) -> Generation | None:
        """The assignment whose answers count, one that is being taken away included."""

    async def send(self, request: Any) -> Any:
        """Send `request` to the group's coordinator; raises errors.KafkaError."""

    def redo(self, generation: Generation, ready: Callable[[], Awaitable[object]]) -> None:
        """Give up what `generation` has not committed and read it again, once `ready` returns."""

    def drop(self, generation: Generation) -> None:
        """Give `generation` up, and join anew: another worker may have its partitions."""


class Transactions:
    """Begins and ends transactions; `producers` are transactional ones."""

    def __init__(
        self,
        kafka: Kafka,
        group: Group,
        producers: Producers,
        ids: TransactionalIds,
        *,
        trouble: Trouble,
        stall_s: float,
        tasks: Tasks,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """For `stall_s` (limits.stall) transactions may be aborted again and again."""
        self._kafka = kafka
        self._stall_s = stall_s
        self._aborted_since_s = self._aborted_s = -inf
        self._group = group
        self._producers = producers
        self._ids = ids
        self._trouble = trouble
        self._failed = tasks.fail
        self._tasks = Tasks(tasks)
        self._clock = clock
        self._limit_s = kafka.transaction_limit
        self._present: Transaction | None = None
        self._sends = 0
        self._unacknowledged: Counter[TopicPartition] = Counter()
        self._idle, self._gate, self._ending = asyncio.Event(), asyncio.Event(), asyncio.Lock()
        self._idle.set()
        self._gate.set()
        producers.replaced = self._replaced

    @asynccontextmanager
    async def sending(
        self, generation: Generation | None, partition: TopicPartition
    ) -> AsyncIterator[Producer]:
        """Within it, answers of `generation` to `partition` may be sent by the producer that it gives.

        What they answer has to be settled before anything else is awaited: when the last send of a
        transaction is over, all that is settled is committed. Raises SendError.
        """
        transaction = await self._join(generation, partition)
        try:
            await self._add(transaction, partition)
            with self._until_acknowledged(partition):
                yield transaction.producer
        finally:
            self._leave()

    @contextmanager
    def _until_acknowledged(self, partition: TopicPartition) -> Iterator[None]:
        self._unacknowledged[partition] += 1
        try:
            yield
        finally:
            self._unacknowledged[partition] -= 1
            self._unacknowledged = +self._unacknowledged

    async def _join(self, generation: Generation | None, partition: TopicPartition) -> Transaction:
        came_s = self._clock()
        while True:
            await self._gate.wait()
            producer = await self._producers.current()
            if not self._gate.is_set() or producer is not self._producers.present:
                continue
            if generation is None or generation is not self._group.answering:
                raise SendFailed(_GIVEN_UP)
            if self._ids.holds_up(partition):
                raise SendFailed(f"a transaction still waits for {_shown([partition])} to take it")
            if self._present is None or self._present.generation is generation:
                break
            self._give_up(self._present, Doubt(_GIVEN_UP))
        transaction = self._present or self._begin(producer, generation, came_s)
        self._sends += 1
        self._idle.clear()
        return transaction

    def _leave(self) -> None:
        self._sends -= 1
        if not self._sends:
            self._idle.set()

    async def _add(self, transaction: Transaction, partition: TopicPartition) -> None:
        try:
            await transaction.add(partition)
        except Doubt as doubt:
            self._give_up(transaction, doubt)
            raise SendFailed(str(doubt)) from doubt

    def _begin(self, producer: Producer, generation: Generation, since_s: float) -> Transaction:
        """Begin one whose first answer is there since `since_s`: it may have waited for an end."""
        transaction = Transaction(producer, generation, limit_s=self._limit_s, clock=self._clock)
        self._present = transaction
        interval_s, waited_s = self._kafka.transaction_interval, self._clock() - since_s
        lasts_s = max(interval_s - waited_s, _LEAST_SHARE_OF_INTERVAL * interval_s)
        self._tasks.start(self._end_after(transaction, lasts_s), name="end of a transaction")
        return transaction

    async def _end_after(self, transaction: Transaction, lasts_s: float) -> None:
        await asyncio.sleep(lasts_s)
        if transaction is self._present:
            await self.commit()

    async def commit(self) -> None:
        """End the present transaction with the commits of all that is settled, if there are any.

        Bounded in time.
        """
        async with self._ending:
            transaction = self._present or self._begin_for_commits()
            if transaction is None:
                return
            try:
                if transaction.is_begun:
                    await transaction.add_group(self._kafka.group)
                if transaction is self._present:
                    self._gate.clear()
                    await self._end(transaction)
            except Doubt as doubt:
                self._give_up(transaction, doubt)
            except asyncio.CancelledError:
                self._give_up(transaction, Doubt("its end was cancelled"))
                raise
            finally:
                self._gate.set()

    def _begin_for_commits(self) -> Transaction | None:
        """Begin a transaction without answers, if there is anything to commit."""
        generation, producer = self._group.answering, self._producers.present
        if generation is None or producer is None or not generation.uncommitted():
            return None
        self._present = Transaction(producer, generation, limit_s=self._limit_s, clock=self._clock)
        return self._present

    async def _end(self, transaction: Transaction) -> None:
        generation = transaction.generation
        try:
            async with asyncio.timeout(max(0.0, transaction.left_s)):
                await self._idle.wait()
        except TimeoutError as error:
            late = _shown(self._unacknowledged) or "a partition that is not yet added"
            raise Doubt(f"not acknowledged in time by {late}") from error
        if transaction is not self._present:
            return  # given up meanwhile
        if generation is not self._group.answering:
            raise Doubt(_GIVEN_UP)
        commits = generation.uncommitted()
        if not all(commit.has_room for commit in commits.values()):
            raise Doubt("more is answered beyond a commit than it has room for")
        await transaction.commit(
            commits,
            group=self._kafka.group,
            instance=self._kafka.instance_id or None,
            send=self._group.send,
        )
        generation.committed(commits)
        self._present = None
        self._aborted_s = -inf
        self._trouble.end(_SUBJECT)

    def _give_up(self, transaction: Transaction, doubt: Doubt) -> None:
        """Let nothing of `transaction` count."""
        if transaction is not self._present:
            return
        if isinstance(doubt, Stale):
            self._group.drop(transaction.generation)
        elif not isinstance(doubt, Fenced):
            self._tell(transaction, doubt)
        fenced = isinstance(doubt, Fenced)
        self._producers.replace(transaction.producer, str(doubt), pause=True, fenced=fenced)

    def _tell(self, transaction: Transaction, doubt: Doubt) -> None:
        """Say what keeps transactions from ending, where it does not seem to be a passing thing."""
        remedy = _REMEDIES.get(doubt.code)
        if remedy is None and transaction.producer.acknowledged:
            return
        reason = f"no transaction can be ended: {remedy or doubt}"
        exit_code = Exit.DENIED if remedy else None
        try:
            self._trouble.meet(_SUBJECT, doubt.code, reason, exit_code=exit_code)
        except Fatal as fatal:
            self._failed(fatal)

    def _replaced(self, producer: Producer, reason: str, fenced: bool) -> bool:
        """Take it that all of what `producer` had under way may be void; return whether to go on."""
        self._ids.doubt([*self._unacknowledged])
        transaction = self._present
        if transaction is None or transaction.producer is not producer:
            return True
        self._present = None
        log(Event.TRANSACTION_ABORTED, reason=reason)
        if fenced and transaction.left_s > 0:
            self._failed(
                Fatal(
                    Exit.WORK_LEFT,
                    f"another process has begun transactions as {producer.identity.transactional_id}: "
                    "give each worker its own kafka.instance_id",
                )
            )
            return False
        self._note_abort(reason)
        self._group.redo(transaction.generation, self._producers.current)
        return True

    def _note_abort(self, reason: str) -> None:
        """End the worker when nothing but aborts came for too long: it moves, and gets nowhere."""
        now_s = self._clock()
        if now_s - self._aborted_s > _APART_S:
            self._aborted_since_s = now_s
        self._aborted_s = now_s
        if now_s - self._aborted_since_s > self._stall_s:
            problem = f"no transaction could be ended for {self._stall_s:g} s: {reason}"
            self._failed(Fatal(Exit.INTERNAL, problem))

    async def close(self) -> None:
        """End no more transactions; what is open is aborted, so that no reader waits for it."""
        await self._tasks.close()
        transaction, self._present = self._present, None
        if transaction is not None:
            with suppress(Doubt, TimeoutError):
                async with asyncio.timeout(_ABORT_S):
                    await transaction.abort()


def _shown(partitions: Iterable[TopicPartition]) -> str:
    return ", ".join(sorted(f"{each.topic}/{each.partition}" for each in partitions))
