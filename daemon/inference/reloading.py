"""What SIGHUP does: the models as settings and files have them now take over between two batches."""

from collections.abc import Callable
from typing import TypeAlias

from config.errors import SettingsError
from config.settings import Settings
from daemon.inference.models import Models
from daemon.loop.cancellable import in_thread
from daemon.loop.tasks import Tasks
from daemon.telemetry.events import Event
from daemon.telemetry.logs import log
from runtime import Model, ModelRefused

Retire: TypeAlias = Callable[[Model], None]
"""Closes a model that was replaced, once nothing needs it any more."""


class Reloading:
    """One reload at a time, and one more after it when it was asked for meanwhile.

    What cannot serve changes nothing.
    """

    def __init__(
        self,
        models: Models,
        reread: Callable[[], Settings],
        tasks: Tasks,
        *,
        began: Callable[[], None],
        ended: Callable[[], None],
    ) -> None:
        """`reread` raises SettingsError; `began` and `ended` are called around each reload."""
        self._models = models
        self._reread = reread
        self._tasks = tasks
        self._began = began
        self._ended = ended
        self._running = False
        self._asked = False

    def begin(self, retire: Retire | None) -> None:
        """Begin one, now or after the one under way; `retire` is None while the worker starts."""
        if retire is None:
            log(Event.MODEL_REFUSED, reason="the worker is still starting; send SIGHUP later")
            return
        self._asked = True
        if not self._running:
            self._running = True
            self._tasks.start(self._run(retire), name="reload")

    async def _run(self, retire: Retire) -> None:
        try:
            while self._asked:
                self._asked = False
                await self._reload(retire)
        finally:
            self._running = False

    async def _reload(self, retire: Retire) -> None:
        self._began()
        try:
            fresh = await in_thread(lambda: self._models.prepare(self._reread()))
        except (SettingsError, ModelRefused) as error:
            log(Event.MODEL_REFUSED, reason=str(error))
        else:
            for replaced in self._models.swap(fresh):
                retire(replaced)
        finally:
            self._ended()
