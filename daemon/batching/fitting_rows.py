"""How many rows of a model fit into memory, where a run has failed for want of it. Pure.

Rule 1. After a run of `rows` that failed, a batch has at most half of them.
Rule 2. What runs at that limit doubles it, up to a size that has failed twice: the first time may
  have been one request that wants more than others of its shape.
Rule 3. A size that failed twice is tried again after a wait (PATIENCE_S at first), in steps of two,
  since memory comes back: a neighbour of the GPU ends, an arena has grown. What runs at the size
  that failed first is not limited any more.
Rule 4. Where it fails then, the wait doubles, up to MOST_PATIENCE_S: what is too large for good costs
  a failed run an hour.
"""

from collections import OrderedDict
from math import inf

from daemon.values.messages import Bucket

PATIENCE_S = 60.0
"""A run that fails costs as much as two that succeed; once a minute that is nothing."""
MOST_PATIENCE_S = 3600.0
"""A guess: who frees memory waits no longer than that for larger batches."""
_MOST_KEPT = 1_024
"""Shapes of rows that are remembered; those of free axes are without number."""

_Key = tuple[str, tuple[tuple[int, ...], ...]]


class FittingRows:
    """The limits in force, by model and shape of its rows: lanes share the memory."""

    def __init__(self) -> None:
        self._limits: OrderedDict[_Key, _Limit] = OrderedDict()

    def most(self, bucket: Bucket, now: float) -> float:
        """Return the most rows a batch of `bucket` may have now, inf where none has failed."""
        limit = self._limits.get(_key(bucket))
        return inf if limit is None else limit.at(now)

    def failed(self, bucket: Bucket, rows: int, now: float) -> None:
        """A run of `rows` found no memory."""
        key = _key(bucket)
        limit = self._limits.pop(key, None) or _Limit(rows)
        self._limits[key] = limit
        limit.failed(rows, now)
        if len(self._limits) > _MOST_KEPT:
            self._limits.popitem(last=False)

    def succeeded(self, bucket: Bucket, rows: int, now: float) -> None:
        """A run of `rows` found memory."""
        if not self._limits:  # nearly always
            return
        key = _key(bucket)
        limit = self._limits.get(key)
        if limit is not None and limit.succeeded(rows, now):
            del self._limits[key]


class _Limit:
    """`fitting_rows` are believed to fit; sizes that failed: the first, the least, the least twice."""

    __slots__ = (
        "failed_first",
        "failed_least",
        "failed_twice",
        "fitting_rows",
        "since_s",
        "wait_s",
    )

    def __init__(self, rows: int) -> None:
        self.fitting_rows = rows
        self.failed_first = rows
        self.failed_least: float = inf
        self.failed_twice: float = inf
        self.since_s = 0.0
        self.wait_s = PATIENCE_S

    def at(self, now: float) -> int:
        waits = min(int((now - self.since_s) / self.wait_s), self.failed_first.bit_length())
        return self.fitting_rows << max(waits, 0)

    def failed(self, rows: int, now: float) -> None:
        if rows > max(self.at(now), 1):
            return  # it was bound before that was known
        if rows >= self.failed_twice:
            self.wait_s = min(2 * self.wait_s, MOST_PATIENCE_S)
        elif rows >= self.failed_least:
            self.failed_twice = rows
        self.failed_least = min(self.failed_least, rows)
        self.fitting_rows = max(rows // 2, 1)
        self.since_s = now

    def succeeded(self, rows: int, now: float) -> bool:
        """Return whether nothing is known any more that does not fit."""
        if rows >= self.failed_twice:
            self.failed_twice = inf
        if rows >= self.fitting_rows and 2 * rows < self.failed_twice:
            self.fitting_rows, self.since_s = 2 * rows, now
        elif rows > self.fitting_rows:
            self.fitting_rows, self.since_s = rows, now
        return rows >= self.failed_first


def _key(bucket: Bucket) -> _Key:
    return bucket.model, bucket.shape
