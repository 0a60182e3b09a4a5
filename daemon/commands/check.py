"""`tidemill check`: everything `run` will need, tried without changing anything."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from config.errors import SettingsError
from config.load import Loaded, load
from config.settings import Model as ModelSettings
from daemon.commands.findings import CheckFinding, CheckReport
from daemon.commands.resolved import resolve
from daemon.commands.waiting import waiting
from daemon.kafka.looking.preflight import look
from daemon.telemetry import logs
from daemon.values.errors import Exit
from runtime.errors import ModelRefused
from runtime.model import Model, load_model
from runtime.signature import Signature


def check(config: Path | None, overrides: Sequence[str], *, offline: bool, as_json: bool) -> Exit:
    """Print what is set and what was found; return the first problem's code."""
    report = CheckReport(as_json=as_json)
    try:
        loaded = load(config, os.environ, overrides)
    except SettingsError as error:
        for problem in error.problems:
            report.add(CheckFinding("settings", "", problem, Exit.SETTINGS))
        return report.end()
    logs.configure(loaded.settings.log, worker="check")
    report.show(resolve(loaded))
    report.add(CheckFinding("settings", "hold together"))
    for name, model in loaded.settings.models.items():
        with waiting(f"loading and warming model {name}"):
            report.add(_find_model(name, model, loaded))
    if not offline:
        with waiting(f"looking at {loaded.settings.kafka.bootstrap_servers}"):
            seen = asyncio.run(look(loaded.settings, base=loaded.base))
        for each in seen:
            report.add(CheckFinding(*each))
    return report.end()


def _find_model(name: str, settings: ModelSettings, loaded: Loaded) -> CheckFinding:
    """Load the model with its transform, as `run` does, and run it on its sample."""
    subject = f"model {name}"
    rows = [lane.max_rows for lane in loaded.settings.lanes.values() if name in lane.models]
    try:
        model = load_model(settings, base=loaded.base, on_stuck=lambda _: None)
        try:
            model.session.warm_up([1, *rows], limit_s=settings.run_limit)
            return CheckFinding(subject, _describe(model, settings))
        finally:
            model.close()
    except ModelRefused as refused:
        return CheckFinding(subject, refused.reason, str(refused), Exit.MODEL_REFUSED)


def _describe(model: Model, settings: ModelSettings) -> str:
    session = model.session
    parts = [f"sha256 {session.digest[:12]}", session.provider, describe(session.signature)]
    if settings.transform:
        parts.append(f"transform {settings.transform}")
    if session.degraded_because:
        parts.append(f"degraded: {session.degraded_because}")
    return ", ".join(parts)


def describe(signature: Signature) -> str:
    """Return a signature as people read it: bytes INT32 [n, 2048] -> scores FP32 [n, 214]."""
    rows = str(signature.fixed_rows or "n")
    sides = []
    for specs in (signature.inputs, signature.outputs):
        shapes = [
            ", ".join(
                [rows, *("?" if length is None else str(length) for length in spec.row_shape)]
            )
            for spec in specs
        ]
        sides.append(
            ", ".join(
                f"{spec.name} {spec.datatype} [{shape}]"
                for spec, shape in zip(specs, shapes, strict=True)
            )
        )
    return " -> ".join(sides)
