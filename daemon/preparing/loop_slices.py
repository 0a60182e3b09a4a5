"""Cheap transforms run on the loop, slice by slice; the loop does everything else in between.

What a declaration calls cheap may be cheap for a request, and long for a batch of thousands. So lanes
take turns here by the same rules as at the threads (daemon.preparing.time_slices).
"""

import asyncio
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from daemon.loop.tasks import Tasks
from daemon.preparing.time_slices import In, Late, Out, TimeSlices, ValueGroup
from daemon.values.lane import PIECE_S


class LoopSlices:
    """Applies functions to values on the loop, PIECE_S at a time; to be made there."""

    def __init__(self, weights: Mapping[str, int], tasks: Tasks) -> None:
        """`weights` are all lanes'."""
        self._slices = TimeSlices(weights, PIECE_S)
        self._tasks = Tasks(tasks)
        self._loop = asyncio.get_running_loop()
        self._is_at_work = False
        self._results: dict[ValueGroup[Any, Any], asyncio.Future[Sequence[Any]]] = {}

    async def run(
        self,
        lane: str,
        work: Callable[[In], Out],
        values: Sequence[In],
        *,
        size: Callable[[Out], int],
    ) -> Sequence[Out | Late]:
        """Return what `work` makes of each of `values`; none is ever late. Raises what it raises.

        Those behind GROUP_BYTES of results, by their `size`, have none: to be handed over anew.
        """
        group = ValueGroup(lane, work, values, limit_s=math.inf, size=size)
        results: asyncio.Future[Sequence[Out | Late]] = self._loop.create_future()
        self._results[group] = results
        self._slices.put(group)
        if not self._is_at_work:
            self._is_at_work = True
            self._tasks.start(self._work_off(), name="cheap transforms")
        try:
            return await results
        finally:
            group.is_wanted = False
            del self._results[group]

    def close(self) -> None:
        """Give up what is under way."""
        self._tasks.cancel()

    async def _work_off(self) -> None:
        while (piece := self._slices.take(time.monotonic())) is not None:
            piece.work_off(time.monotonic)
            self._slices.end(piece, time.monotonic())
            if piece.group.is_over:
                self._hand_back(piece.group)
            await asyncio.sleep(0)
        self._is_at_work = False

    def _hand_back(self, group: ValueGroup[Any, Any]) -> None:
        results = self._results.get(group)
        if results is None or results.done():
            return
        if group.failure is None:
            results.set_result(group.results)
        else:
            results.set_exception(group.failure)
