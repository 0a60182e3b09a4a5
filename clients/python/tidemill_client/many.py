"""Many questions at once, with a bound on how many are under way. Knows nothing of Kafka."""

import asyncio
import itertools
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from functools import partial
from typing import Any, Protocol

import msgspec

from tidemill_client.bodies import Body, not_one
from tidemill_client.errors import Closed, Failed, TidemillError
from tidemill_client.outgoing import Outgoing
from tidemill_client.reply import Reply
from tidemill_client.request import Request


class Answer(msgspec.Struct, frozen=True):
    """What came of one of many questions: a reply or an error."""

    index: int
    """Which it was, from 0 on."""
    body: Body
    reply: Reply | None
    error: TidemillError | None

    def result(self) -> Reply:
        """Return the reply; raises TidemillError where there is none."""
        if self.reply is None:
            raise self.error or Closed("closed", "nobody asked")
        return self.reply


class Asker(Protocol):
    """Who asks: an open client."""

    def begin(self, request: Request, until_s: float) -> Outgoing:
        """Ask once, and return what is to be awaited and then dropped; raises TidemillError."""

    async def again(self, request: Request, until_s: float, failure: Failed) -> Reply:
        """Return the result of another try after `failure`, where one is due; raises TidemillError."""

    def drop(self, question: Outgoing) -> None:
        """Wait no longer for `question`, if it is still open."""


async def answers(
    asker: Asker,
    request_of: Callable[[Body], Request],
    bodies: "Iterable[Body] | AsyncIterable[Body]",
    *,
    in_flight: int,
    ordered: bool,
) -> AsyncIterator[Answer]:
    """Yield an answer for each of `bodies`; who stops early leaves no question behind."""
    if in_flight < 1:
        raise ValueError(f"in_flight is at least 1, not {in_flight}")
    window = _Window(asker, request_of, _Source(not_one(bodies)), ordered=ordered)
    try:
        while window.go_on(in_flight):
            if (answer := window.next_answer()) is not None:
                yield answer
            else:
                await window.something()
    finally:
        await window.give_up()


class _Window:
    """Questions that are under way, and those that were answered and not given back.

    There is a task only for what is tried again: one for each question took a third of the time of asking.
    """

    def __init__(
        self,
        asker: Asker,
        request_of: Callable[[Body], Request],
        source: "_Source",
        *,
        ordered: bool,
    ) -> None:
        self._asker = asker
        self._request_of = request_of
        self._source = source
        self._ordered = ordered
        self._loop = asyncio.get_running_loop()
        self._open: dict[int, Outgoing] = {}
        self._again: set[asyncio.Task[None]] = set()
        self._answered: dict[int, Answer] = {}
        """In the order in which they were."""
        self._asked = 0
        self._given = 0
        self._came = asyncio.Event()

    def go_on(self, in_flight: int) -> bool:
        """Ask as many as may be; whether there will be another answer."""
        while self._asked - self._given < in_flight and self._source.has_next(self._came.set):
            self._begin(self._source.take())
        return self._asked > self._given or not self._source.is_over

    def next_answer(self) -> Answer | None:
        """Return an answer that is there and whose turn it is."""
        index = self._given if self._ordered else next(iter(self._answered), -1)
        answer = self._answered.pop(index, None)
        if answer is not None:
            self._given += 1
        return answer

    async def something(self) -> None:
        """Wait for an answer or a body."""
        self._came.clear()
        await self._came.wait()

    async def give_up(self) -> None:
        """Wait for nothing any more."""
        for question in self._open.values():
            question.future.cancel()
            self._asker.drop(question)
        left = [*self._again, *self._source.give_up()]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def _begin(self, body: Body) -> None:
        index, request = self._asked, self._request_of(body)
        self._asked += 1
        try:
            question = self._asker.begin(request, self._loop.time() + request.timeout_s)
        except TidemillError as error:
            self._answer(index, body, None, error)
        else:
            self._open[index] = question
            question.future.add_done_callback(partial(self._end, index, body, request))

    def _end(self, index: int, body: Body, request: Request, future: "asyncio.Future[Any]") -> None:
        question = self._open.pop(index)
        if future.cancelled():
            return
        self._asker.drop(question)
        error = future.exception()
        if isinstance(error, Failed) and error.retriable:
            again = self._loop.create_task(self._retry(index, body, request, question, error))
            self._again.add(again)
            again.add_done_callback(self._again.discard)
        elif isinstance(error, TidemillError):
            self._answer(index, body, None, error)
        else:
            self._answer(index, body, future.result(), None)

    async def _retry(
        self, index: int, body: Body, request: Request, question: Outgoing, failure: Failed
    ) -> None:
        try:
            reply = await self._asker.again(request, question.latest_s, failure)
        except TidemillError as error:
            self._answer(index, body, None, error)
        else:
            self._answer(index, body, reply, None)

    def _answer(
        self, index: int, body: Body, reply: Reply | None, error: TidemillError | None
    ) -> None:
        self._answered[index] = Answer(index, body, reply, error)
        self._came.set()


class _Source:
    """Bodies, from an iterable of either kind; of one that has to be waited for, one at a time is asked for."""

    def __init__(self, bodies: "Iterable[Body] | AsyncIterable[Body]") -> None:
        self.is_over = False
        self._later = bodies.__aiter__() if isinstance(bodies, AsyncIterable) else None
        self._now = iter(()) if isinstance(bodies, AsyncIterable) else iter(bodies)
        self._coming: asyncio.Task[list[Body]] | None = None
        self._next: list[Body] = []

    def has_next(self, when_there: Callable[[], None]) -> bool:
        """Whether a body is there to take; where it is waited for, `when_there` is called once it is."""
        if self._next or self.is_over:
            return not self.is_over
        if self._later is None:
            self._next = list(itertools.islice(self._now, 1))
            self.is_over = not self._next
        elif self._coming is None:
            self._coming = asyncio.create_task(_fetched(self._later))
            self._coming.add_done_callback(lambda _: when_there())
        elif self._coming.done():
            self._next, self._coming = self._coming.result(), None
            self.is_over = not self._next
        return bool(self._next)

    def take(self) -> Body:
        """Return the body that is there."""
        return self._next.pop()

    def give_up(self) -> "list[asyncio.Task[list[Body]]]":
        """Return what is under way."""
        return [] if self._coming is None else [self._coming]


async def _fetched(bodies: AsyncIterator[Body]) -> list[Body]:
    """Return the next body in a list, an empty one at the end."""
    try:
        return [await bodies.__anext__()]
    except StopAsyncIteration:
        return []
