"""`tidemill supervise`."""

import asyncio
import os
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

from config.load import load
from daemon.errors import Exit, Fatal
from daemon.event_loop import loop_factory
from daemon.process.notify import Notifier
from daemon.supervision.edition import Edition
from daemon.supervision.supervisor import Supervisor
from daemon.telemetry import logs
from daemon.telemetry.events import Event
from daemon.telemetry.status import About


def supervise(config: Path | None, overrides: Sequence[str]) -> Exit:
    """Keep workers until told to stop; how it went is in the log. Raises SettingsError."""
    notifier = Notifier.claim(os.environ)
    loaded = load(config, os.environ, overrides)
    first_port = loaded.settings.http.port

    def edition() -> Edition:
        again = load(config, os.environ, overrides)
        return Edition(again, config, overrides, first_port=first_port)

    first = Edition(loaded, config, overrides, first_port=first_port)
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
    code = _supervise(first, edition, about, notifier)
    logs.summarise(last=True)
    logs.log(Event.WORKER_STOPPED, exit_code=int(code), meaning=code.name.lower())
    return code


def _supervise(
    first: Edition, reread: Callable[[], Edition], about: About, notifier: Notifier
) -> Exit:
    async def live() -> Exit:
        return await Supervisor(first, reread, about, notifier).run()

    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            return runner.run(live())
    except Fatal as fatal:
        logs.log(Event.WORKER_FAILED, exit_code=int(fatal.exit_code), reason=str(fatal))
        return fatal.exit_code
    except Exception as error:  # noqa: BLE001 -- a bug must be in the log like any other end
        logs.log(Event.WORKER_FAILED, exit_code=int(Exit.INTERNAL), exc_info=error)
        return Exit.INTERNAL
