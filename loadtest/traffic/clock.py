"""Time of a run: seconds since its start."""

import asyncio
import math
import time


class Clock:
    """Counts from a moment that is set when everything is ready."""

    def __init__(self) -> None:
        self._began_s = time.monotonic()

    def begin(self, after_s: float = 0.0) -> None:
        """Let the run begin so long after now."""
        self._began_s = time.monotonic() + after_s

    def now_s(self) -> float:
        """Return the time of the run; negative before its start."""
        return time.monotonic() - self._began_s

    async def reach(self, at_s: float) -> None:
        """Return at this time or shortly after, never before: uvloop's timers may fire early."""
        while (early_s := at_s - self.now_s()) > 0:  # noqa: ASYNC110 - only the clock ends it
            await asyncio.sleep(math.ceil(early_s * 1000) / 1000)


class WallClock(Clock):
    """Begins when the clock on the wall comes to a whole interval since 1970, as cron does in UTC."""

    def __init__(self, interval_s: float) -> None:
        """`interval_s`: part of a minute or of an hour."""
        super().__init__()
        self._interval_s = interval_s

    def begin(self, after_s: float = 0.0) -> None:
        """Let the run begin at the first such moment that is at least so long after now."""
        wall_s = time.time()
        moment_s = math.ceil((wall_s + after_s) / self._interval_s) * self._interval_s
        super().begin(moment_s - wall_s)
