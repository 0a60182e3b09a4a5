"""SIGHUP: new settings are read, tried by a process of their own, and handed on to the workers one by one."""

import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from config.errors import SettingsError
from daemon.group_watch.group_watch import GroupWatch
from daemon.slots.rolling import Finished, Replace, Rolling, SlotReplaced, Stopped
from daemon.slots.slots import Slots
from daemon.supervision.child import check_command
from daemon.supervision.revision import Revision
from daemon.telemetry.events import Event
from daemon.telemetry.logs import log
from daemon.values.errors import Exit, Fatal


async def rehearse(
    command: Sequence[str], environment: Mapping[str, str], *, limit_s: float
) -> None:
    """Return when `tidemill check` finds nothing against a worker of `command`; else raises Fatal."""
    try:
        process = await asyncio.create_subprocess_exec(
            *check_command(command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
    except OSError as error:
        raise Fatal(Exit.INTERNAL, f"the settings cannot be tried: {error}") from error
    try:
        async with asyncio.timeout(limit_s):
            found, _ = await process.communicate()
    except TimeoutError as error:
        message = f"the settings could not be tried within {limit_s:.0f} s"
        raise Fatal(Exit.INTERNAL, message) from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise Fatal(Exit.SETTINGS, _problems(found, process.returncode))


def _problems(found: bytes, code: int) -> str:
    try:
        findings = json.loads(found)["findings"]
        problems = [f"{each['subject']}: {each['problem']}" for each in findings if not each["ok"]]
    except (ValueError, KeyError, TypeError):  # it ended before it could say
        problems = []
    return "; ".join(problems) or f"tidemill check ended with code {code}"


def _seen_alike(revision: Revision) -> tuple[object, ...]:
    """What decides how the group is looked at, and what is known of its workers."""
    return revision.settings, revision.most, revision.files


_TRIED_S = 300.0
"""Bounds a hang of what tries the settings; loading the models takes most of it."""


class Renewal:
    """What is refused changes nothing.

    Args:
        slots: whose workers are replaced.
        reread: returns what the settings say now; raises SettingsError.
        watch_as: makes the look that a revision asks for.
        taken: called when a revision was found good, with a look when it needs another one.
        present: returns the revision in force.
    """

    def __init__(
        self,
        slots: Slots,
        reread: Callable[[], Revision],
        *,
        watch_as: Callable[[Revision], GroupWatch],
        taken: Callable[[Revision, GroupWatch | None], Awaitable[None]],
        present: Callable[[], Revision],
    ) -> None:
        self._slots = slots
        self._reread = reread
        self._watch_as = watch_as
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
            case SlotReplaced(slot, pause_s, unserved_s):
                log(
                    Event.WORKER_REPLACED,
                    slot=slot,
                    pause_s=round(pause_s, 2),
                    unserved_s=round(unserved_s, 2),
                )
            case Stopped(slot, left):
                log(Event.ROLL_STOPPED, slot=slot, old_workers=left)
            case Finished():
                log(Event.ROLL_FINISHED, workers=self._slots.working)
            case None:
                pass

    async def _try(self) -> None:
        try:
            revision, watch = await self._found_good()
        except (SettingsError, Fatal) as refusal:
            log(Event.SETTINGS_REFUSED, reason=str(refusal))
            return
        await self._taken(revision, watch)
        self._slots.renew(revision.most, revision.patience)
        self._rolling.begin(self._slots.revision)
        log(Event.ROLL_STARTED, workers=self._slots.working, most=revision.most)

    async def _found_good(self) -> tuple[Revision, GroupWatch | None]:
        """Return what the settings say, and a look that is open if they need another."""
        revision = await asyncio.to_thread(self._reread)
        recipe = revision.recipe(0)
        await rehearse(recipe.command, recipe.environment(Path(os.devnull)), limit_s=_TRIED_S)
        present = self._present()
        if _seen_alike(revision) == _seen_alike(present):
            return revision, None
        watch = self._watch_as(revision)
        await watch.open()
        return revision, watch
