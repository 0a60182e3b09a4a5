"""Errors of a configuration in words: one line each, with its place and its remedy."""

import difflib
import json
from collections.abc import Mapping
from typing import Any

from pydantic_core import ErrorDetails

from config.catalogue import (
    ANY,
    Key,
    Setting,
    dotted,
    general,
    is_section,
    sections,
    settings,
)
from config.forms import NAME
from config.layers import Given, variable
from config.secrets import redact
from config.units import format_duration, format_size

_LONGEST_SHOWN = 60
"""Characters of a wrong value: with what is said of it, a line of a terminal."""


def misplaced(given: Given) -> str | None:
    """Return what is wrong with the key of `given`, or None; its value is never shown."""
    key = given.key
    if general(key) in settings():
        return _misnamed(given)
    if not is_section(key):
        return f"{given.label} is not a setting; {_guess(given)}"
    if given.value != {}:
        return f"{given.label} is a table; set what is in it, such as {given.spell(_example(key))}"
    return _misnamed(given)


def missing(key: Key, draft: Mapping[Key, Given]) -> str:
    """Return the line for a required setting that is not in `draft`."""
    text = f"{dotted(key)} is missing"
    makers = [given for other, given in draft.items() if key[:2] == other[:2] != key[:1]]
    if not makers or any(given.layer == "file" for given in makers):
        choices = [one.choice for one in sections() if one.choice and one.key == general(key[:-1])]
        leaf = " or ".join(choices or [key[-1]])
        return f"{text}: write {leaf} under [{dotted(key[:-1])}], or set {variable(key)}"
    # Only the environment or the command line speaks of this lane: its name may be a slip.
    maker = makers[0]
    names = {other[1] for other in draft if key[0] == other[0] and key[1] != other[1]}
    close = difflib.get_close_matches(key[1], names, n=1)
    meant = maker.spell((key[0], close[0], *maker.key[2:])) if close else ""
    remedy = f"did you mean {meant}?" if close else f"set {variable(key)} as well"
    return f"{text}: {maker.label} is all there is of {dotted(key[:-1])}; {remedy}"


def empty(key: Key) -> str:
    """Return the line for a required table that has nothing in it, such as lanes."""
    required = [
        one.key[-1] for one in settings().values() if one.key[:-1] == (key[0], ANY) and one.required
    ]
    return (
        f"{dotted(key)} is empty: write a table [{dotted((*key, ANY))}] with {', '.join(required)}"
    )


def invalid(error: ErrorDetails, given: Given) -> str:
    """Return the line for a value that its setting does not take."""
    setting = settings()[general(given.key)]
    item = "".join(f"[{part}]" for part in error["loc"] if isinstance(part, int))
    if setting.kind == "table":
        item = "".join(f".{name}" for name in error["loc"][len(given.key) :])
    # Where it is not an item's, pydantic's own input may already be bytes or seconds.
    value = _shown(setting, error["input"] if item else given.value)
    return f"{given.label}{item} {_rule(error, setting)}{value}"


def needs_unit(given: Given) -> str | None:
    """Return what is wrong when a number stands where a duration or a size must."""
    setting = settings().get(general(given.key))
    kind = setting.kind if setting else None
    if kind in {"duration", "size"} and isinstance(given.value, int | float):
        example = "30s" if kind == "duration" else "1MiB"
        return f'{given.label} must be written with a unit, like "{example}", not {given.value}'
    return None


def _misnamed(given: Given) -> str | None:
    named = general(given.key) != given.key
    try:
        NAME.check(given.key[1] if named else "a")
    except ValueError as error:
        return f"{given.label}: the name of a lane or a model {error}"
    return None


def _guess(given: Given) -> str:
    """Return which setting may have been meant: the nearest name here, or the same one elsewhere."""
    *table, leaf = given.key
    tables = {key for section in sections() for key in (section.key[:1], section.key)}
    keys = [_with_names_of(key, tuple(table)) for key in [*tables, *settings()]]
    here = {key[-1]: key for key in keys if key[:-1] == tuple(table)}
    near = difflib.get_close_matches(leaf, here, n=1)
    found = [here[text] for text in near] or [key for key in keys if key[-1] == leaf]
    if not found and general(tuple(table)) in {section.key for section in sections()}:
        return f"{dotted(tuple(table))} has {', '.join(here)}"
    if not found:
        return "`tidemill schema` lists all settings"
    return f"did you mean {' or '.join(given.spell(key) for key in found)}?"


def _with_names_of(key: Key, table: Key) -> Key:
    """Return the general `key` with the names that `table` has at their places."""
    names = dict(enumerate(table))
    return tuple(names.get(place, ANY) if part == ANY else part for place, part in enumerate(key))


def _example(key: Key) -> Key:
    """Return the key of a setting in the table `key`."""
    table = general(key)
    first = next(setting.key for setting in settings().values() if setting.key[: len(key)] == table)
    return (*key, *first[len(key) :])


def _rule(error: ErrorDetails, setting: Setting) -> str:
    context = error.get("ctx", {})
    words = {
        "string_type": "must be text",
        "int_type": "must be a whole number",
        "int_from_float": "must be a whole number",
        "bool_type": "must be true or false",
        "float_type": "must be a number",
        "finite_number": "must be a number, neither inf nor nan",
        "tuple_type": "must be a list",
        "dict_type": "must be a table",
        "too_short": "must not be empty",
        "extra_forbidden": "is for another kind of table; remove it",
    }
    bounds = {
        "greater_than": ("more than", "gt"),
        "greater_than_equal": ("at least", "ge"),
        "less_than": ("less than", "lt"),
        "less_than_equal": ("at most", "le"),
    }
    match error["type"]:
        case "literal_error":
            return f"must be one of {', '.join(setting.choices)}"
        case "value_error":
            return str(context["error"])
        case bound if bound in bounds:
            comparison, name = bounds[bound]
            return f"must be {comparison} {_bound(context[name], setting)}"
        case other:
            return words.get(other, error["msg"].replace("Input should be", "must be"))


def _bound(bound: Any, setting: Setting) -> str:  # noqa: ANN401 - pydantic does not say
    match setting.kind:
        case "duration":
            return format_duration(bound)
        case "size":
            return format_size(bound)
        case _:
            return str(bound)


def _shown(setting: Setting, value: object) -> str:
    """Return the value as far as it may be seen."""
    if "password" in setting.key[-1] or not isinstance(value, str | int | float):
        return ""
    text = json.dumps(redact(value), ensure_ascii=False) if isinstance(value, str) else str(value)
    text = str(value).lower() if isinstance(value, bool) else text
    return f", not {text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + '...'}"
