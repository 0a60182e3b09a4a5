"""Reads a scenario file; what is wrong is said by its key."""

import tomllib
from pathlib import Path
from typing import NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from loadtest.scenario.model import Scenario, Traffic

_Model = TypeVar("_Model", bound=BaseModel)

_LOGIN_FILES = ("ca_file", "cert_file", "key_file", "sasl_password_file")
SHIPPED = Path(__file__).parents[1] / "scenarios"
"""One folder for each scenario that comes with Tidemill, its file called scenario.toml."""


class BadScenario(Exception):
    """The scenario cannot be used; the message names the file and every wrong key."""


class Loaded(NamedTuple):
    """A scenario, its name and the folder that its paths were relative to; they are whole now."""

    name: str
    scenario: Scenario
    folder: Path
    text: str
    """The file as it is written."""


def shipped() -> list[str]:
    """Return the names of the scenarios that come with Tidemill."""
    return sorted(path.parent.name for path in SHIPPED.glob("*/scenario.toml"))


def load(wanted: str) -> Loaded:
    """Return the scenario in the file `wanted`, or the shipped one of that name.

    Raises BadScenario.
    """
    if wanted in shipped():
        path, name = SHIPPED / wanted / "scenario.toml", wanted
    else:
        path, name = Path(wanted), Path(wanted).stem
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        known = ", ".join(shipped())
        raise BadScenario(
            f"{wanted} cannot be read ({error}); shipped scenarios: {known}"
        ) from error
    return Loaded(name, parse(text, path), path.parent, text)


def parse(text: str, path: Path) -> Scenario:
    """Return the scenario that `text` from the file `path` says; raises BadScenario."""
    try:
        written = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadScenario(f"{path}: {error}") from error
    try:
        scenario = Scenario.model_validate(written)
    except ValidationError as error:
        lines = [_line(one) for one in error.errors(include_url=False)]
        raise BadScenario("\n".join([f"{path} is no scenario:", *lines])) from error
    return _whole(scenario, path.parent)


def _line(error: ErrorDetails) -> str:
    key = ".".join(str(part) for part in error["loc"]) or "the file"
    if error["type"] == "extra_forbidden":
        return f"  {key}: there is no such key"
    return f"  {key}: {error['msg'].removeprefix('Value error, ')}"


def _whole(scenario: Scenario, folder: Path) -> Scenario:
    """Return the scenario with paths that do not depend on the working directory."""
    classes = {name: _traffic(each, folder) for name, each in scenario.classes.items()}
    embedded = scenario.embedded and _resolved(scenario.embedded, folder, "config")
    login = scenario.login and _resolved(scenario.login, folder, *_LOGIN_FILES)
    return scenario.model_copy(update={"classes": classes, "embedded": embedded, "login": login})


def _traffic(traffic: Traffic, folder: Path) -> Traffic:
    bodies = tuple(
        _resolved(body, folder, "folder", "jsonl", "npy", "golden") for body in traffic.body
    )
    return _resolved(traffic, folder, "trace").model_copy(update={"body": bodies})


def _resolved(model: _Model, folder: Path, *keys: str) -> _Model:
    paths = {key: getattr(model, key) for key in keys}
    return model.model_copy(update={key: folder / path for key, path in paths.items() if path})
