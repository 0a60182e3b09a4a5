"""The threads in which users' transforms run, so that the loop keeps its heartbeats.

A call that never returns cannot be ended: its thread is lost until it does. Another one takes its
place, as long as not too many are lost.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import Any

from daemon.preparing.time_slices import (
    GROUP,
    In,
    Late,
    Out,
    TimeSlice,
    TimeSlices,
    ValueGroup,
)
from daemon.values.errors import Exit, Fatal

THREADS = 2
"""Python code shares one interpreter lock: more threads only help transforms that release it."""
MOST_LOST = 8
"""Threads that may be lost before no other takes their place. One that sleeps costs 8 MiB of
addresses, one that computes costs the others a turn at the interpreter lock."""
_SHORTEST_S = 0.001
"""The loop's timers keep whole milliseconds; a shorter wait would spin."""


class TransformThreads:
    """Applies functions to values off the loop; lanes take turns (daemon.preparing.time_slices)."""

    def __init__(
        self,
        weights: Mapping[str, int],
        *,
        failed: Callable[[BaseException], None],
        processes: int = 0,
    ) -> None:
        """`weights` are all lanes'; to be made on the loop. Threads are made when one is needed.

        `failed` is called when too many are lost, on the loop. `processes` do the work, if there are
        any: each has a thread, and nothing waits behind a long value for one while another is free.
        """
        self._failed = failed
        self._threads = processes or THREADS
        self._slices = TimeSlices(weights, least_group=1 if processes else GROUP)
        self._loop = asyncio.get_running_loop()
        self._ready = threading.Condition()
        self._at_work = 0
        self._lost = 0
        self._closed = False
        self._results: dict[ValueGroup[Any, Any], asyncio.Future[Sequence[Any]]] = {}
        self._watch: asyncio.TimerHandle | None = None
        self._watch_s = 0.0

    @property
    def lost(self) -> int:
        """Threads whose call was given up and has not returned."""
        return self._lost

    def group_size(self, lane: str) -> int:
        """Return how many values of `lane` are to be handed over together at present."""
        return self._slices.group_size(lane)

    async def run(
        self,
        lane: str,
        work: Callable[[In], Out],
        values: Sequence[In],
        *,
        limit_s: float,
        size: Callable[[Out], int],
    ) -> Sequence[Out | Late]:
        """Return what `work` makes of each of `values`, up to one that takes `limit_s` or longer.

        That one is Late, and those behind it have no result: to be handed over anew, alone or with
        others; so have those behind GROUP_BYTES of results, by their `size`. There is at least one
        result. `limit_s` is infinity where `work` ends late calls itself. Raises whatever `work` raises.
        """
        group = ValueGroup(lane, work, values, limit_s=limit_s, size=size)
        results: asyncio.Future[Sequence[Out | Late]] = self._loop.create_future()
        self._results[group] = results
        with self._ready:
            self._slices.put(group)
            self._ready.notify()
            self._make_threads()
        self._watch_within(limit_s)
        try:
            return await results
        finally:
            group.is_wanted = False
            del self._results[group]

    def close(self) -> None:
        """End each thread after the call that it is in."""
        with self._ready:
            self._closed = True
            self._ready.notify_all()
        if self._watch is not None:
            self._watch.cancel()

    def _make_threads(self) -> None:
        threads = self._threads
        while self._at_work < threads and self._at_work + self._lost < threads + MOST_LOST:
            self._at_work += 1
            threading.Thread(target=self._work, name="transform", daemon=True).start()

    def _watch_within(self, delay_s: float) -> None:
        """Look for what is late within `delay_s`."""
        if delay_s == inf:
            return
        due_s = time.monotonic() + delay_s
        if self._watch is None or due_s < self._watch_s:
            if self._watch is not None:
                self._watch.cancel()
            self._watch = self._loop.call_later(delay_s, self._give_up_late)
            self._watch_s = due_s

    def _give_up_late(self) -> None:
        self._watch = None
        with self._ready:
            now_s = time.monotonic()
            given_up = self._slices.give_up_late(now_s)
            self._at_work -= len(given_up)
            self._lost += len(given_up)
            self._make_threads()
            self._ready.notify_all()
            next_s = self._slices.next_late_s(now_s)
        for piece in given_up:
            self._hand_back(piece.group)
        if self._lost > MOST_LOST:
            self._failed(worn_out(self._lost))
        if next_s is not None:
            self._watch_within(max(next_s - now_s, _SHORTEST_S))

    def _hand_back(self, group: ValueGroup[Any, Any]) -> None:
        results = self._results.get(group)
        if results is None or results.done() or not group.is_over:
            return
        if group.failure is not None:
            results.set_exception(group.failure)
        else:
            results.set_result(group.results)

    # In a thread

    def _work(self) -> None:
        while self._work_off_next():
            pass

    def _work_off_next(self) -> bool:
        """Work on a slice, and keep nothing of it: its requests may be all that holds a transform.

        Returns whether this thread is needed yet.
        """
        piece = self._next()
        if piece is None:
            return False
        piece.work_off(time.monotonic)
        with self._ready:
            self._hand_in(piece)
        return True

    def _next(self) -> TimeSlice | None:
        """Wait for a slice; None: this thread is not needed."""
        with self._ready:
            while not self._closed and self._at_work <= self._threads:
                piece = self._slices.take(time.monotonic())
                if piece is not None:
                    return piece
                self._ready.wait()
            self._at_work -= 1
            return None

    def _hand_in(self, piece: TimeSlice) -> None:
        if piece.is_given_up:  # this thread was lost for a while, and is back
            self._lost -= 1
            self._at_work += 1
            return
        self._slices.end(piece, time.monotonic())
        if piece.group.is_over and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._hand_back, piece.group)


def worn_out(lost: int) -> Fatal:
    """Return why a process with so many threads `lost` has to end; what it holds is not to blame."""
    return Fatal(
        Exit.WORK_LEFT,
        f"{lost} calls of transforms have not come back, and there are no more threads than that: "
        "this process ends, to begin anew",
    )
