"""`tidemill check`: everything `run` will need, tried without changing anything."""

import asyncio
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from config.errors import SettingsError
from config.load import Loaded, load
from config.settings import Model as ModelSettings
from config.settings import Settings
from daemon.commands.findings import CheckFinding, CheckReport
from daemon.commands.footprint import footprint
from daemon.commands.openings import openings
from daemon.commands.resolved import resolve
from daemon.commands.waiting import waiting
from daemon.kafka.looking.preflight import look
from daemon.process.own_memory import memory_limit, resident_bytes
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
    for finding in openings(loaded.settings, time.time()):
        report.add(finding)
    signatures, idle_bytes = _try_models(loaded, report)
    partitions = 0 if offline else _try_kafka(loaded, report)
    if len(signatures) == len(loaded.settings.models):
        for finding in footprint(
            loaded.settings,
            signatures,
            partitions=partitions,
            idle_bytes=idle_bytes,
            limit=memory_limit(),
        ):
            report.add(finding)
    return report.end()


def _try_models(loaded: Loaded, report: CheckReport) -> tuple[Mapping[str, Signature], int]:
    """Return the signatures of those that would serve, and what all take together, as in a worker."""
    signatures: dict[str, Signature] = {}
    with ExitStack() as opened:
        for name, settings in loaded.settings.models.items():
            with waiting(f"loading and warming model {name}"):
                try:
                    model = load_model(settings, base=loaded.base, on_stuck=lambda _: None)
                    opened.callback(model.close)
                    _warm_up(model, name, loaded.settings)
                except ModelRefused as refused:
                    reason, remedy = refused.reason, str(refused)
                    report.add(CheckFinding(f"model {name}", reason, remedy, Exit.MODEL_REFUSED))
                else:
                    signatures[name] = model.session.signature
                    report.add(CheckFinding(f"model {name}", _describe(model, settings)))
        return signatures, resident_bytes()


def _warm_up(model: Model, name: str, settings: Settings) -> None:
    """Run `model` on its sample, as `run` does, in each size that it will have."""
    rows = [lane.max_rows for lane in settings.lanes.values() if name in lane.models]
    model.session.warm_up([1, *rows], limit_s=settings.models[name].run_limit)


def _try_kafka(loaded: Loaded, report: CheckReport) -> int:
    """Return how many partitions the request topics have, as far as they may be seen."""
    with waiting(f"looking at {loaded.settings.kafka.bootstrap_servers}"):
        seen = asyncio.run(look(loaded.settings, base=loaded.base))
    for each in seen:
        report.add(CheckFinding(each.subject, each.detail, each.problem, each.code, each.warning))
    return sum(each.partitions for each in seen)


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
