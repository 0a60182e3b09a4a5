"""`tidemill try`."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from config.load import Loaded, load
from config.settings import Lane, Settings
from daemon.commands.ask import ERROR_REPLY, find_lane, headers_for, read_body
from daemon.commands.by_hand import Stations
from daemon.commands.printing import printed
from daemon.commands.trial_report import TrialReport
from daemon.commands.waiting import waiting
from daemon.telemetry import logs
from daemon.values.errors import Exit, Fatal
from daemon.values.messages import Header
from daemon.wire.headers import CONTENT_TYPE
from runtime.errors import ModelRefused
from runtime.model import Model, load_model


class Chosen(NamedTuple):
    """What was typed beside the files; empty texts are left to the settings."""

    lane: str
    model: str
    headers: Sequence[str]


def trial(
    config: Path | None,
    overrides: Sequence[str],
    files: Sequence[Path],
    chosen: Chosen,
    *,
    as_json: bool,
) -> int:
    """Send `files` by hand and print what became of each. Raises SettingsError and Fatal."""
    loaded = load(config, os.environ, overrides)
    settings = loaded.settings
    logs.configure(settings.log, worker="try")
    lane_name = chosen.lane or _lane_with(settings, chosen.model)
    lane = find_lane(settings, lane_name)
    typed = [_header(each) for each in chosen.headers]
    given = [(file, read_body(file), _headers(file, lane, chosen.model, typed)) for file in files]
    name = chosen.model or lane.models[0]
    model = _load(loaded, name)
    report = TrialReport(
        lane_name,
        name,
        transform_limit_s=settings.models[name].transform_limit,
        is_cheap=model.transform is not None and model.transform.cheap,
        as_json=as_json,
    )
    try:
        stations = Stations(settings, lane_name, name, model)
        trials = []
        for file, body, headers in given:
            with waiting(f"trying {file}"):
                trials.append(stations.send(file, body, headers))
            report.add(trials[-1])
        report.end(stations.send_together(trials))
    finally:
        model.close()
    printed()
    return Exit.CLEAN if all(each.has_result for each in trials) else ERROR_REPLY


def _lane_with(settings: Settings, model: str) -> str:
    """Return the first lane that has `model`, else the first of all."""
    having = [name for name, lane in settings.lanes.items() if model in lane.models]
    return next(iter(having or settings.lanes))


def _header(typed: str) -> tuple[str, str]:
    name, equals, value = typed.partition("=")
    if not name or not equals:
        raise Fatal(Exit.USAGE, f"--header {typed!r} is not NAME=VALUE")
    return name, value


def _headers(
    file: Path, lane: Lane, model: str, typed: Sequence[tuple[str, str]]
) -> Sequence[Header]:
    form = next((value for name, value in typed if name == CONTENT_TYPE), "")
    others = [(name, value.encode()) for name, value in typed if name != CONTENT_TYPE]
    return [*headers_for(file, lane, model=model, content_type=form), *others]


def _load(loaded: Loaded, name: str) -> Model:
    try:
        with waiting(f"loading model {name}"):
            # In this process, where a traceback shows what went wrong.
            settings = loaded.settings.models[name].model_copy(
                update={"transform_workers": "threads"}
            )
            return load_model(settings, base=loaded.base, on_stuck=lambda _: None)
    except ModelRefused as refused:
        raise Fatal(Exit.MODEL_REFUSED, f"model {name}: {refused}") from refused
