"""How many rows of a model fit into memory, where a run has failed for want of it. Pure.

Rule 1. After a run of `rows` that failed, a batch has at most half of them.
Rule 2. That doubles with every wait (PATIENCE_S at first), since memory comes back: a neighbour of
  the GPU ends, an arena has grown. What runs again at the size that failed is not limited any more.
Rule 3. Where a size that was tried again fails again, the wait doubles, up to MOST_PATIENCE_S: what
  is too large for good costs a failed run an hour.
"""

from collections import OrderedDict
from math import inf

from daemon.values.messages import Bucket

PATIENCE_S = 60.0
"""A run that fails costs as much as two that succeed; once a minute that is nothing."""
MOST_PATIENCE_S = 3600.0
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
        limit = self._limits.pop(key, None) or _Limit()
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
    __slots__ = ("fitting_rows", "since_s", "too_many_rows", "wait_s")

    def __init__(self) -> None:
        self.fitting_rows = 0
        self.too_many_rows = 0
        self.since_s = 0.0
        self.wait_s = PATIENCE_S

    def at(self, now: float) -> int:
        waits = min(int((now - self.since_s) / self.wait_s), self.too_many_rows.bit_length())
        return self.fitting_rows << max(waits, 0)

    def failed(self, rows: int, now: float) -> None:
        if self.fitting_rows and rows > self.at(now):
            return  # it was bound before that was known
        if 0 < self.fitting_rows < rows:  # it was tried again
            self.wait_s = min(2 * self.wait_s, MOST_PATIENCE_S)
        self.too_many_rows = rows
        self.fitting_rows = max(rows // 2, 1)
        self.since_s = now

    def succeeded(self, rows: int, now: float) -> bool:
        """Return whether nothing is known any more that does not fit."""
        if rows > self.fitting_rows:
            self.fitting_rows = rows
            self.since_s = now
        return rows >= self.too_many_rows


def _key(bucket: Bucket) -> _Key:
    return bucket.model, bucket.shape
