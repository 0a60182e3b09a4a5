"""Looks for the replies to tickets: the commits first, then the end of a reply partition, then all before it.

One reply partition is read after the other, once for all tickets whose replies go there, and from where
the last look ended. What is held is the tickets, and of replies what one fetch brings.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Collection, Iterable
from contextlib import aclosing
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition, errors
from aiokafka.client import AIOKafkaClient, CoordinationType
from aiokafka.protocol.commit import OffsetFetchRequest

from tidemill_client.connection import (
    TROUBLE,
    Options,
    client_of,
    leave,
    partitions_of,
    reply_consumer,
    started,
)
from tidemill_client.errors import NoReply, NotSent, NotYet, TidemillError
from tidemill_client.open_tickets import Collected, OpenTickets, Requests, requests_of
from tidemill_client.reply import Record
from tidemill_client.reply_records import ReplyRecords
from tidemill_client.ticket import Committed, Ticket, unanswered

_STILL_S = 30.0
"""How long nothing may come of a partition that is not read to its end: a transaction may hold it up."""
_TROUBLE_S = 5.0
"""How long a broker that cannot say is asked again: a group's coordinator may just be moving."""
_AGAIN_S = 0.5
"""Between two questions; a guess: a coordinator that moves has moved in some tenths of a second."""
_POLL_MS = 200
"""Wait for replies where none come, before it is asked what became of the rest; a guess."""


async def collected(
    reach: Options, tickets: Iterable[Ticket], timeout_s: float
) -> AsyncGenerator[Collected, None]:
    """Yield the end of each ticket once it is found, waiting so long for those that have none yet."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    until_s = began_s + timeout_s
    logs = _by_reply_partition(tickets)
    looker = _Looker(reach)
    try:
        while True:
            for log in logs:
                async with aclosing(looker.look(log)) as ends:
                    async for end in ends:
                        yield end
            logs = [log for log in logs if log.tickets]
            if any(log.trouble for log in logs):
                until_s = max(until_s, began_s + _TROUBLE_S)
            if not logs or loop.time() + _AGAIN_S > until_s:
                break
            await asyncio.sleep(_AGAIN_S)
        for log in logs:
            for end in log.tickets.left(log.silence):
                yield end
    finally:
        await looker.close()


def _by_reply_partition(tickets: Iterable[Ticket]) -> "list[_Log]":
    together: dict[TopicPartition, list[Ticket]] = defaultdict(list)
    for ticket in tickets:
        if not isinstance(ticket, Ticket):
            raise TypeError(
                f"a ticket is a Ticket, such as Ticket.decode(text), not {ticket!r:.40}"
            )
        together[TopicPartition(ticket.reply_topic, ticket.reply_partition)].append(ticket)
    return [_Log(where, OpenTickets(each)) for where, each in together.items()]


class _Log:
    """A reply partition, the tickets whose replies go there, and how far it was read for them."""

    def __init__(self, where: TopicPartition, tickets: OpenTickets) -> None:
        self.where = where
        self.tickets = tickets
        self.next = self.end = tickets.reply_from
        self.is_there = False
        """Whether there is such a partition,"""
        self.first: int | None = None
        """and what is the first offset that it still has."""
        self.committed: dict[Requests, Committed] = {}
        """As it was before `end` was asked for."""
        self.trouble: BaseException | None = None
        """Why the last look did not come to `end`."""

    def silence(self, ticket: Ticket) -> TidemillError:
        """Return what it means that the last look found no end of `ticket`."""
        if isinstance(self.trouble, asyncio.TimeoutError):
            replies = f"{self.where.topic}/{self.where.partition}"
            return NotYet("not_yet", f"{replies} is read up to {self.next} of {self.end} so far")
        if self.trouble is not None:
            return NoReply("broker_unavailable", f"cannot look for a reply: {self.trouble!r}")
        return unanswered(ticket, self.committed.get(requests_of(ticket)), first=self.first)


class _Looker:
    """Asks brokers, and reads one partition at a time."""

    def __init__(self, reach: Options) -> None:
        self._reach = reach
        self._asking: Any = None
        """A consumer, once connected, that is assigned nothing: it has no fetch that others wait behind."""
        self._reading: Any = None
        """The consumer that reads."""
        self._records: ReplyRecords
        """What it reads at the moment."""

    async def look(self, log: _Log) -> AsyncGenerator[Collected, None]:
        """Yield which tickets of `log` end by what is in Kafka by now."""
        log.trouble = None
        try:
            await asyncio.wait_for(self._begin(log), _STILL_S)
            while log.tickets and log.next < log.end:
                records = await asyncio.wait_for(self._read(log), _STILL_S)
                for end in log.tickets.answered(records):
                    yield end
            for end in await asyncio.wait_for(self._conclude(log), _STILL_S):
                yield end
        except TROUBLE as error:
            log.trouble = error
        except NoReply as error:
            denied = error
            for end in log.tickets.left(lambda _: denied):
                yield end

    async def close(self) -> None:
        """Hang up."""
        for consumer in (self._asking, self._reading):
            if consumer is not None:
                await leave(consumer)

    async def _begin(self, log: _Log) -> None:
        """Learn up to where `log` is to be read; raises TROUBLE, and NoReply where it may not be seen."""
        if self._asking is None:
            self._asking = await started(AIOKafkaConsumer(enable_auto_commit=False, **self._reach))
        if self._reading is None:
            self._reading = await started(reply_consumer(self._reach))
        for group, asked in log.tickets.by_group().items():
            log.committed |= await _committed(client_of(self._asking), group, asked)
        log.is_there = await _exists(client_of(self._asking), log.where)
        if not log.is_there:
            log.end = log.next
            return
        log.end = (await self._asking.end_offsets([log.where]))[log.where]
        if log.end < log.next:  # the topic was made anew
            log.next = 0
        if log.next < log.end:
            self._records = ReplyRecords(self._reading, log.where, log.next)

    async def _read(self, log: _Log) -> list[Record]:
        """Return the next records of `log`, maybe none; may wait for ever. Raises errors.KafkaError."""
        while True:
            records = await self._records.take(_POLL_MS)
            position = await self._reading.position(log.where)  # beyond what is no record, too
            if position != log.next:
                log.next = position
                return records

    async def _conclude(self, log: _Log) -> list[Collected]:
        """Return which tickets of `log` have no reply, and never will; raises TROUBLE."""
        if log.tickets and log.is_there:
            log.first = (await self._asking.beginning_offsets([log.where]))[log.where]
        return log.tickets.unanswered(log.committed, first=log.first)


async def _exists(client: AIOKafkaClient, where: TopicPartition) -> bool:
    """Whether there is such a partition; raises errors.KafkaError, and NoReply where it may not be seen."""
    try:
        return where.partition in await partitions_of(client, where.topic)
    except NotSent as error:
        if error.code == "unknown_topic":
            return False
        raise NoReply(error.code, error.detail) from error


async def _committed(
    client: AIOKafkaClient, group: str, asked: Collection[Requests]
) -> dict[Requests, Committed]:
    """Return how far the group came, where it says so; raises errors.KafkaError.

    aiokafka's own call takes a failure of the whole request for a group without commits.
    """
    partitions: dict[str, list[int]] = defaultdict(list)
    for requests in asked:
        partitions[requests.topic].append(requests.partition)
    try:
        node = await client.coordinator_lookup(CoordinationType.GROUP, group)
        answer = await client.send(node, OffsetFetchRequest(group, [*partitions.items()]))
        _check(getattr(answer, "error_code", 0), group)
    except errors.GroupAuthorizationFailedError:
        denied = NoReply("group_denied", f"not allowed to see {group}: grant Describe on it")
        return dict.fromkeys(asked, denied)
    committed: dict[Requests, Committed] = {}
    for topic, told in answer.topics:
        for partition, offset, _metadata, code in told:
            requests = Requests(group, topic, partition)
            if code == errors.TopicAuthorizationFailedError.errno:
                committed[requests] = NoReply(
                    "topic_denied", f"not allowed to see {topic}: grant Describe on it"
                )
                continue
            _check(code, group)
            committed[requests] = offset if offset >= 0 else None
    return committed


def _check(code: int, group: str) -> None:
    if code:
        raise errors.for_code(code)(group)
