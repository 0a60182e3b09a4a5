"""What comes next of the partitions of this worker: waited for, and taken as far as is allowed.

Whoever fetches is told what the client has met meanwhile, for nobody else asks it.
"""

import asyncio
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from math import inf

from aiokafka import errors
from aiokafka.structs import TopicPartition

from config.settings import Kafka
from daemon.kafka.group.answered_runs import MOST_OFFSETS
from daemon.kafka.group.membership import Membership
from daemon.kafka.reading.chunks import Chunks
from daemon.kafka.reading.consumer import Consumer
from daemon.kafka.reading.room import Room
from daemon.loop.tasks import Tasks
from daemon.telemetry.events import Event
from daemon.telemetry.logs import log
from daemon.values.errors import Exit, Fatal
from daemon.values.messages import Chunk
from daemon.values.ports import Probe
from daemon.values.record_columns import FetchedRecord

_REFUSED_S = 1.0
"""Between two tries to join a group that refuses this client."""
_HELD_S = 0.02
"""Longest wait while kafka.max_uncommitted stops reading: nothing tells when it may go on."""
_SETTINGS_AT_FAULT = (
    errors.InvalidSessionTimeoutError,
    errors.InvalidGroupIdError,
)


class Fetching:
    """Takes chunks of the present generation out of what the client has fetched."""

    def __init__(
        self,
        kafka: Kafka,
        consumer: Consumer,
        membership: Membership,
        chunks: Chunks,
        tasks: Tasks,
        *,
        clock: Callable[[], float],
    ) -> None:
        """`tasks`: whatever fails there is raised by whoever fetches."""
        self._kafka = kafka
        self._consumer = consumer
        self._membership = membership
        self._chunks = chunks
        self._tasks = tasks
        self._clock = clock
        self._waiter: asyncio.Future[None] | None = None
        self._pause_until_s = -inf
        """Until when a refusal is not looked at, and so not repeated."""
        self._is_held = False
        """Whether partitions are as far ahead of their commit as allowed."""

    async def fetch(
        self,
        topics: Collection[str],
        *,
        beside: Collection[str] = (),
        max_records: int,
        max_bytes: float = math.inf,
        timeout_s: float,
    ) -> Sequence[Chunk]:
        """Return what is there from `topics`, waiting at most `timeout_s` when nothing is.

        See daemon.values.ports.Source. May be cancelled after all: only our own wait suspends.
        """
        self.check()
        chunks = self._take(topics, beside, Room(max_records, max_bytes))
        if chunks or not topics or timeout_s <= 0:
            return chunks
        await self.wait(min(timeout_s, _HELD_S) if self._is_held else timeout_s)
        self.check()
        return self._take(topics, beside, Room(max_records, max_bytes))

    def check(self) -> None:
        """Raise what must end the process, and show the client that it is being read from."""
        self._tasks.check()
        consumer = self._consumer
        if consumer.replaced:
            raise Fatal(
                Exit.WORK_LEFT,
                f"another process has joined as kafka.instance_id "
                f"{self._kafka.instance_id}: give each worker its own",
            )
        consumer.check_tasks()
        if self._clock() >= self._pause_until_s:
            try:
                consumer.check_errors()
            except errors.KafkaError as error:
                self._judge(error)
        consumer.keep_alive()

    def _judge(self, error: errors.KafkaError) -> None:
        """Raise Fatal for what does not mend itself; the client goes on after anything else."""
        if self._membership.refused(error):
            self._pause_until_s = self._clock() + _REFUSED_S
            return
        if isinstance(error, _SETTINGS_AT_FAULT):
            raise Fatal(Exit.SETTINGS, f"the group refuses this worker: {error}") from error
        if isinstance(error, errors.InconsistentGroupProtocolError):
            # It passes when they leave: a service manager that starts this worker again is right.
            raise Fatal(
                Exit.WORK_LEFT,
                f"the group {self._kafka.group} has members that assign partitions in "
                "another way, so no worker can join: stop them, or choose another kafka.group",
            ) from error
        log(Event.LIBRARY_LOGGED, reason=str(error))

    async def wait(self, timeout_s: float) -> None:
        """Wait until something was fetched, or assigned, or `timeout_s` is over."""
        waiter = self._waiter = self._consumer.data_waiter()
        timer = asyncio.get_running_loop().call_later(timeout_s, _finish, waiter)
        try:
            await waiter
        except errors.KafkaError:
            pass  # `check` raises it again, and better
        finally:
            timer.cancel()
            self._waiter = None

    def wake(self) -> None:
        """End the present wait of `fetch`; see daemon.values.ports.Source."""
        if self._waiter is not None:
            _finish(self._waiter)

    def _take(self, topics: Collection[str], beside: Collection[str], room: Room) -> list[Chunk]:
        self._is_held = False
        generation = self._membership.generation
        if generation is None or self._consumer.between_assignments or not room.is_left:
            return []
        # At most half at a time: the limit is never passed, and pieces do not get small near it.
        max_uncommitted = most_uncommitted(self._kafka)
        room.records = min(room.records, max(1, max_uncommitted // 2))
        most_ahead = max_uncommitted - room.records
        read = [*topics, *beside]
        held = generation.held(read, most_ahead=most_ahead)
        self._is_held = bool(held)
        if any(ledger.span <= most_ahead for ledger in held):
            self._membership.hasten_commit()
        readable = generation.readable(read, most_ahead=most_ahead)
        self._consumer.read(readable, besides=generation.partitions.difference(readable))
        partitions = [each for each in readable if each.topic in topics] if beside else readable
        if not partitions:
            return []
        probe = generation.quarantine.probe
        if probe is None:
            fetched = self._read(partitions, room)
        else:
            fetched = self._read_probe(partitions[0], probe, room)
        return self._chunks.make(generation, partitions, fetched)

    def _read_probe(
        self, partition: TopicPartition, probe: Probe, room: Room
    ) -> Mapping[TopicPartition, Sequence[FetchedRecord]]:
        """Read of the probe's `partition`, and not beyond the probe's end."""
        most = probe.end - self._consumer.position(partition)
        if most <= 0:
            return {}
        fetched = self._read([partition], Room(min(room.records, most), room.bytes))
        if self._consumer.position(partition) <= probe.end:
            return fetched
        self._consumer.seek(partition, probe.end)  # offsets have gaps: there are fewer records
        records = fetched.get(partition, [])
        return {partition: [each for each in records if each.offset < probe.end]}

    def _read(
        self, partitions: Collection[TopicPartition], room: Room
    ) -> Mapping[TopicPartition, Sequence[FetchedRecord]]:
        try:
            return self._consumer.take(partitions, room)
        except errors.OffsetOutOfRangeError as error:
            for partition, asked in error.args[0].items():
                self._membership.log_changed(partition, asked)
            return {}
        except errors.KafkaError as error:
            if self._membership.refused(error):
                return {}
            self._judge(error)
            raise Fatal(Exit.INTERNAL, f"the Kafka client cannot read: {error}") from error


def most_uncommitted(kafka: Kafka) -> int:
    """Return how far a partition may be read beyond its commit; see `kafka.max_uncommitted`."""
    if kafka.delivery == "exactly-once":
        return min(kafka.max_uncommitted, MOST_OFFSETS)
    return kafka.max_uncommitted


def _finish(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
