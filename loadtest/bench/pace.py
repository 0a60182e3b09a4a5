"""How fast replies reached the broker, by the broker's clock. Pure."""

import numpy as np
import numpy.typing as npt


class Pace:
    """Counts replies by LogAppendTime, in milliseconds.

    The first send is where the time begins: how long its replies took nobody knows, so they do not
    count. Neither does the start of the process, then.
    """

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}

    def add(self, timestamps_ms: npt.NDArray[np.int64]) -> None:
        """Enter replies."""
        for timestamp_ms, count in zip(*np.unique(timestamps_ms, return_counts=True), strict=True):
            self._counts[int(timestamp_ms)] = self._counts.get(int(timestamp_ms), 0) + int(count)

    @property
    def per_s(self) -> float:
        """Replies a second; raises ValueError when all came in one millisecond."""
        if len(self._counts) < 2:  # noqa: PLR2004 - a duration has two ends
            raise ValueError("a pace needs replies at two times")
        first_ms, last_ms = min(self._counts), max(self._counts)
        after_first = sum(self._counts.values()) - self._counts[first_ms]
        return after_first / ((last_ms - first_ms) / 1000)
