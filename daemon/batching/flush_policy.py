"""When and why a bucket is due: rule 2 of daemon/batching/batcher.py, what eager lanes do apart.

Pure: no clock, no loop, no logging, no I/O; `now` is monotonic seconds.
"""

import math
from collections.abc import Collection

from daemon.batching.buckets import BucketQueue
from daemon.batching.slices import Slices
from daemon.values.messages import FlushCause

_WAKE_S = 0.002
"""How late a timer may wake the line: uvloop keeps whole milliseconds (1.5 ms took up to 2.2)."""


class FlushPolicy:
    """Times and causes of buckets; a bucket that has changed is to be asked about anew."""

    def __init__(self, slices: Slices) -> None:
        self._slices = slices
        self._draining = False
        self._hurried: frozenset[str] = frozenset()
        self._pressing = False

    def hurry(self, lanes: Collection[str]) -> bool:
        """Let nothing wait in `lanes` until told of others; return whether that is news."""
        changed = self._hurried.symmetric_difference(lanes)
        self._hurried = frozenset(lanes)
        return bool(changed)

    def press(self, *, on: bool) -> bool:
        """Let nothing wait until told otherwise, whatever `hurry` is told; return whether that is news."""
        changed, self._pressing = self._pressing is not on, on
        return changed

    def drain(self) -> None:
        """Let nothing wait from now on, whatever `hurry` is told."""
        self._draining = True

    def at_once(self, queue: BucketQueue) -> bool:
        """Whether `queue` is due whatever the time is."""
        return self._hurries(queue.key.lane) or bool(queue.laggards) or queue.full

    def time_s(self, queue: BucketQueue) -> float:
        """When time alone makes `queue` due: T after its oldest arrived, or to meet a deadline.

        Never before the oldest arrived, so that younger requests with deadlines that cannot be met
        do not push older ones back for ever.
        """
        due_s = _lingers_until_s(queue)
        deadline_s = queue.earliest_deadline_s
        if deadline_s < math.inf:
            rows = min(queue.rows, queue.policy.max_rows)
            allowance_s = self._slices.allowance_s(queue.key, rows) + _WAKE_S
            due_s = min(due_s, max(deadline_s - allowance_s, queue.oldest_s))
        return due_s

    def only_lingers(self, queue: BucketQueue) -> bool:
        """Whether nothing but T makes `queue` due."""
        return not self.at_once(queue) and self.time_s(queue) == _lingers_until_s(queue)

    def cause(self, queue: BucketQueue, now: float) -> FlushCause:
        """Why `queue` is due, its size apart."""
        due_s = self.time_s(queue)
        if due_s <= now:
            return "linger" if due_s == _lingers_until_s(queue) else "deadline"
        if queue.laggards:
            return "uncommitted"
        return "drain" if self._hurries(queue.key.lane) else "idle"

    def _hurries(self, lane: str) -> bool:
        return self._draining or self._pressing or lane in self._hurried


def _lingers_until_s(queue: BucketQueue) -> float:
    return queue.oldest_s + queue.policy.linger_s
