"""The ids of one worker's transactions: another one while the last transaction of one is held up. Pure.

A broker ends a transaction in each of its partitions, and begins no other of that id before it has.
One partition that takes nothing so keeps the id busy, although it is decided what becomes of the
transaction. Others need not wait for it: they go on with another id.
"""

from collections.abc import Collection
from itertools import count
from typing import NamedTuple, TypeAlias

_Partition: TypeAlias = tuple[str, int]
"""A topic and the number of one of its partitions."""


class Transactional(NamedTuple):
    """What makes a producer one of transactions."""

    id: str
    """Of several producers with one id only the last that was started goes on."""
    timeout_s: float
    """After which the broker aborts a transaction by itself."""


class TransactionalIds:
    """Which id the next producer takes: `first`, or that with `/1`, `/2` and so on."""

    def __init__(self, first: Transactional) -> None:
        self._first = first
        self.present = first
        self._doubted: Collection[_Partition] = ()
        self._held_up: dict[Transactional, Collection[_Partition]] = {}

    def doubt(self, partitions: Collection[_Partition]) -> None:
        """The present id's transaction is given up; `partitions` have not taken what they were sent."""
        self._doubted = partitions

    def hold_up(self) -> Transactional:
        """Take another id, since the last transaction of the present one does not end; return that."""
        held_up = self.present
        self._held_up[held_up], self._doubted = self._doubted, ()
        self.present = next(
            each for number in count() if (each := self._numbered(number)) not in self._held_up
        )
        return held_up

    def free(self, held_up: Transactional) -> None:
        """The last transaction of `held_up` has ended in all its partitions."""
        self._held_up.pop(held_up, None)

    def holds_up(self, partition: _Partition) -> bool:
        """Whether a transaction that does not end may wait for `partition`, as any other would."""
        return any(partition in each for each in self._held_up.values())

    def _numbered(self, number: int) -> Transactional:
        return self._first._replace(id=f"{self._first.id}/{number}") if number else self._first
