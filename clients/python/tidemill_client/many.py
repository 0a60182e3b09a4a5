"""Many questions at once, with a bound on how many are under way. Knows nothing of Kafka."""

import asyncio
import itertools
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable

import msgspec

from tidemill_client.bodies import Body
from tidemill_client.errors import Closed, TidemillError
from tidemill_client.reply import Reply


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


async def answers(
    ask: Callable[[Body], Awaitable[Reply]],
    bodies: "Iterable[Body] | AsyncIterable[Body]",
    *,
    in_flight: int,
    ordered: bool,
) -> AsyncIterator[Answer]:
    """Yield an answer for each of `bodies`; who stops early leaves no question behind."""
    if in_flight < 1:
        raise ValueError(f"in_flight is at least 1, not {in_flight}")
    questions = _Questions(ask, _Source(bodies), ordered=ordered)
    try:
        while questions.go_on(in_flight):
            if (answer := questions.next_answer()) is not None:
                yield answer
            else:
                await questions.something()
    finally:
        await questions.give_up()


class _Questions:
    """Those that are under way, and those that were answered and not given back."""

    def __init__(
        self, ask: Callable[[Body], Awaitable[Reply]], source: "_Source", *, ordered: bool
    ) -> None:
        self._ask = ask
        self._source = source
        self._ordered = ordered
        self._tasks: dict[int, asyncio.Task[Answer]] = {}
        self._done: deque[int] = deque()
        """Which of them are done, in the order in which they got so."""
        self._asked = 0
        self._given = 0
        self._came = asyncio.Event()

    def go_on(self, in_flight: int) -> bool:
        """Ask as many as may be; whether there will be another answer."""
        while len(self._tasks) < in_flight and self._source.has_next(self._came.set):
            self._begin(self._source.take())
        return bool(self._tasks) or not self._source.is_over

    def next_answer(self) -> Answer | None:
        """Return an answer that is there and whose turn it is."""
        if self._ordered:
            task = self._tasks.get(self._given)
            if task is None or not task.done():
                return None
            self._given += 1
        elif self._done:
            task = self._tasks[self._done.popleft()]
        else:
            return None
        answer = task.result()
        del self._tasks[answer.index]
        return answer

    async def something(self) -> None:
        """Wait for an answer or a body."""
        self._came.clear()
        await self._came.wait()

    async def give_up(self) -> None:
        """Wait for nothing any more."""
        left = [*self._tasks.values(), *self._source.give_up()]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def _begin(self, body: Body) -> None:
        index = self._asked
        self._asked += 1
        task = asyncio.create_task(self._answer(index, body))
        self._tasks[index] = task
        task.add_done_callback(lambda _: self._note(index))

    def _note(self, index: int) -> None:
        if not self._ordered:
            self._done.append(index)
        self._came.set()

    async def _answer(self, index: int, body: Body) -> Answer:
        try:
            return Answer(index, body, await self._ask(body), None)
        except TidemillError as error:
            return Answer(index, body, None, error)


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
