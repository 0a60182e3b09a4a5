"""What comes first, of things whose times change."""

import heapq
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

_Item = TypeVar("_Item")

_SLACK = 16
"""Outdated entries that are not worth a rebuild of the heap."""


class TimerQueue(Generic[_Item]):
    """Items by time: a heap whose outdated entries are skipped when they surface.

    O(log n) to put, for items of one time together, O(1) to discard, amortised; rebuilt when most
    items in it are outdated, so that far times do not pile up. Items are hashable; those of one time
    come in the order they were put.
    Source: https://docs.python.org/3/library/heapq.html#priority-queue-implementation-notes
    """

    __slots__ = ("_entered", "_heap", "_number", "_times")

    def __init__(self) -> None:
        self._times: dict[_Item, float] = {}
        self._heap: list[tuple[float, int, list[_Item]]] = []
        """Items of one time are one entry, the first of them last."""
        self._entered = 0
        """Items in the heap, outdated ones among them."""
        self._number = 0

    def __len__(self) -> int:
        return len(self._times)

    def __iter__(self) -> Iterator[_Item]:
        return iter(self._times)

    def put(self, item: _Item, time_s: float) -> None:
        """Enter `item` at `time_s`, or move it there."""
        if self._times.get(item) != time_s:
            self.put_new([item], time_s)

    def put_new(self, items: list[_Item], time_s: float) -> None:
        """Enter `items`, which are not at `time_s` yet, or move them there; the list is kept."""
        self._times.update(dict.fromkeys(items, time_s))
        items.reverse()
        self._number += 1
        self._entered += len(items)
        heapq.heappush(self._heap, (time_s, self._number, items))
        if self._entered > 2 * len(self._times) + _SLACK:
            self._rebuild()

    def _rebuild(self) -> None:
        times = self._times
        left = [
            (time_s, number, [item for item in items if times.get(item) == time_s])
            for time_s, number, items in self._heap
        ]
        self._heap = [entry for entry in left if entry[2]]
        self._entered = sum([len(entry[2]) for entry in self._heap])
        heapq.heapify(self._heap)

    def discard(self, items: Iterable[_Item]) -> None:
        """Forget those of `items` that are here."""
        for item in items:
            self._times.pop(item, None)

    def first(self) -> tuple[float, _Item] | None:
        """Return the earliest time and its item, None when empty."""
        while self._heap:
            time_s, _, items = self._heap[0]
            while items:
                if self._times.get(items[-1]) == time_s:
                    return time_s, items[-1]
                items.pop()
                self._entered -= 1
            heapq.heappop(self._heap)
        return None
