"""What comes first, of things whose times change."""

import heapq
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

_Item = TypeVar("_Item")

_SLACK = 16
"""Outdated entries that are not worth a rebuild of the heap."""


class TimerQueue(Generic[_Item]):
    """Items by time: a heap whose outdated entries are skipped when they surface.

    O(log n) to put, O(1) to discard, amortised; rebuilt when most entries are outdated, so that
    far times do not pile up. Items are hashable; those of one time come in the order they were put.
    Source: https://docs.python.org/3/library/heapq.html#priority-queue-implementation-notes
    """

    __slots__ = ("_heap", "_number", "_times")

    def __init__(self) -> None:
        self._times: dict[_Item, float] = {}
        self._heap: list[tuple[float, int, _Item]] = []
        self._number = 0

    def __len__(self) -> int:
        return len(self._times)

    def __iter__(self) -> Iterator[_Item]:
        return iter(self._times)

    def put(self, item: _Item, time_s: float) -> None:
        """Enter `item` at `time_s`, or move it there."""
        if self._times.get(item) == time_s:
            return
        self._times[item] = time_s
        self._number += 1
        heapq.heappush(self._heap, (time_s, self._number, item))
        if len(self._heap) > 2 * len(self._times) + _SLACK:
            self._heap = [entry for entry in self._heap if self._times.get(entry[2]) == entry[0]]
            heapq.heapify(self._heap)

    def discard(self, items: Iterable[_Item]) -> None:
        """Forget those of `items` that are here."""
        for item in items:
            self._times.pop(item, None)

    def first(self) -> tuple[float, _Item] | None:
        """Return the earliest time and its item, None when empty."""
        while self._heap:
            time_s, _, item = self._heap[0]
            if self._times.get(item) == time_s:
                return time_s, item
            heapq.heappop(self._heap)
        return None
