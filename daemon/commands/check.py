"""`tidemill check`: everything `run` will need, tried without changing anything."""

import asyncio
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path

from config.errors import SettingsError
from config.load import Loaded, load
from config.settings import Model as ModelSettings
from config.transform_tables import described
from daemon.batching.ladder import ladder_of
from daemon.commands.findings import CheckFinding, CheckReport
from daemon.commands.footprint import footprint
from daemon.commands.lengths import read_lengths, waste
from daemon.commands.openings import openings
from daemon.commands.resolved import resolve, shown
from daemon.commands.urgency import Tried, urgency
from daemon.commands.waiting import waiting
from daemon.inference.warm_up import warm_up
from daemon.kafka.looking.preflight import look
from daemon.process.own_memory import memory_limit, resident_bytes
from daemon.telemetry import logs
from daemon.telemetry.otel.reporting import open_export
from daemon.telemetry.status import About
from daemon.values.errors import Exit, Fatal
from runtime.errors import ModelRefused
from runtime.model import Model, load_model
from runtime.signature import Signature, TensorSpec

_MEASURE_S = 0.2
"""For each size of a batch: some runs of one that takes milliseconds, and seconds in all."""
_UNTAKEN = (
    "nobody there takes OTLP over HTTP: otel.endpoint is the address before /v1/metrics, of a collector"
    " by default its port 4318 (4317 is for gRPC)"
)


def check(
    config: Path | None,
    overrides: Sequence[str],
    *,
    offline: bool,
    as_json: bool,
    lengths: Path | None = None,
) -> Exit:
    """Print what is set and what was found; return the first problem's code.

    `lengths`: a file of those that requests have, one a line; raises Fatal (64) when it is none.
    """
    asked = [] if lengths is None else _read(lengths)
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
    if loaded.settings.otel.endpoint:
        report.add(_try_otel(loaded, offline=offline))
    tried, idle_bytes = _try_models(loaded, report)
    partitions = 0 if offline else _try_kafka(loaded, report)
    if len(tried) == len(loaded.settings.models):
        signatures = {name: each.signature for name, each in tried.items()}
        for finding in footprint(
            loaded.settings,
            signatures,
            partitions=partitions,
            idle_bytes=idle_bytes,
            limit=memory_limit(),
        ):
            report.add(finding)
        for finding in urgency(loaded.settings, tried):
            report.add(finding)
        for finding in waste(loaded.settings, signatures, asked) if asked else ():
            report.add(finding)
    return report.end()


def _read(path: Path) -> list[int]:
    try:
        return read_lengths(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Fatal(Exit.USAGE, f"--lengths {path}: {error}") from error


def _try_models(loaded: Loaded, report: CheckReport) -> tuple[Mapping[str, Tried], int]:
    """Return those that would serve, by name, and what all take together, as in a worker."""
    tried: dict[str, Tried] = {}
    processes: list[int] = []
    with ExitStack() as opened:
        for name, settings in loaded.settings.models.items():
            with waiting(f"loading and warming model {name}"):
                try:
                    model = load_model(settings, base=loaded.base, on_stuck=lambda _: None)
                    opened.callback(model.close)
                    runs = warm_up(name, model, loaded.settings, measure_s=_MEASURE_S)
                except ModelRefused as refused:
                    reason, remedy = refused.reason, str(refused)
                    report.add(CheckFinding(f"model {name}", reason, remedy, Exit.MODEL_REFUSED))
                else:
                    ladder = ladder_of(name, model.session, loaded.settings)
                    processes += model.pids
                    tried[name] = Tried(model.session.signature, runs, ladder)
                    doubt = model.session.neighbours.doubt
                    told = _describe(model, settings)
                    report.add(CheckFinding(f"model {name}", told, warning=doubt))
        return tried, resident_bytes(others=processes)


def _try_otel(loaded: Loaded, *, offline: bool) -> CheckFinding:
    about = About.of(
        loaded.settings,
        role="check",
        process="check",
        version=version("tidemill"),
        configuration=loaded.name,
    )
    endpoint = loaded.settings.otel.endpoint
    told = f"spans and metrics go to {endpoint}"
    try:
        export = open_export(loaded.settings.otel, about)
    except Fatal as missing:
        return CheckFinding("otel", "the extra is missing", str(missing), missing.exit_code)
    with waiting(f"asking {endpoint}"):
        taken = offline or export.send_metrics(())
        export.close()
    return CheckFinding("otel", told, warning="" if taken else _UNTAKEN)


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
    if session.signature.whole:
        parts.append("one request a run")
    if session.signature.padding is not None:
        parts += [
            f"{axis.name} padded to multiples of {axis.step}"
            for axis in session.signature.padding.axes
        ]
    if settings.constants:
        parts.append(f"always {shown(settings.constants)}")
    if session.neighbours.reason is None and session.neighbours.told:
        parts.append(session.neighbours.told)
    elif session.neighbours.reason is not None:
        runs = "allowed" if settings.allow_neighbours else "so it runs one row at a time"
        parts.append(f"{session.neighbours.reason}: {runs}")
    if settings.transform:
        processes = f" in {len(model.pids)} processes" if model.pids else ""
        parts.append(f"transform {described(settings.transform)}{processes}")
    if session.degraded_because:
        parts.append(f"degraded: {session.degraded_because}")
    return ", ".join(parts)


def describe(signature: Signature) -> str:
    """Return a signature as people read it: bytes INT32 [n, 2048] -> scores FP32 [n, 214].

    Shapes are those that clients send and get.
    A free axis is shown by the name that the file gives it.
    """
    rows = str(signature.fixed_rows or "n")
    sides = [
        ", ".join(f"{spec.name} {spec.datatype} [{', '.join(_axes(spec, rows))}]" for spec in specs)
        for specs in (signature.inputs, signature.outputs)
    ]
    return " -> ".join(sides)


def _axes(spec: TensorSpec, rows: str) -> list[str]:
    names = spec.axis_names or [None] * len(spec.row_shape)
    row = [
        (name or "?") if length is None else str(length)
        for length, name in zip(spec.row_shape, names, strict=True)
    ]
    return row if spec.whole else [rows, *row]
