"""SIGHUP: new settings are read, tried, and handed on to the workers one by one."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from config.errors import SettingsError
from daemon.supervision.group_watch import Looking
from daemon.supervision.rehearsal import rehearse
from daemon.supervision.revision import Revision
from daemon.supervision.rolling import Finished, Replace, Replaced, Rolling, Stopped
from daemon.supervision.slots import Slots
from daemon.telemetry.events import Event
from daemon.telemetry.logs import log
from daemon.values.errors import Fatal

_TRIED_S = 300.0
"""Bounds a hang of what tries the settings; loading the models takes most of it."""


class Renewal:
    """What is refused changes nothing.

    Args:
        slots: whose workers are replaced.
        reread: returns what the settings say now; raises SettingsError.
        look_as: makes the look that an edition asks for.
        taken: called when an edition was found good, with a look when it needs another one.
        present: returns the edition in force.
    """

    def __init__(
        self,
        slots: Slots,
        reread: Callable[[], Revision],
        *,
        look_as: Callable[[Revision], Looking],
        taken: Callable[[Revision, Looking | None], Awaitable[None]],
        present: Callable[[], Revision],
    ) -> None:
        self._slots = slots
        self._reread = reread
        self._look_as = look_as
        self._taken = taken
        self._present = present
        self._rolling = Rolling()
        self._trying: asyncio.Task[None] | None = None
        self._again = False

    def begin(self) -> None:
        """Try what the settings say now; once more afterwards when that is being done already."""
        if self._trying is None or self._trying.done():
            self._trying = asyncio.create_task(self._try(), name="renewal")
        else:  # they may have been read before the change that is meant
            self._again = True

    async def end(self) -> None:
        """Try nothing any more."""
        if self._trying is not None:
            self._trying.cancel()
            await asyncio.gather(self._trying, return_exceptions=True)

    def step(self) -> None:
        """Do the next step of a roll, if there is one, and say what came of the last."""
        if self._trying is not None and self._trying.done():
            self._trying.result()
            self._trying = None
            if self._again:
                self._again = False
                self.begin()
        match self._rolling.step(self._slots.all, time.monotonic()):
            case Replace(slot):
                self._slots.replace(slot)
            case Replaced(slot, pause_s):
                log(Event.WORKER_REPLACED, slot=slot, pause_s=round(pause_s, 2))
            case Stopped(slot, left):
                log(Event.ROLL_STOPPED, slot=slot, old_workers=left)
            case Finished():
                log(Event.ROLL_FINISHED, workers=self._slots.working)
            case None:
                pass

    async def _try(self) -> None:
        try:
            edition, looking = await self._found_good()
        except (SettingsError, Fatal) as refusal:
            log(Event.SETTINGS_REFUSED, reason=str(refusal))
            return
        await self._taken(edition, looking)
        self._slots.renew(edition.most, edition.patience)
        self._rolling.begin(self._slots.edition)
        log(Event.ROLL_STARTED, workers=self._slots.working, most=edition.most)

    async def _found_good(self) -> tuple[Revision, Looking | None]:
        """Return what the settings say, and a look that is open if they need another."""
        edition = await asyncio.to_thread(self._reread)
        recipe = edition.recipe(0)
        await rehearse(recipe.command, recipe.environment(Path(os.devnull)), limit_s=_TRIED_S)
        present = self._present()
        if (edition.settings, edition.most) == (present.settings, present.most):
            return edition, None
        looking = self._look_as(edition)
        await looking.open()
        return edition, looking
