"""A proxy before a broker's second listener: it holds, delays, swallows, falls silent, hangs up."""

import asyncio
import contextlib
import struct
from collections import Counter
from types import TracebackType
from typing import NamedTuple, Self

from loadtest.kafka.properties import HOST, Ports

PRODUCE = 0
FETCH = 1
OFFSET_COMMIT = 8
OFFSET_FETCH = 9
FIND_COORDINATOR = 10
JOIN_GROUP = 11
HEARTBEAT = 12
INIT_PRODUCER_ID = 22
END_TXN = 26
TXN_OFFSET_COMMIT = 28
"""Kafka's api keys, for `hold` and `swallow`."""

# A request: its size, api key, version and correlation id, by which its answer is known.
_REQUEST_HEAD = struct.Struct(">ihhi")
_ANSWER_HEAD = struct.Struct(">ii")
_SIZE_BYTES = 4
_PIECE_BYTES = 256 * 1024
# Between what is read and what is written; with latency, what is under way.
_PIECES = 256


class Proxy:
    """Forwards frames between clients and one broker; an asynchronous context manager.

    Frames of one connection keep their order, as with Kafka itself: behind one that is held, the
    later ones of that connection wait too.
    """

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._held: frozenset[int] = frozenset()
        self._swallowed: frozenset[int] = frozenset()
        self._hangs_up = True
        self._silent = _Silence(requests=False, answers=False)
        self._latency_s = 0.0
        self._moving = asyncio.Event()
        self._moving.set()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.waiting = 0
        """How many requests are held at this moment."""
        self.swallowed = 0
        """How many answers were swallowed so far."""
        self.passed: Counter[int] = Counter()
        """How many requests passed so far, by api key."""

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

    # What it does to those who use it

    def hold(self, *api_keys: int) -> None:
        """Hold requests of `api_keys` from now on, until release(); all others pass."""
        self._held = frozenset(api_keys)
        self._moving.clear()

    def swallow(self, *api_keys: int, hang_up: bool = True) -> None:
        """Lose the answers to requests of `api_keys`, which are carried out, until release().

        The connection ends where the answer would have come; without `hang_up` it stays, and its
        client hears nothing more on it.
        """
        self._swallowed = frozenset(api_keys)
        self._hangs_up = hang_up

    def fall_silent(self, *, requests: bool = True, answers: bool = True) -> None:
        """Be a hole: take connections and bytes, and forward nothing that way, until release().

        Afterwards everything comes, as TCP brings it when a network has recovered.
        """
        self._silent = _Silence(requests, answers)
        self._moving.clear()

    def delay(self, latency_s: float) -> None:
        """Let everything take so much longer, half of it each way; 0 for no longer."""
        self._latency_s = latency_s

    def release(self) -> None:
        """Let everything pass that was held, and all that comes."""
        self._held = self._swallowed = frozenset()
        self._silent = _Silence(requests=False, answers=False)
        self._moving.set()

    def reset(self) -> None:
        """Hang up on every client there is now (RST); new connections are served."""
        for writer in self._writers:
            writer.transport.abort()

    # Connections

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
        there, back = _Way(reader, broker_writer), _Way(broker_reader, writer)
        unanswerable: set[int] = set()
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(work)
                    for work in (
                        self._forward_requests(there, unanswerable),
                        there.write(),
                        self._forward_answers(back, unanswerable),
                        back.write(),
                    )
                ]
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in tasks:
                    task.cancel()
        except* (OSError, asyncio.IncompleteReadError):
            pass  # one side hung up: so do we, on the other
        finally:
            broker_writer.transport.abort()

    async def _forward_requests(self, way: "_Way", unanswerable: set[int]) -> None:
        while True:
            head = await way.reader.readexactly(_REQUEST_HEAD.size)
            size_bytes, api_key, _, correlation_id = _REQUEST_HEAD.unpack(head)
            await self._request_passes(api_key)
            self.passed[api_key] += 1
            if api_key in self._swallowed:
                unanswerable.add(correlation_id)
            await way.take(head, size_bytes + _SIZE_BYTES, self._latency_s / 2)

    async def _forward_answers(self, way: "_Way", unanswerable: set[int]) -> None:
        while True:
            head = await way.reader.readexactly(_ANSWER_HEAD.size)
            size_bytes, correlation_id = _ANSWER_HEAD.unpack(head)
            while self._silent.answers:
                await self._moving.wait()
            if correlation_id in unanswerable:
                self.swallowed += 1
                if self._hangs_up:
                    return
                await asyncio.get_running_loop().create_future()  # until somebody hangs up
            await way.take(head, size_bytes + _SIZE_BYTES, self._latency_s / 2)

    async def _request_passes(self, api_key: int) -> None:
        """Wait until a request may pass; it is counted while it waits."""
        while self._silent.requests or api_key in self._held:
            self.waiting += 1
            try:
                await self._moving.wait()
            finally:
                self.waiting -= 1


class _Silence(NamedTuple):
    """Which way nothing passes."""

    requests: bool
    answers: bool


class _Way:
    """One direction of a connection: what is taken comes out later, in its order."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self._writer = writer
        self._pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_PIECES)

    async def take(self, head: bytes, frame_bytes: int, delay_s: float) -> None:
        """Read the frame that begins with `head`; it is due `delay_s` after each piece came."""
        now_s = asyncio.get_running_loop().time
        await self._pieces.put((now_s() + delay_s, head))
        left_bytes = frame_bytes - len(head)
        while left_bytes:
            piece = await self.reader.read(min(left_bytes, _PIECE_BYTES))
            if not piece:
                raise asyncio.IncompleteReadError(piece, left_bytes)
            left_bytes -= len(piece)
            await self._pieces.put((now_s() + delay_s, piece))

    async def write(self) -> None:
        """Write what was taken when it is due."""
        while True:
            due_s, piece = await self._pieces.get()
            early_s = due_s - asyncio.get_running_loop().time()
            if early_s > 0:
                await asyncio.sleep(early_s)
            if self._writer.transport.is_closing():
                return  # uvloop refuses to write to what was cut
            self._writer.write(piece)
            await self._writer.drain()
