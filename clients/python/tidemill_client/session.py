"""An open client: what it holds from its opening to its closing."""

import asyncio
import itertools
import random
import secrets
import time
from typing import Any

from tidemill_client import forks, request_headers, retrying
from tidemill_client.bodies import Body
from tidemill_client.connection import TROUBLE, Options, unavailable
from tidemill_client.errors import Closed, Failed, NotSent
from tidemill_client.outbox import Outbox
from tidemill_client.outgoing import Outgoing, Place, Submission
from tidemill_client.questions import Questions
from tidemill_client.reply import Reply
from tidemill_client.reply_reader import ReplyReader
from tidemill_client.request import Request, request_of
from tidemill_client.ticket import Ticket

_TAKEN_S = 30.0
"""How long a broker may take to have what is submitted."""
_CORRELATION_BYTES = 16
_FRAME_BYTES = 4096
"""What a request takes beyond what its caller gave: the client's own headers, names of topics (249 bytes
at most), and what Kafka puts around a record."""


class Session:
    """Belongs to one event loop of one process."""

    def __init__(
        self,
        reach: Options,
        reply_topic: str,
        partition: int | None,
        *,
        grace_s: float,
        max_request_bytes: int,
    ) -> None:
        self.questions = Questions(reply_topic, grace_s)
        self._reach = reach
        self._reply_topic = reply_topic
        self._address: request_headers.Headers = []
        self._max_request_bytes = max_request_bytes
        self._loop = asyncio.get_running_loop()
        self._process = forks.count
        self._outbox = Outbox(reach, reply_topic)
        self._reader = ReplyReader(reach, reply_topic, partition, self.questions)
        self._reading: asyncio.Task[None] | None = None
        self._is_closed = False

    async def open(self, limit_s: float) -> None:
        """Connect; raises NotSent."""
        try:
            await asyncio.wait_for(self._open(), limit_s)
        except TROUBLE as error:
            raise unavailable(self._reach, error) from error
        self._reading = asyncio.create_task(self._reader.run())
        self._address = request_headers.address(self._reply_topic, self._reader.partition)

    async def _open(self) -> None:
        await self._reader.open()
        await self._outbox.open()

    async def close(self) -> None:
        """End all questions and hang up."""
        self._is_closed = True
        self.questions.close(Closed("closed", "this client was closed"))
        await self._outbox.close()
        await self._reader.close()
        if self._reading is not None:
            await self._reading

    def check(self) -> None:
        """Raise Closed where it does not work: in a process that was forked, on another loop."""
        if forks.count != self._process:
            raise Closed("forked", "opened before a fork: open one in each process")
        if self._loop.is_closed() or asyncio.get_running_loop() is not self._loop:
            raise Closed("other_loop", "opened on another event loop: open one on each")

    def request(self, topic: str, body: Body, **how: Any) -> Request:  # noqa: ANN401 - those of request_of
        """Return what is to be asked; raises TypeError, ValueError."""
        if topic == self._reply_topic:
            raise ValueError(
                f"{topic} is where replies go: questions there would be read as replies"
            )
        return request_of(self._address, topic, body, **how)

    async def ask(self, request: Request) -> Reply:
        """Return the result; raises TidemillError."""
        question = self.begin(request, self._loop.time() + request.timeout_s)
        try:
            reply: Reply = await question.future
        except Failed as failure:
            first = failure
        else:
            return reply
        finally:
            self.questions.drop(question)
        return await self.again(request, question.latest_s, first)

    async def again(self, request: Request, until_s: float, failure: Failed) -> Reply:
        """Return the result of another try after `failure`, where one is due; raises TidemillError."""
        for tries in itertools.count(1):
            wait_s = retrying.pause_s(tries, chance=random.random())  # noqa: S311 - a jitter
            left_s = until_s - self._loop.time()
            if not retrying.may_retry(
                tries, request.retries, retriable=failure.retriable, wait_s=wait_s, left_s=left_s
            ):
                break
            await asyncio.sleep(wait_s)
            question = self.begin(request, until_s)
            try:
                reply: Reply = await question.future
            except Failed as later:
                failure = later
            else:
                return reply
            finally:
                self.questions.drop(question)
        raise failure

    async def submit(self, request: Request, group: str) -> Ticket:
        """Return a ticket once Kafka has the request; raises NotSent, NoReply, Closed."""
        self._check(request)
        reply_from, asked_ms = self._reader.next_offset, wall_ms()
        deadline_ms = asked_ms + round(request.timeout_s * 1000)
        correlation = secrets.token_bytes(_CORRELATION_BYTES)
        submission = Submission(
            request.topic,
            request.body,
            [
                (request_headers.CORRELATION, correlation),
                *request.headers,
                *request_headers.until(deadline_ms),
            ],
            correlation=correlation,
            key=request.key,
            wall_ms=asked_ms,
            timeout_s=request.timeout_s,
            latest_s=self._loop.time() + request.timeout_s,
            future=self._loop.create_future(),
        )
        self._outbox.put(submission)
        try:
            place: Place = await asyncio.wait_for(submission.future, _TAKEN_S)
        except asyncio.TimeoutError:
            raise submission.silence(f"{_TAKEN_S:g} s", "") from None
        return Ticket(
            *place,
            group=group,
            correlation=correlation.hex(),
            reply_topic=self._reply_topic,
            reply_partition=self._reader.partition,
            reply_from=reply_from,
            deadline_ms=deadline_ms,
        )

    def drop(self, question: Outgoing) -> None:
        """Wait no longer for `question`, if it is still open."""
        self.questions.drop(question)

    def begin(self, request: Request, until_s: float) -> Outgoing:
        """Ask once, and return what is to be awaited and then dropped; raises Closed, NotSent."""
        self._check(request)
        asked_ms, timeout_s = wall_ms(), until_s - self._loop.time()
        correlation = self.questions.new_correlation()
        question = Outgoing(
            request.topic,
            request.body,
            [
                (request_headers.CORRELATION, correlation),
                *request.headers,
                *request_headers.lifetime(timeout_s, wall_ms=asked_ms),
            ],
            correlation=correlation,
            key=request.key,
            wall_ms=asked_ms,
            timeout_s=timeout_s,
            latest_s=until_s,
            future=self._loop.create_future(),
        )
        self.questions.open(question)
        self._outbox.put(question)
        return question

    def _check(self, request: Request) -> None:
        """Raise Closed, and NotSent for what brokers would hang up on without a word."""
        if self._is_closed:
            raise Closed("closed", "this client was closed")
        if request.size_bytes + _FRAME_BYTES > self._max_request_bytes:
            raise NotSent(
                "too_large",
                f"{request.size_bytes} bytes, and what goes around them, are more than brokers "
                f"take at once (max_request_bytes is {self._max_request_bytes})",
            )


def wall_ms() -> int:
    """Return what this host takes for the time, in milliseconds since 1970."""
    return time.time_ns() // 1_000_000
