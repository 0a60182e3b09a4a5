"""How far a job has come, said while it runs: on standard error, and to whoever takes note of it."""

import asyncio
import time
from collections.abc import Callable

from daemon.jobs.journal import Journal
from daemon.jobs.pace import Pace, Standing, pace_text

_FIRST_S = 2.0
_EVERY_S = 10.0
"""As commands tell what they wait for (daemon/commands/waiting.py); in an hour that is 360 lines."""


class Progress:
    """Tells now and then; `told` hears it as a line, `noted` as a Standing."""

    def __init__(
        self,
        journal: Journal,
        *,
        told: Callable[[str], None],
        noted: Callable[[Standing], None],
        next_opening: Callable[[], str],
    ) -> None:
        """`next_opening`: when the lane opens next, as clocks show it; empty for one that is always open."""
        self._journal = journal
        self._told = told
        self._noted = noted
        self._next_opening = next_opening

    async def run(self) -> None:
        """Tell until cancelled."""
        pace = Pace(self._journal.ends.total(), time.monotonic())
        pause_s = _FIRST_S
        while True:
            await asyncio.sleep(pause_s)
            pause_s = _EVERY_S
            journal = self._journal
            standing = pace.told(journal.ends.total(), journal.left, time.monotonic())
            self._told(standing_text(journal, standing, self._next_opening()))
            self._noted(standing)


def standing_text(journal: Journal, standing: Standing, next_opening: str) -> str:
    """Return one line that says how a job stands."""
    ends = ", ".join(f"{count:,} {end}" for end, count in sorted(journal.ends.items()))
    whole = f"{journal.ends.total():,} of {journal.total:,} items have ended"
    parts = [f"{whole} ({ends})" if ends else whole, f"{journal.handed:,} sent"]
    if pace := pace_text(standing):
        parts.append(pace)
    elif next_opening:
        parts.append(f"the lane opens {next_opening}")
    return ", ".join(parts)
