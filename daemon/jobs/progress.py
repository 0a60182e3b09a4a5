"""How far a job has come, said on standard error and in its summary while it runs."""

import asyncio
import time
from collections.abc import Callable

from daemon.jobs.journal import Journal
from daemon.one_shot.eta import Eta

_FIRST_S = 2.0
_EVERY_S = 10.0


class Progress:
    """Tells now and then; `told` hears it, `noted` is called then too."""

    def __init__(
        self, journal: Journal, *, told: Callable[[str], None], noted: Callable[[], None]
    ) -> None:
        self._journal = journal
        self._told = told
        self._noted = noted

    async def run(self) -> None:
        """Tell until cancelled."""
        eta = Eta(self._journal.left, time.monotonic())
        pause_s = _FIRST_S
        while True:
            await asyncio.sleep(pause_s)
            pause_s = _EVERY_S
            standing = eta.told(self._journal.left, time.monotonic())
            self._told(standing_text(self._journal, standing.rate_per_s, standing.remaining_s))
            self._noted()


def standing_text(journal: Journal, rate_per_s: float, remaining_s: float | None) -> str:
    """Return one line that says how a job stands."""
    ends = ", ".join(f"{count:,} {end}" for end, count in sorted(journal.ends.items()))
    parts = [
        f"{journal.total - journal.left:,} of {journal.total:,} items have ended",
        f"({ends})" if ends else "",
        f"{journal.handed:,} sent",
        f"{rate_per_s:,.0f}/s",
        "" if remaining_s is None else f"{remaining_s:,.0f} s left at that rate",
    ]
    return ", ".join(part for part in parts if part).replace(", (", " (")
