"""The buckets of one lane, and which of them runs first."""

import math

from daemon.batching.buckets import BucketQueue
from daemon.batching.timer_queue import TimerQueue
from daemon.values.lane import LanePolicy


class LaneQueues:
    """The buckets of one lane in which requests wait.

    The bucket that deserves the executor is, of those that are due, the one whose time came or
    comes first: one that fills again and again holds no other back beyond that one's own time.
    """

    __slots__ = ("_by_time", "_ready", "policy")

    def __init__(self, policy: LanePolicy) -> None:
        self.policy = policy
        self._by_time: TimerQueue[BucketQueue] = TimerQueue()
        self._ready: TimerQueue[BucketQueue] = TimerQueue()

    def place(self, queue: BucketQueue, due_s: float, *, ready: bool) -> None:
        """Enter or move a queue that is due at `due_s`, or, when `ready`, already."""
        self._by_time.put(queue, due_s)
        if ready:
            self._ready.put(queue, due_s)
        else:
            self._ready.discard([queue])

    def remove(self, queue: BucketQueue) -> None:
        """Forget a queue in which nothing waits."""
        self._by_time.discard([queue])
        self._ready.discard([queue])

    def deserving(self, now: float, *, idle: bool = False) -> BucketQueue | None:
        """Return the due queue that goes first; when `idle`, an eager lane always has one."""
        first = self._by_time.first()
        if first is None:
            return None
        if first[0] <= now:
            return first[1]
        ready = self._ready.first()
        if ready is not None:
            return ready[1]
        return first[1] if idle and self.policy.eager else None

    def next_due_s(self) -> float:
        """Return when the first queue is due by time, inf when nothing waits."""
        first = self._by_time.first()
        return math.inf if first is None else first[0]
