"""What the client has fetched and nobody has taken yet: taken as far as there is room for it.

The client's own `getmany` counts records alone, and unpacks whatever it comes by.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aiokafka.consumer.fetcher import Fetcher, FetchResult
from aiokafka.structs import TopicPartition

from daemon.kafka.reading.room import Room
from daemon.values.record_columns import FetchedRecord

if TYPE_CHECKING:  # they are made by the client
    from daemon.kafka.reading.tolerant_records import TolerantRecords


class Fetched:
    """The buffers of one consumer's fetcher, one for each partition that has some."""

    def __init__(self, fetcher: Fetcher) -> None:
        self._fetcher = fetcher

    def take(
        self, partitions: Collection[TopicPartition], room: Room
    ) -> Mapping[TopicPartition, Sequence[FetchedRecord]]:
        """Return the next records of `partitions`, as many as `room` has place for.

        Also of what was looked into without any. Raises errors.KafkaError, when nothing was taken.
        """
        wanted = frozenset(partitions)
        taken: dict[TopicPartition, Sequence[FetchedRecord]] = {}
        buffers = self._fetcher._records
        for partition in list(buffers):
            if partition not in wanted:
                if not self._fetcher._subscriptions.is_assigned(partition):
                    del buffers[partition]
                continue
            if not room.is_left:
                break
            result = buffers[partition]
            if not isinstance(result, FetchResult):
                if any(taken.values()):
                    break
                del buffers[partition]
                self._ask_for_more([each for each in [*taken, partition] if each not in buffers])
                result.check_raise()
            else:
                taken[partition] = self._take_of(partition, result, room)
        self._ask_for_more([each for each in taken if each not in buffers])
        return taken

    def _take_of(
        self, partition: TopicPartition, result: Any, room: Room
    ) -> Sequence[FetchedRecord]:
        if not result.check_assignment(partition):
            del self._fetcher._records[partition]  # it was sought or paused
            return []
        buffer: TolerantRecords = result._partition_records
        records = buffer.take(room)
        result._update_position()
        if buffer.ended:
            del self._fetcher._records[partition]
        elif not buffer.is_open:
            self._fetcher._records.move_to_end(partition)
        return records

    def _ask_for_more(self, ended: Collection[TopicPartition]) -> None:
        """Let the client fetch on where nothing is buffered of the `ended` any more, if it would.

        To find out whether it would, it looks at each partition that it has, so it is not asked where a
        fetch is under way, or records of the same broker are too young: it wakes by itself then.
        """
        fetcher = self._fetcher
        node_of, buffers = fetcher._select_read_replica, fetcher._records
        for node in {node_of(partition) for partition in ended} - fetcher._in_flight:
            if not any(
                result.calculate_backoff() and node_of(partition) == node
                for partition, result in buffers.items()
            ):
                fetcher._notify(fetcher._wait_consume_future)

    def leave(self, partitions: Collection[TopicPartition]) -> None:
        """Let what is buffered of `partitions` lie, and hold up no other partition for it.

        The client asks a broker for nothing of a lane while data of any of its partitions there is
        younger than 100 ms and not taken.
        """
        buffers = self._fetcher._records
        young = [result for each in partitions if (result := buffers.get(each)) and result._backoff]
        for result in young:
            result._backoff = 0.0
        if young:
            self._fetcher._notify(self._fetcher._wait_consume_future)
