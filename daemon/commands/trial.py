"""`tidemill try`."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from config.load import Loaded, load
from config.settings import Lane, Settings
from daemon.commands.ask import ERROR_REPLY, find_lane, headers_for, read_body
from daemon.commands.by_hand import Stations, Trial
from daemon.commands.printing import printed
from daemon.commands.trial_report import TrialReport, print_row
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


class _Given(NamedTuple):
    """What is sent to a lane: a file, or what became of it in the lane before."""

    file: Path
    body: bytes
    headers: Sequence[Header]


def trial(
    config: Path | None,
    overrides: Sequence[str],
    files: Sequence[Path],
    chosen: Chosen,
    *,
    as_json: bool,
) -> int:
    """Send `files` by hand and print what became of each, lane by lane of their row.

    Raises SettingsError and Fatal.
    """
    loaded = load(config, os.environ, overrides)
    settings = loaded.settings
    logs.configure(settings.log, worker="try")
    name = chosen.lane or _lane_with(settings, chosen.model)
    lane = find_lane(settings, name)
    typed = [_header(each) for each in chosen.headers]
    given = [
        _Given(file, read_body(file), _headers(file, lane, chosen.model, typed)) for file in files
    ]
    reports: list[TrialReport] = []
    trials: list[Trial] = []
    for place, step in enumerate(_row(settings, name)):
        model = chosen.model if not place and chosen.model else settings.lanes[step].models[0]
        report, tried = _try_lane(loaded, step, model, given, as_json=as_json)
        reports.append(report)
        trials += tried
        given = [
            _Given(each.file, each.answer.value or b"", each.answer.headers)
            for each in tried
            if each.has_result
        ]
        if not given:
            break
    if as_json:
        print_row(reports)
    printed()
    return Exit.CLEAN if all(each.has_result for each in trials) else ERROR_REPLY


def _row(settings: Settings, lane: str) -> Iterator[str]:
    """Yield `lane`, and the lanes that its results go on to."""
    step: str | None = lane
    while step is not None:
        yield step
        step = settings.lanes[step].then


def _try_lane(
    loaded: Loaded, lane: str, name: str, given: Sequence[_Given], *, as_json: bool
) -> tuple[TrialReport, Sequence[Trial]]:
    """Send what is `given` to model `name` of `lane`, and all of it once more together."""
    model = _load(loaded, name)
    report = TrialReport(
        lane,
        name,
        transform_limit_s=loaded.settings.models[name].transform_limit,
        is_cheap=model.transform is not None and model.transform.cheap,
        as_json=as_json,
    )
    try:
        stations = Stations(loaded.settings, lane, name, model)
        trials = []
        for file, body, headers in given:
            with waiting(f"trying {file}"):
                trials.append(stations.send(file, body, headers))
            report.add(trials[-1])
        report.add_together(stations.send_together(trials))
    finally:
        model.close()
    return report, trials


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
