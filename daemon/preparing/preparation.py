"""Users' transforms, in a small pool of threads so that the loop keeps its heartbeats.

Work goes over in groups, never request by request; a transform declared cheap runs at once.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

_THREADS = 2
"""Python code shares one interpreter lock: more threads only help transforms that release it."""
_GROUP = 16
"""Requests handed over together: long enough to hide the hand-over, short enough to share out."""

In = TypeVar("In")
Out = TypeVar("Out")


class Preparation:
    """Runs functions over groups of values off the loop, and counts what is under way."""

    def __init__(self, *, failed: Callable[[BaseException], None]) -> None:
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="transform")
        self._loop = asyncio.get_running_loop()
        self._failed = failed
        self._under_way = 0

    @property
    def under_way(self) -> int:
        """Values whose results have not come back."""
        return self._under_way

    def submit(
        self,
        work: Callable[[Sequence[In]], Out],
        values: Sequence[In],
        *,
        done: Callable[[Out], None],
        cheap: bool,
    ) -> None:
        """Apply `work` to groups of `values`; `done` gets each group's result on the loop."""
        if cheap:
            done(work(values))
            return
        for group in _groups(values):
            self._under_way += len(group)
            future = self._pool.submit(work, group)
            future.add_done_callback(self._hand_back(len(group), done))

    def _hand_back(self, count: int, done: Callable[[Out], None]) -> Callable[[Future[Out]], None]:
        def on_loop(future: Future[Out]) -> None:
            self._under_way -= count
            try:
                done(future.result())
            except BaseException as error:  # noqa: BLE001 -- the loop would log it and go on
                self._failed(error)

        def in_thread(future: Future[Out]) -> None:
            if not future.cancelled() and not self._loop.is_closed():
                self._loop.call_soon_threadsafe(on_loop, future)

        return in_thread

    def close(self) -> None:
        """Give up what has not started."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _groups(values: Sequence[In]) -> Iterator[Sequence[In]]:
    for first in range(0, len(values), _GROUP):
        yield values[first : first + _GROUP]
