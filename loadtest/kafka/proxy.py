"""A proxy before a broker's second listener that can hold requests, fall silent or hang up."""

import asyncio
import contextlib
import struct
from types import TracebackType
from typing import Self

from loadtest.kafka.properties import HOST, Ports

PRODUCE = 0
FETCH = 1
"""Kafka's api keys, for `hold`."""

_FRAME_HEAD = struct.Struct(">ih")
_API_KEY_BYTES = 2
_PIECE_BYTES = 256 * 1024


class Proxy:
    """Forwards bytes between clients and one broker; an asynchronous context manager.

    Requests of one connection keep their order, as with Kafka itself: behind one that is held, the
    later ones of that connection wait too.
    """

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._held: frozenset[int] = frozenset()
        self._silent = False
        self._moving = asyncio.Event()
        self._moving.set()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.waiting = 0
        """How many requests are held at this moment."""

    @property
    def bootstrap(self) -> str:
        """Where clients connect, as host:port."""
        return f"{HOST}:{self._ports.proxy}"

    async def __aenter__(self) -> Self:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, HOST, self._ports.proxy)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Hang up and stop listening."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def hold(self, *api_keys: int) -> None:
        """Hold requests of `api_keys` from now on, until release(); all others pass."""
        self._held = frozenset(api_keys)
        self._moving.clear()

    def fall_silent(self) -> None:
        """Take connections and bytes, forward nothing either way, until release()."""
        self._silent = True
        self._moving.clear()

    def release(self) -> None:
        """Let everything pass that was held."""
        self._held = frozenset()
        self._silent = False
        self._moving.set()

    def reset(self) -> None:
        """Hang up on every client there is now (RST); new connections are served."""
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:  # asyncio runs this callback in a task of its own
            return
        self._tasks.add(task)
        self._writers.add(writer)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self._join(reader, writer)
        finally:
            writer.transport.abort()
            self._writers.discard(writer)
            self._tasks.discard(task)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        broker_reader, broker_writer = await asyncio.open_connection(HOST, self._ports.behind)
        try:
            async with asyncio.TaskGroup() as directions:
                there = directions.create_task(self._forward_requests(reader, broker_writer))
                back = directions.create_task(self._forward_answers(broker_reader, writer))
                await asyncio.wait((there, back), return_when=asyncio.FIRST_COMPLETED)
                there.cancel()
                back.cancel()
        except* (OSError, asyncio.IncompleteReadError):
            pass  # one side hung up: so do we, on the other
        finally:
            broker_writer.transport.abort()

    async def _forward_requests(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while True:
            head = await reader.readexactly(_FRAME_HEAD.size)
            size_bytes, api_key = _FRAME_HEAD.unpack(head)
            await self._passage(api_key)
            writer.write(head)
            left_bytes = size_bytes - _API_KEY_BYTES
            while left_bytes:
                piece = await reader.read(min(left_bytes, _PIECE_BYTES))
                if not piece:
                    return
                left_bytes -= len(piece)
                writer.write(piece)
                await writer.drain()

    async def _forward_answers(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while piece := await reader.read(_PIECE_BYTES):
            await self._passage(None)
            writer.write(piece)
            await writer.drain()

    async def _passage(self, api_key: int | None) -> None:
        """Wait until a request of `api_key` may pass; None: an answer, held by silence only."""
        while self._silent or api_key in self._held:
            self.waiting += api_key is not None
            try:
                await self._moving.wait()
            finally:
                self.waiting -= api_key is not None
