"""How far this worker's partitions are behind, in records and in seconds. Pure.

Kept per fetch, not per record: the age of the oldest unanswered record is known to the chunk it
came in, so it is never understated and overstated by at most one chunk.
"""

from collections import deque
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias
from weakref import WeakKeyDictionary

from daemon.values.ledger import Ledger

Partition: TypeAlias = tuple[str, int]


class _Mark(NamedTuple):
    offset: int
    timestamp_ms: float


class Lag:
    """Remembers when what was read had been written, for as long as its ledger lives.

    A partition that comes back has a new ledger, and nothing is known of it.
    """

    def __init__(self) -> None:
        self._marks: WeakKeyDictionary[Ledger, deque[_Mark]] = WeakKeyDictionary()
        self._caught_up_ms: WeakKeyDictionary[Ledger, float] = WeakKeyDictionary()

    def read(self, ledger: Ledger, offset: int, timestamp_ms: int, wall_ms: float) -> None:
        """Records from `offset` on were read at `wall_ms`; the first was written at `timestamp_ms`.

        One without a timestamp (negative) was written then at the latest.
        """
        marks = self._marks.setdefault(ledger, deque())
        marks.append(_Mark(offset, timestamp_ms if timestamp_ms >= 0 else wall_ms))
        _forget_answered(marks, ledger)

    def caught_up(self, ledger: Ledger, wall_ms: float) -> None:
        """The end of the log was read at `wall_ms`."""
        self._caught_up_ms[ledger] = wall_ms

    def seconds(
        self, ledgers: Mapping[Partition, Ledger], ends: Mapping[Partition, int], wall_ms: float
    ) -> dict[str, float]:
        """Return the age of the oldest unanswered record, by topic; `ends` are the logs' ends."""
        ages: dict[str, float] = {}
        for partition, ledger in ledgers.items():
            since_ms = self._unanswered_since_ms(ledger, ends.get(partition, 0), wall_ms)
            age_s = max(0.0, (wall_ms - since_ms) / 1000)
            ages[ledger.topic] = max(ages.get(ledger.topic, 0.0), age_s)
        return ages

    def _unanswered_since_ms(self, ledger: Ledger, end: int, wall_ms: float) -> float:
        marks = self._marks.get(ledger)
        if ledger.span and marks:
            _forget_answered(marks, ledger)
            return marks[0].timestamp_ms
        if end <= ledger.position:
            return wall_ms
        # Unread records came after the last that was read, and after the log's end was reached.
        last_ms = marks[-1].timestamp_ms if marks else 0.0
        since_ms = max(last_ms, self._caught_up_ms.get(ledger, 0.0))
        return since_ms or wall_ms


def _forget_answered(marks: deque[_Mark], ledger: Ledger) -> None:
    """Have the chunk with the oldest unanswered record first: a full lane has hundreds behind it."""
    oldest = ledger.committable
    while len(marks) > 1 and marks[1].offset <= oldest:
        marks.popleft()


def behind(
    ledgers: Mapping[Partition, Ledger], end_of: Callable[[Partition], int | None]
) -> dict[str, int]:
    """Return the records not yet answered, by topic; a partition whose end is unknown counts 0."""
    counts: dict[str, int] = {}
    for partition, ledger in ledgers.items():
        end = end_of(partition)
        count = 0 if end is None else max(0, end - ledger.committable)
        counts[ledger.topic] = counts.get(ledger.topic, 0) + count
    return counts
