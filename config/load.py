"""The one place that reads settings: a file, the environment and the command line, in this order.

Nothing here is global: the same arguments give the same settings, and only the file is read.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from config import consistency, explain
from config.catalogue import Key, dotted, general
from config.catalogue import settings as catalogue
from config.errors import SettingsError
from config.layers import Given, read_bootstrap, read_environment, read_file, read_overrides
from config.settings import Settings
from config.transform_tables import TAGS

CONFIG_VARIABLE = "TIDEMILL_CONFIG"

_Draft = dict[Key, Given]


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, the folder that their relative paths start from, and where each was written.

    `sources` has the dotted keys that were set, each with a file, a variable or "--set". `name` is
    the file's, empty without one.
    """

    settings: Settings
    base: Path
    sources: Mapping[str, str]
    name: str = ""


def load(path: Path | None, environment: Mapping[str, str], overrides: Sequence[str]) -> Loaded:
    """Return the settings of the file `path` (None: the one TIDEMILL_CONFIG names, if any).

    `environment` overrides the file, and `overrides` ("kafka.group=classify") both.

    Raises: SettingsError with everything that is wrong.
    """
    if path is None and environment.get(CONFIG_VARIABLE):
        path = Path(environment[CONFIG_VARIABLE])
    in_file = read_file(path) if path else []
    in_environment, slips = read_environment(environment)
    in_overrides, unreadable = read_overrides(overrides)
    if path is None and not any((in_environment, slips, in_overrides, unreadable)):
        raise SettingsError(["no configuration is named: --config FILE, or TIDEMILL_CONFIG"])
    in_bootstrap = read_bootstrap(environment)
    draft, misplaced = _draft([*in_file, *in_bootstrap, *in_environment, *in_overrides])
    settings, invalid = _settle(draft)
    problems = [*slips, *unreadable, *misplaced, *invalid]
    if settings is None or problems:
        raise SettingsError(problems)
    base = path.parent if path else Path()
    sources = {dotted(key): given.source for key, given in draft.items()}
    return Loaded(settings, base, sources, path.name if path else "")


def _draft(layers: Iterable[Given]) -> tuple[_Draft, list[str]]:
    """Return what holds of all that was given, lowest layer first, and what is out of place."""
    draft: _Draft = {}
    problems: list[str] = []
    for given in layers:
        problem = explain.misplaced(given) or explain.needs_unit(given)
        if problem:
            problems.append(problem)
        else:
            draft = {key: other for key, other in draft.items() if not _replaces(given, other)}
            draft[given.key] = given
    return draft, problems


def _replaces(given: Given, other: Given) -> bool:
    """Whether `given` takes the place of `other`: a text that of a table's setting, or one that of a text."""
    outer, inner = sorted((given, other), key=lambda each: len(each.key))
    is_within = inner.key[: len(outer.key)] == outer.key != inner.key
    return is_within and outer.value != {}


def _settle(draft: _Draft) -> tuple[Settings | None, list[str]]:
    """Return the settings, or what is wrong with them.

    When single settings are wrong the others are still judged together, so that one run of the
    command shows all there is to mend.
    """
    settings, errors = _validate(draft)
    if settings:
        return settings, consistency.problems(settings)
    wrong = {_key(error) for error in errors}
    settings, _ = _validate({key: given for key, given in draft.items() if key not in wrong})
    others = consistency.problems(settings) if settings else []
    named = [dotted(key) for key in wrong]
    others = [problem for problem in others if not any(name in problem for name in named)]
    return None, [_line(error, draft) for error in errors] + others


def _validate(draft: _Draft) -> tuple[Settings | None, list[ErrorDetails]]:
    try:
        return Settings.model_validate(_nest(draft)), []
    except ValidationError as error:
        errors = error.errors(include_url=False)
    # A list of which every item is refused counts as too short as well.
    return None, [one for one in errors if one["type"] != "too_short" or not one["input"]]


def _nest(draft: _Draft) -> dict[str, Any]:
    """Return `draft` as tables in tables; each required one is there, if only empty."""
    tree: dict[str, Any] = {
        name: {} for name, field in Settings.model_fields.items() if field.is_required()
    }
    for key, given in draft.items():
        *tables, leaf = key
        table = tree
        for name in tables:
            table = table.setdefault(name, {})
        if given.value == {}:
            table.setdefault(leaf, {})
        else:
            table[leaf] = _unset(given)
    return tree


def _unset(given: Given) -> object:
    """Return the value, None for the empty text that takes back an optional setting."""
    setting = catalogue()[general(given.key)]
    optional = not setting.required and setting.default is None
    return None if optional and given.value == "" else given.value


def _key(error: ErrorDetails) -> Key:
    """Return the setting that `error` is about, also where it is about something in its table."""
    parts = tuple(part for part in error["loc"] if isinstance(part, str) and part not in TAGS)
    heads = (parts[:size] for size in range(len(parts), 0, -1))
    return next((head for head in heads if general(head) in catalogue()), parts)


def _line(error: ErrorDetails, draft: _Draft) -> str:
    key = _key(error)
    if error["type"] == "missing":
        return explain.missing(key, draft)
    if key in draft:
        return explain.invalid(error, draft[key])
    return explain.empty(key)
