"""`tidemill scaler`."""

import asyncio
import json
import os
import socket
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from config.load import Loaded, load
from daemon.commands.ending import begin, lived
from daemon.commands.printing import printed
from daemon.commands.waiting import waiting
from daemon.group_watch.scaler_process import ScalerProcess, once
from daemon.process.notify import Notifier
from daemon.scaling.report import ScalingReport, as_json
from daemon.telemetry import logs
from daemon.telemetry.events import Event
from daemon.telemetry.status import About
from daemon.values.errors import Exit, Fatal


def scaler(config: Path | None, overrides: Sequence[str], *, one_look: bool) -> Exit:
    """Serve the number until told to stop, or print it; raises SettingsError and Fatal."""
    if not one_look:
        begin()
    loaded = load(config, os.environ, overrides)
    process = f"{socket.gethostname()}-{os.getpid()}"
    logs.configure(loaded.settings.log, worker=process)
    if one_look:
        report = _look(loaded)
        return printed(json.dumps(as_json(report), indent=2) + "\n")
    logs.log(
        Event.SCALER_STARTED,
        version=version("tidemill"),
        pid=os.getpid(),
        config=loaded.name,
        group=loaded.settings.kafka.group,
        lanes=sorted(loaded.settings.lanes),
    )
    return lived(lambda: _serve(loaded, process)).code


def _look(loaded: Loaded) -> ScalingReport:
    try:
        with waiting(f"looking at group {loaded.settings.kafka.group}"):
            return asyncio.run(once(loaded.settings, loaded.base))
    except TimeoutError as error:
        raise Fatal(
            Exit.BROKER_UNAVAILABLE, "the group and its logs could not be seen whole"
        ) from error


def _serve(loaded: Loaded, process: str) -> Exit:
    about = About.of(
        loaded.settings,
        role="scaler",
        process=process,
        version=version("tidemill"),
        configuration=loaded.name,
    )
    notifier = Notifier.claim(os.environ)
    return asyncio.run(ScalerProcess(loaded.settings, loaded.base, about, notifier).run())
