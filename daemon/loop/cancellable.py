"""Work that is given up when the process is told to stop before it is done."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

_T = TypeVar("_T")

_THREAD = "abandonable"


async def unless(stop: asyncio.Event, work: Coroutine[Any, Any, _T]) -> _T | None:
    """Return what `work` returns, None when `stop` was set first; `work` is cancelled then."""
    working, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        working.cancel()
        stopping.cancel()
        await asyncio.wait({working, stopping})
    return None if working.cancelled() else working.result()


async def in_thread(work: Callable[[], _T]) -> _T:
    """Return what `work` returns, from a thread of its own; when cancelled, leave that behind.

    A thread of asyncio.to_thread would be waited for, without a limit, when the loop is closed.
    """
    executor = ThreadPoolExecutor(1, thread_name_prefix=_THREAD)
    future = asyncio.get_running_loop().run_in_executor(executor, work)
    executor.shutdown(wait=False)
    return await future


def left_behind() -> bool:
    """Return whether a thread of `in_thread` still works; Python would wait for it at its end."""
    return any(each.name.startswith(_THREAD) for each in threading.enumerate())
