"""How one consumer reads batches: what unpacks them, and what of them it could not read."""

from collections import defaultdict
from collections.abc import Callable, Collection

from aiokafka.structs import TopicPartition

from daemon.kafka.reading.decompression import Decompressor
from daemon.kafka.reading.unpacking import LargeBatches
from daemon.values.messages import Unreadable


class BatchReading:
    """Unpacks for one consumer, and keeps what it cannot read, by partition."""

    def __init__(self, limit_bytes: int, *, ready: Callable[[], None] | None = None) -> None:
        """`limit_bytes`: a batch that unpacks to more is unreadable.

        With `ready` large batches are unpacked beside the event loop, and it is called when one is;
        without it they are unpacked in place.
        """
        self.decompressor = Decompressor(limit_bytes)
        self.large = None if ready is None else LargeBatches(self.decompressor, ready=ready)
        self.found = 0
        """How many unreadable offsets were found in all."""
        self._found: defaultdict[TopicPartition, list[Unreadable]] = defaultdict(list)
        self._doubted: dict[TopicPartition, int] = {}

    def reads(self, partitions: Collection[TopicPartition]) -> None:
        """Say what is read at the moment: others give up a large batch when its place is needed."""
        if self.large is not None:
            self.large.read(partitions)

    def take(self) -> dict[TopicPartition, list[Unreadable]]:
        """Return what was found since the last call."""
        found = dict(self._found)
        self._found.clear()
        return found

    def add(self, partition: TopicPartition, unreadable: Collection[Unreadable]) -> None:
        """Keep what cannot be read of `partition`."""
        self._found[partition].extend(unreadable)
        self.found += len(unreadable)

    def doubts(self, partition: TopicPartition, base_offset: int) -> bool:
        """Whether a batch whose checksum is wrong is met for the first time.

        It is fetched once more, since the bytes may have been damaged on their way.
        """
        first_time = self._doubted.get(partition) != base_offset
        self._doubted[partition] = base_offset
        return first_time
