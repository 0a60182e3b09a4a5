"""`tidemill supervise`."""

import asyncio
import os
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

from config.load import load
from daemon.commands.ending import begin, lived
from daemon.loop.event_loop import loop_factory
from daemon.process.notify import Notifier
from daemon.supervision.revision import Revision
from daemon.supervision.supervisor import Supervisor
from daemon.telemetry import logs
from daemon.telemetry.events import Event
from daemon.telemetry.status import About
from daemon.values.errors import Exit


def supervise(config: Path | None, overrides: Sequence[str]) -> Exit:
    """Keep workers until told to stop; how it went is in the log. Raises SettingsError."""
    begin()
    notifier = Notifier.claim(os.environ)
    loaded = load(config, os.environ, overrides)
    first_port = loaded.settings.http.port

    def revision() -> Revision:
        again = load(config, os.environ, overrides)
        return Revision(again, config, overrides, first_port=first_port)

    first = Revision(loaded, config, overrides, first_port=first_port)
    logs.configure(loaded.settings.log, worker=first.name)
    logs.log(
        Event.SUPERVISOR_STARTED,
        version=version("tidemill"),
        pid=os.getpid(),
        config=loaded.name,
        group=loaded.settings.kafka.group,
        most_workers=first.most,
        gpus=list(first.gpus),
    )
    about = About.of(
        loaded.settings,
        role="supervise",
        process=first.name,
        version=version("tidemill"),
        configuration=loaded.name,
    )
    return lived(lambda: _supervise(first, revision, about, notifier)).code


def _supervise(
    first: Revision, reread: Callable[[], Revision], about: About, notifier: Notifier
) -> Exit:
    async def live() -> Exit:
        return await Supervisor(first, reread, about, notifier).run()

    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(live())
