"""What SIGHUP does: the models as settings and files have them now take over between two batches."""

import asyncio
from collections.abc import Callable

from config.errors import SettingsError
from config.settings import Settings
from daemon.inference.models import Models
from daemon.line.pipeline import Pipeline
from daemon.process.cancellable import in_thread
from daemon.telemetry.events import Event
from daemon.telemetry.logs import log
from runtime import Model, ModelRefused


class Reloading:
    """One reload at a time; what cannot serve changes nothing."""

    def __init__(
        self,
        models: Models,
        reread: Callable[[], Settings],
        *,
        swapped: Callable[[str, Model], None],
        began: Callable[[], None],
        ended: Callable[[], None],
    ) -> None:
        """`reread` raises SettingsError; `swapped` gets each model that serves from then on.

        `began` and `ended` are called around each reload, whatever comes of it.
        """
        self._models = models
        self._reread = reread
        self._swapped = swapped
        self._began = began
        self._ended = ended
        self._task: asyncio.Task[None] | None = None

    def begin(self, line: Pipeline | None) -> None:
        """Begin one unless one is under way; `line` is None while the worker starts."""
        if line is None:
            log(Event.MODEL_REFUSED, reason="the worker is still starting; send SIGHUP later")
        elif self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(line), name="reload")

    async def _run(self, line: Pipeline) -> None:
        self._began()
        try:
            fresh = await in_thread(lambda: self._models.reload(self._reread()))
        except (SettingsError, ModelRefused) as error:
            log(Event.MODEL_REFUSED, reason=str(error))
        else:
            for name, model in fresh.items():
                self._swap(name, model, line)
        finally:
            self._ended()

    def _swap(self, name: str, model: Model, line: Pipeline) -> None:
        old = self._models.serving[name]
        self._models.serving[name] = model
        line.retire(old)
        self._swapped(name, model)
        log(Event.MODEL_RELOADED, model=name, digest=model.session.digest)
