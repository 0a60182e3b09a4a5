"""One transaction: answers, and the commits that say that their requests are done, valid together.

Every request of it is made here, once, and every code of its answer is read; aiokafka's own way
commits although an answer failed, lets anybody move the group's offsets, and repeats the end of a
transaction for ever. Whatever is not surely known is a doubt, and a doubt ends the producer: the
next one with its id makes the broker abort what was open.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

from aiokafka import errors
from aiokafka.protocol.transaction import (
    AddOffsetsToTxnRequest,
    AddPartitionsToTxnRequest,
    EndTxnRequest,
)
from aiokafka.structs import TopicPartition

from daemon.kafka.group.committed import Commits, by_topic
from daemon.kafka.group.generation import Generation
from daemon.kafka.offset_requests import Committer, FencedOffsetCommit, commit_codes
from daemon.kafka.writing.producer import Producer
from daemon.values.ports import SendDenied, SendFailed

_RETRY_S = 0.005
"""The markers of the transaction before are written within some milliseconds."""
_LONGEST_RETRY_S = 0.1
"""A guess: a coordinator that moves takes some tenths of a second, and is asked ten times a second for it."""
_UNKNOWN_PARTITION, _TOPIC_DENIED, _NOT_ATTEMPTED = 3, 29, 55
_OF_PARTITION = frozenset({_UNKNOWN_PARTITION, _TOPIC_DENIED})
"""What keeps one partition out of a transaction, and harms no other."""
_ILLEGAL_GENERATION, _UNKNOWN_MEMBER, _FENCED_INSTANCE = 22, 25, 82
_STALE = frozenset({_ILLEGAL_GENERATION, _UNKNOWN_MEMBER, _FENCED_INSTANCE})
_FENCED = frozenset({47, 90})
"""INVALID_PRODUCER_EPOCH, PRODUCER_FENCED."""
_LOADING, _NOT_AVAILABLE, _NOT_COORDINATOR, _CONCURRENT = 14, 15, 16, 51
_NOT_YET = frozenset({_LOADING, _NOT_AVAILABLE, _NOT_COORDINATOR, _CONCURRENT})
"""Nothing was done: the coordinator has moved, or still ends the transaction before."""

_Codes: TypeAlias = Mapping[TopicPartition | None, int]
_CodesOf: TypeAlias = Callable[[Any], _Codes]


class Doubt(Exception):
    """Nobody here knows how the transaction stands: its producer is done with.

    `code` is the broker's, 0 where it said nothing.
    """

    def __init__(self, reason: str, code: int = 0) -> None:
        super().__init__(reason)
        self.code = code


class Fenced(Doubt):
    """Another producer has this one's id, or the broker has aborted what took too long."""


class Stale(Doubt):
    """The group has moved on: the partitions may be another worker's."""


class Transaction:
    """Begun with the first partition that is added, ended by `commit` or left to be aborted."""

    def __init__(
        self,
        producer: Producer,
        generation: Generation,
        *,
        limit_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Its answers are those of `generation`; within `limit_s` it has to be ended."""
        self.producer = producer
        self.generation = generation
        self._clock = clock
        self._until_s = clock() + limit_s
        self._partitions: set[TopicPartition] = set()
        self._wanted: set[TopicPartition] = set()
        self._refused: dict[TopicPartition, int] = {}
        self._has_group = False
        self._adding = asyncio.Lock()
        producer.begin()

    @property
    def left_s(self) -> float:
        """How much of its time is left."""
        return self._until_s - self._clock()

    @property
    def is_begun(self) -> bool:
        """Whether the broker has heard of it; what it has not, it need not end."""
        return self._has_group or bool(self._partitions)

    async def add(self, partition: TopicPartition) -> None:
        """Let the answers sent to `partition` be part of it; raises SendDenied, SendFailed, Doubt."""
        if partition in self._partitions:
            return
        self._refused.pop(partition, None)
        self._wanted.add(partition)
        async with self._adding:
            while partition in self._wanted:
                await self._add_wanted()
        code = self._refused.get(partition)
        if code == _TOPIC_DENIED:
            raise SendDenied(f"not allowed to write to {partition.topic}")
        if code is not None:
            raise SendFailed(f"{partition.topic} has no partition {partition.partition}")

    async def _add_wanted(self) -> None:
        wanted = frozenset(self._wanted)
        topics = [(topic, [*numbers]) for topic, numbers in by_topic(dict.fromkeys(wanted)).items()]
        request = AddPartitionsToTxnRequest(*self.producer.identity, topics)
        codes = await self._ask_own_coordinator(request, _codes_by_partition)
        refused = {each: code for each, code in codes.items() if code in _OF_PARTITION}
        added = {each for each, code in codes.items() if code == 0}
        _judge(set(codes.values()) - _OF_PARTITION - {_NOT_ATTEMPTED}, "partitions were not added")
        if not refused.keys() | added:
            raise Doubt("no partition was added")
        self._refused |= refused
        self._partitions |= added
        self._wanted -= refused.keys() | added
        self.producer.added(added)

    async def commit(
        self,
        commits: Commits,
        *,
        group: str,
        instance: str | None,
        send: Callable[[Any], Awaitable[Any]],
    ) -> None:
        """End it: all that was sent, and `commits`, are valid from here on, or none of it.

        `send` goes to the group's coordinator. All answers must be at the broker. Raises Doubt.
        """
        if commits:
            await self.add_group(group)
            await self._commit_offsets(commits, group=group, instance=instance, send=send)
        if self.is_begun:
            request = EndTxnRequest(*self.producer.identity, transaction_result=True)
            await self._ask(request, "the transaction was not ended")
        self.producer.ended()

    async def add_group(self, group: str) -> None:
        """Let commits of `group` be part of it; raises Doubt.

        `commit` does so as well; done before, it is no part of the time in which nothing is sent.
        """
        async with self._adding:  # the broker takes one change of a transaction at a time
            if not self._has_group:
                request = AddOffsetsToTxnRequest(*self.producer.identity, group)
                await self._ask(request, "the group was not added")
                self._has_group = True

    async def _commit_offsets(
        self,
        commits: Commits,
        *,
        group: str,
        instance: str | None,
        send: Callable[[Any], Awaitable[Any]],
    ) -> None:
        identity, generation = self.producer.identity, self.generation
        topics = {
            topic: [(number, each.offset, each.metadata) for number, each in partitions.items()]
            for topic, partitions in by_topic(commits).items()
        }
        committer = Committer(*identity, group, generation.number, generation.member, instance)
        request = FencedOffsetCommit(committer, topics)

        async def ask() -> _Codes:
            return commit_codes(await send(request))

        codes = await self._until_done(ask)
        _judge(set(codes.values()), "offsets were not committed")

    async def abort(self) -> None:
        """Tell the broker that none of it is valid; raises Doubt, and then it finds out by itself."""
        request = EndTxnRequest(*self.producer.identity, transaction_result=False)
        await self._ask(request, "the transaction was not aborted")

    async def _ask(self, request: Any, problem: str) -> None:
        codes = await self._ask_own_coordinator(request, _code)
        _judge(set(codes.values()), problem)

    async def _ask_own_coordinator(self, request: Any, codes_of: _CodesOf) -> _Codes:
        """Ask who coordinates transactions with this id; another broker may coordinate the group."""

        async def ask() -> _Codes:
            codes = codes_of(await self.producer.ask_coordinator(request))
            if _NOT_COORDINATOR in codes.values():
                self.producer.forget_coordinator()
            return codes

        return await self._until_done(ask)

    async def _until_done(self, ask: Callable[[], Awaitable[_Codes]]) -> _Codes:
        """Ask until it is not said that it cannot be done yet; one try without an answer is a doubt."""
        pause_s = _RETRY_S
        try:
            async with asyncio.timeout(max(0.0, self.left_s)):
                while True:
                    try:
                        codes = await ask()
                    except errors.CoordinatorNotAvailableError:  # so nobody was asked
                        codes = {None: _NOT_AVAILABLE}
                    if not _NOT_YET & set(codes.values()):
                        return codes
                    await asyncio.sleep(pause_s)
                    pause_s = min(2 * pause_s, _LONGEST_RETRY_S)
        except errors.KafkaError as error:
            raise Doubt(f"no answer: {error!r}") from error
        except TimeoutError as error:
            raise Doubt("no answer in time") from error


def _judge(codes: set[int], problem: str) -> None:
    """Raise what the worst of `codes` means; none of them is one that passes."""
    codes = codes - {0}
    for kind, meant in ((Stale, _STALE), (Fenced, _FENCED), (Doubt, codes)):
        for code in sorted(codes & meant):
            raise kind(f"{problem}: code {code}", code)


def _code(response: Any) -> _Codes:
    return {None: response.error_code}


def _codes_by_partition(response: Any) -> _Codes:
    return {
        TopicPartition(topic, number): code
        for topic, partitions in response.errors
        for number, code in partitions
    }
