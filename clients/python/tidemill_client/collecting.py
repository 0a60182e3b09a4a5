"""Looks for the reply to a ticket: the commit first, then the end of the reply partition, then all before it."""

import asyncio

from aiokafka import AIOKafkaConsumer, TopicPartition, errors
from aiokafka.client import CoordinationType
from aiokafka.protocol.commit import OffsetFetchRequest

from tidemill_client.connection import (
    TROUBLE,
    Options,
    client_of,
    leave,
    partitions_of,
    reply_consumer,
)
from tidemill_client.errors import Lost, NoReply, NotSent, NotYet, TidemillError, error_of
from tidemill_client.reply import Reply
from tidemill_client.request_headers import CORRELATION
from tidemill_client.ticket import Ticket, unanswered

_LOOK_S = 30.0
"""Longest time for one look; it has to read what others were answered meanwhile."""
_TROUBLE_S = 5.0
"""How long a broker that cannot say is asked again: a group's coordinator may just be moving."""
_AGAIN_S = 0.5
_POLL_MS = 200
_CHUNK = 500


async def collected(reach: Options, ticket: Ticket, timeout_s: float) -> Reply:
    """Return the reply, waiting so long for it; raises what an error reply says, NotYet, Lost, NoReply."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    until_s = began_s + timeout_s
    looker = _Looker(reach, ticket)
    try:
        while True:
            try:
                return await asyncio.wait_for(looker.look(), _LOOK_S)
            except NotYet as end:
                silence: TidemillError = end
            except asyncio.TimeoutError:
                silence = looker.lagging()
            except TROUBLE as error:
                silence = NoReply("broker_unavailable", f"cannot look for a reply: {error!r}")
                until_s = max(until_s, began_s + _TROUBLE_S)
            if loop.time() + _AGAIN_S > until_s:
                raise silence
            await asyncio.sleep(_AGAIN_S)
    finally:
        await looker.close()


class _Looker:
    """Reads the reply partition from where the last look ended."""

    def __init__(self, reach: Options, ticket: Ticket) -> None:
        self._ticket = ticket
        self._where = TopicPartition(ticket.reply_topic, ticket.reply_partition)
        self._correlation = bytes.fromhex(ticket.correlation)
        self._next = ticket.reply_from
        self._end = ticket.reply_from
        # Who is assigned nothing has no fetch that others wait behind.
        self._asking = AIOKafkaConsumer(enable_auto_commit=False, **reach)
        self._reading = reply_consumer(reach)
        self._is_open = False

    async def look(self) -> Reply:
        """Return the reply; raises errors.KafkaError, NotYet, Lost and what an error reply says."""
        if not self._is_open:
            await self._open()
        committed = await self._committed()
        self._end = (await self._asking.end_offsets([self._where]))[self._where]
        reply = await self._found()
        if reply is None:
            first = (await self._asking.beginning_offsets([self._where]))[self._where]
            raise unanswered(self._ticket, committed, first=first)
        error = error_of(reply)
        if error is not None:
            raise error
        return reply

    async def close(self) -> None:
        """Hang up."""
        await leave(self._asking)
        await leave(self._reading)

    def lagging(self) -> NotYet:
        """Return what it means that a look took too long."""
        replies = f"{self._ticket.reply_topic}/{self._ticket.reply_partition}"
        return NotYet("not_yet", f"{replies} is read up to {self._next} of {self._end} so far")

    async def _open(self) -> None:
        await self._asking.start()
        await self._reading.start()
        try:
            numbers = await partitions_of(client_of(self._asking), self._ticket.reply_topic)
        except NotSent as error:
            if error.code == "unknown_topic":
                raise Lost("lost", f"{error.detail}, where its reply was to be") from error
            raise
        if self._ticket.reply_partition not in numbers:
            raise Lost(
                "lost", f"{self._where.topic} has no partition {self._where.partition} any more"
            )
        self._reading.assign([self._where])
        self._reading.seek(self._where, self._next)
        self._is_open = True

    async def _committed(self) -> int | None:
        """Return below which offset the group has dealt with everything, None where it says nothing.

        Raises errors.KafkaError, and NoReply without the right to ask. aiokafka's own call takes a failure
        of the whole request for a group without commits.
        """
        group, client = self._ticket.group, client_of(self._asking)
        request = OffsetFetchRequest(group, [(self._ticket.topic, [self._ticket.partition])])
        try:
            node = await client.coordinator_lookup(CoordinationType.GROUP, group)
            answer = await client.send(node, request)
            told = [each for _, partitions in answer.topics for each in partitions]
            for code in (getattr(answer, "error_code", 0), *(code for *_, code in told)):
                if code:
                    raise errors.for_code(code)(group)
        except errors.GroupAuthorizationFailedError:
            raise NoReply(
                "group_denied", f"not allowed to see {group}: grant Describe on it"
            ) from None
        offsets: list[int] = [offset for _, offset, *_ in told if offset >= 0]
        return offsets[0] if offsets else None

    async def _found(self) -> Reply | None:
        """Read up to the end; return the first reply to the ticket."""
        while self._next < self._end:
            fetched = await self._reading.getmany(timeout_ms=_POLL_MS, max_records=_CHUNK)
            for records in fetched.values():
                for record in records:
                    if (CORRELATION, self._correlation) in record.headers:
                        return Reply(record.value or b"", record.headers, record.key)
            self._next = await self._reading.position(self._where)
        return None
