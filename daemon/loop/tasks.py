"""The one owner of side tasks: one that ends in a way nobody expected ends the worker, with its reason.

What starts a task in the background gets a `Tasks` and hands the coroutine over. Errors that are
part of the work are handled inside the coroutine; whatever else comes out of it is a fault, is kept
here as the failure of all, and raised to whoever waits by `until`.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

_Result = TypeVar("_Result")


class Tasks:
    """Tasks that live as long as their owner; those of a part of it fail and count with the whole."""

    def __init__(self, whole: "Tasks | None" = None) -> None:
        """`whole`: the tasks of which these are a part; to be made on the loop."""
        self._loop = asyncio.get_running_loop()
        self._failure: asyncio.Future[None] = (
            self._loop.create_future() if whole is None else whole._failure  # noqa: SLF001 -- one failure for all parts
        )
        self._running: set[asyncio.Task[Any]] = set()

    @property
    def running(self) -> int:
        """How many have not ended."""
        return len(self._running)

    def start(self, coroutine: Coroutine[Any, Any, _Result], *, name: str) -> asyncio.Task[_Result]:
        """Run `coroutine` until it ends or is cancelled; an error that it raises is the failure."""
        task = self._loop.create_task(coroutine, name=name)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    def fail(self, error: BaseException) -> None:
        """Take `error`, from a callback or another thread's work, for the failure; the first counts."""
        if not self._failure.done():
            self._failure.set_exception(error)
            self._failure.exception()  # seen, even if nobody waits any more

    @property
    def failure(self) -> BaseException | None:
        """What ends the worker; None while nothing does."""
        return self._failure.exception() if self._failure.done() else None

    def check(self) -> None:
        """Raise the failure, if there is one."""
        if self._failure.done():
            self._failure.result()

    async def until(self, *awaited: asyncio.Future[Any]) -> None:
        """Wait until one of `awaited` is done; raises the failure, or what ended one of them."""
        await asyncio.wait({*awaited, self._failure}, return_when=asyncio.FIRST_COMPLETED)
        for future in (self._failure, *awaited):
            if future.done():
                future.result()

    def cancel(self) -> None:
        """Tell all to end; `close` also waits for that."""
        for task in self._running:
            task.cancel()

    async def finish(self, timeout_s: float) -> None:
        """Wait until all that run have ended by themselves; end what is left after `timeout_s`."""
        if self._running:
            await asyncio.wait(set(self._running), timeout=timeout_s)
        await self.close()

    async def close(self) -> None:
        """End all that run, and wait until they have."""
        self.cancel()
        if self._running:
            await asyncio.wait(set(self._running))

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.fail(error)
