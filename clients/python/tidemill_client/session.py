"""An open client: what it holds from its opening to its closing."""

import asyncio
import os
import time

from aiokafka import errors

from tidemill_client import request_headers
from tidemill_client.connection import Options, unavailable
from tidemill_client.errors import Closed, error_of
from tidemill_client.outbox import Outbox
from tidemill_client.outgoing import Outgoing
from tidemill_client.questions import Questions
from tidemill_client.reply import Reply
from tidemill_client.reply_reader import ReplyReader
from tidemill_client.request_headers import Headers


class Session:
    """Belongs to one event loop of one process."""

    def __init__(
        self, reach: Options, reply_topic: str, partition: int | None, grace_s: float
    ) -> None:
        self.questions = Questions(reply_topic, grace_s)
        self.address: Headers = []
        self._reach = reach
        self._reply_topic = reply_topic
        self._loop = asyncio.get_running_loop()
        self._process = os.getpid()
        self._outbox = Outbox(reach)
        self._reader = ReplyReader(reach, reply_topic, partition, self.questions)
        self._reading: asyncio.Task[None] | None = None

    async def open(self, limit_s: float) -> None:
        """Connect; raises NotSent."""
        try:
            await asyncio.wait_for(self._open(), limit_s)
        except asyncio.TimeoutError as error:
            raise unavailable(self._reach, error) from error
        except errors.KafkaError as error:
            raise unavailable(self._reach, error) from error
        self._reading = asyncio.create_task(self._reader.run())
        self.address = request_headers.address(self._reply_topic, self._reader.partition)

    async def _open(self) -> None:
        await self._reader.open()
        await self._outbox.open()

    async def close(self) -> None:
        """End all questions and hang up."""
        self.questions.close(Closed("closed", "this client was closed"))
        await self._outbox.close()
        await self._reader.close()
        if self._reading is not None:
            await self._reading

    def now_s(self) -> float:
        """Return the loop's time."""
        return self._loop.time()

    def check(self) -> None:
        """Raise Closed where it does not work: in a process that was forked, on another loop."""
        if os.getpid() != self._process:
            raise Closed("forked", "opened before a fork: open one in each process")
        if self._loop.is_closed() or asyncio.get_running_loop() is not self._loop:
            raise Closed("other_loop", "opened on another event loop: open one on each")

    async def ask(
        self, topic: str, body: bytes, fixed: Headers, *, key: bytes | None, timeout_s: float
    ) -> Reply:
        """Ask once; raises TidemillError."""
        wall_ms = time.time_ns() // 1_000_000
        correlation = self.questions.new_correlation()
        question = Outgoing(
            topic,
            body,
            [
                (request_headers.CORRELATION, correlation),
                *fixed,
                *request_headers.lifetime(timeout_s, wall_ms=wall_ms),
            ],
            key=key,
            wall_ms=wall_ms,
            latest_s=self._loop.time() + timeout_s,
            future=self._loop.create_future(),
        )
        self.questions.open(correlation, question, timeout_s)
        self._outbox.put(question)
        try:
            reply: Reply = await question.future
        finally:
            self.questions.drop(correlation)
        error = error_of(reply)
        if error is not None:
            raise error
        return reply
