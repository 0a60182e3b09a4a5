"""The client for code that does not run on an event loop: the same, on one thread of its own."""

import asyncio
import queue
import threading
from collections import deque
from collections.abc import AsyncGenerator, Coroutine, Iterable, Iterator
from concurrent.futures import CancelledError
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from tidemill_client import forks
from tidemill_client.bodies import Body, not_one
from tidemill_client.client import GRACE_S, MAX_REQUEST_BYTES, Client
from tidemill_client.errors import Closed, TidemillError
from tidemill_client.many import Answer
from tidemill_client.open_tickets import Collected
from tidemill_client.questions import Counts
from tidemill_client.reply import Reply
from tidemill_client.ticket import Ticket

if TYPE_CHECKING:
    from concurrent.futures import Future

    from typing_extensions import Self

_T = TypeVar("_T")


class SyncClient:
    """A context manager whose methods block, and may be called from any number of threads."""

    def __init__(
        self,
        bootstrap_servers: str,
        *,
        reply_topic: str,
        reply_partition: int | None = None,
        grace: float = GRACE_S,
        max_request_bytes: int = MAX_REQUEST_BYTES,
        **login: Any,  # noqa: ANN401 - aiokafka's own
    ) -> None:
        """Prepare a client, by the same arguments as Client; nothing is connected yet."""
        self._client = Client(
            bootstrap_servers,
            reply_topic=reply_topic,
            reply_partition=reply_partition,
            grace=grace,
            max_request_bytes=max_request_bytes,
            **login,
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._process = forks.count
        self._lock = threading.Lock()
        """So that what is begun is begun before the loop is told to stop."""
        self._is_closed = False

    def __enter__(self) -> "Self":
        """Start the thread and connect; raises NotSent."""
        if self._loop is not None:
            raise Closed("other_loop", "this client was opened before: make another one")
        loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=_run, args=(loop,), name="tidemill-client", daemon=True
        )
        self._loop, self._process = loop, forks.count
        self._thread.start()
        try:
            self._wait(self._client.__aenter__())
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Hang up and end the thread; whoever still waits gets Closed."""
        if self._process == forks.count:  # else the thread is the parent's
            self._wait(self._client.__aexit__(None, None, None))
            self._end()

    @property
    def counts(self) -> Counts:
        """What became of questions and replies so far."""

        async def counts() -> Counts:
            return self._client.counts

        return self._wait(counts())

    def ask(self, topic: str, body: Body, **how: Any) -> Reply:  # noqa: ANN401 - those of Client.ask
        """Return the result for `body`; arguments and errors are those of Client.ask."""
        return self._wait(self._client.ask(topic, body, **how))

    def ask_many(
        self,
        topic: str,
        bodies: Iterable[Body],
        *,
        in_flight: int = 1000,
        ordered: bool = True,
        **how: Any,  # noqa: ANN401 - those of Client.ask
    ) -> Iterator[Answer]:
        """Yield an Answer for each of `bodies`, which are taken by the calling thread; as Client.ask_many."""
        if in_flight < 1:
            raise ValueError(f"in_flight is at least 1, not {in_flight}")
        asked: set[Future[Answer]] = set()
        window: _Answers = _InOrder() if ordered else _AsTheyCome()
        try:
            for index, body in enumerate(not_one(bodies)):
                if len(asked) >= in_flight:
                    yield _taken(asked, window)
                future = self._begin(self._answer(index, topic, body, how))
                asked.add(future)
                window.put(future)
            while asked:
                yield _taken(asked, window)
        finally:
            for future in asked:
                future.cancel()

    def submit(self, topic: str, body: Body, *, group: str, **how: Any) -> Ticket:  # noqa: ANN401 - those of Client.submit
        """Return a ticket once Kafka has the request; arguments and errors are those of Client.submit."""
        return self._wait(self._client.submit(topic, body, group=group, **how))

    def collect(self, ticket: Ticket, *, timeout: float = 0) -> Reply:
        """Return the reply to what was submitted; arguments and errors are those of Client.collect."""
        return self._wait(self._client.collect(ticket, timeout=timeout))

    def collect_many(self, tickets: Iterable[Ticket], *, timeout: float = 0) -> Iterator[Collected]:
        """Yield what became of each of `tickets` as it is found; as Client.collect_many."""

        async def begin() -> AsyncGenerator[Collected, None]:
            return self._client.collect_many(tickets, timeout=timeout)

        async def next_end() -> Collected | None:
            return await anext(ends, None)

        async def give_up() -> None:
            await ends.aclose()

        ends = self._wait(begin())
        try:
            while (end := self._wait(next_end())) is not None:
                yield end
        finally:
            self._wait(give_up())

    async def _answer(self, index: int, topic: str, body: Body, how: dict[str, Any]) -> Answer:
        try:
            return Answer(index, body, await self._client.ask(topic, body, **how), None)
        except TidemillError as error:
            return Answer(index, body, None, error)

    def _wait(self, doing: Coroutine[Any, Any, _T]) -> _T:
        future = self._begin(doing)
        try:
            return _result(future)
        finally:
            future.cancel()  # where this thread was interrupted

    def _begin(self, doing: Coroutine[Any, Any, _T]) -> "Future[_T]":
        """Do it on the thread; raises Closed, and RuntimeError on an event loop, which it would block."""
        try:
            return self._begun(doing)
        except BaseException:
            doing.close()
            raise

    def _begun(self, doing: Coroutine[Any, Any, _T]) -> "Future[_T]":
        self._check()
        with self._lock:
            if self._loop is None or self._is_closed:
                raise Closed("closed", "this client was closed")
            return asyncio.run_coroutine_threadsafe(doing, self._loop)

    def _check(self) -> None:
        if self._process != forks.count:
            raise Closed("forked", "opened before a fork: open one in each process")
        if self._loop is None:
            raise Closed("not_open", "use it as `with SyncClient(...) as client`")
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return
        raise RuntimeError("an event loop runs here, which SyncClient would block: use Client")

    def _end(self) -> None:
        if self._loop is None or self._thread is None:
            return
        with self._lock:
            if not self._is_closed:
                self._is_closed = True
                self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        loop.run_until_complete(_finish())
    finally:
        loop.close()


async def _finish() -> None:
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_asyncgens()


class _InOrder:
    """Gives answers back in the order in which their questions were put in."""

    def __init__(self) -> None:
        self._futures: deque[Future[Answer]] = deque()

    def put(self, future: "Future[Answer]") -> None:
        self._futures.append(future)

    def next(self) -> "Future[Answer]":
        return self._futures.popleft()


class _AsTheyCome:
    """Gives answers back in the order in which they came."""

    def __init__(self) -> None:
        self._futures: queue.SimpleQueue[Future[Answer]] = queue.SimpleQueue()

    def put(self, future: "Future[Answer]") -> None:
        future.add_done_callback(self._futures.put)

    def next(self) -> "Future[Answer]":
        return self._futures.get()


_Answers = _InOrder | _AsTheyCome


def _taken(asked: "set[Future[Answer]]", window: _Answers) -> Answer:
    future = window.next()
    answer = _result(future)
    asked.discard(future)
    return answer


def _result(future: "Future[_T]") -> _T:
    try:
        return future.result()
    except CancelledError:
        raise Closed("closed", "this client was closed") from None
