"""`tidemill run`."""

import os
import socket
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from prometheus_client import generate_latest

from config.load import load
from config.settings import Settings
from daemon import worker
from daemon.commands.ending import begin, lived
from daemon.commands.one_shot import OneShotOptions, one_shot, show
from daemon.loop.cancellable import left_behind
from daemon.process.last_words import LastWords
from daemon.process.parent_death import follow_supervisor
from daemon.process.standard_streams import end_process
from daemon.telemetry import logs
from daemon.telemetry.events import Event
from daemon.telemetry.metrics import Metrics
from daemon.telemetry.status import About
from daemon.values.errors import Exit

_LEFT_BEHIND = {Exit.INTERNAL, Exit.WORK_LEFT}
"""Ends that may leave a thread behind which hangs in a model or a transform; Python would wait for
it for ever."""


def run(
    config: Path | None, overrides: Sequence[str], options: OneShotOptions | None = None
) -> Exit:
    """Serve until told to stop, or caught up; how it went is in the log. Raises SettingsError."""
    begin()
    follow_supervisor(os.environ)
    last_words = LastWords.claim(os.environ)
    metrics = Metrics(logs.counts)
    loaded = load(config, os.environ, overrides)
    settings = loaded.settings
    shot, stream = one_shot(settings, options) if options else (None, None)
    logs.configure(settings.log, worker=_worker_name(settings), stream=stream)
    logs.log(
        Event.WORKER_STARTED,
        version=version("tidemill"),
        pid=os.getpid(),
        config=str(config or os.environ.get("TIDEMILL_CONFIG", "")),
        group=settings.kafka.group,
        lanes=sorted(settings.lanes),
        models=sorted(settings.models),
    )
    about = About.of(
        settings,
        role="worker",
        process=_worker_name(settings),
        version=version("tidemill"),
        configuration=loaded.name,
    )
    code, why = lived(
        lambda: worker.run(
            settings,
            loaded.base,
            reread=lambda: load(config, os.environ, overrides).settings,
            about=about,
            metrics=metrics,
            one_shot=shot,
        )
    )
    last_words.leave(lambda: generate_latest(metrics.registry))
    if shot and options:
        show(shot.summary(code, why), options)
    # Even a clean one-shot run may have left newer requests behind.
    if code in _LEFT_BEHIND or shot or left_behind():
        end_process(code)
    return code


def _worker_name(settings: Settings) -> str:
    """A static member's slot, else what tells processes of many hosts apart."""
    return settings.kafka.instance_id or f"{socket.gethostname()}-{os.getpid()}"
