"""Where a batch is unpacked: a small one at once, a large one in a thread, and one of those at a time.

So the event loop is never held for long, and of all that was fetched at most one large batch lies
unpacked in memory, until its records are taken or another lane needs the place.
"""

import asyncio
import weakref
from collections.abc import Callable, Collection
from typing import Protocol

from aiokafka.structs import TopicPartition

from daemon.kafka.reading.decompression import Decompressor, Unpacked


class Holder(Protocol):
    """Has a large batch unpacked, or will have."""

    @property
    def partition(self) -> TopicPartition:
        """What it reads."""

    @property
    def holds_large(self) -> bool:
        """Whether it still has, or waits for, what was unpacked for it."""

    def pack_up(self) -> None:
        """Give up what was unpacked; to be asked for again."""


class LargeBatches:
    """The one place for a large batch. For the event loop's thread alone."""

    def __init__(self, decompressor: Decompressor, *, ready: Callable[[], None]) -> None:
        """`ready` is called when a batch is unpacked, well or not."""
        self._decompressor = decompressor
        self._ready = ready
        self._holder: weakref.ref[Holder] | None = None
        """The client drops what was fetched of partitions that it loses, and tells nobody."""
        self._running: asyncio.Future[Unpacked] | None = None
        self._wanted: Collection[TopicPartition] = ()

    def read(self, partitions: Collection[TopicPartition]) -> None:
        """Say what is read at the moment: others give up the place when it is needed."""
        self._wanted = partitions

    def unpack(
        self, holder: Holder, batch: memoryview, codec: int
    ) -> asyncio.Future[Unpacked] | None:
        """Return what will be `batch` with its records unpacked, or raise CannotUnpack.

        None while the place is taken: to be asked again after `ready`, or at the next look.
        """
        if self._running is not None or not self._make_room():
            return None
        loop = asyncio.get_running_loop()
        self._running = loop.run_in_executor(None, self._decompressor.unpack, batch, codec)
        self._running.add_done_callback(self._finish)
        self._holder = weakref.ref(holder)
        return self._running

    def _make_room(self) -> bool:
        """Whether nobody holds a large batch, or it could be taken from who is not read."""
        holder = None if self._holder is None else self._holder()
        if holder is not None and holder.holds_large:
            if holder.partition in self._wanted:
                return False
            holder.pack_up()
        self._holder = None
        return True

    def _finish(self, unpacked: asyncio.Future[Unpacked]) -> None:
        self._running = None
        if not unpacked.cancelled():
            unpacked.exception()  # its holder, who may be gone, raises it
        self._ready()
