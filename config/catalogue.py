"""All settings in one flat table, for whoever must look one up by its dotted key."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal, TypeAlias

from config.schema import choices_of_tables, is_table, schema
from config.units import DURATION_PATTERN, SIZE_PATTERN

Key: TypeAlias = tuple[str, ...]
Kind: TypeAlias = Literal[
    "text",
    "duration",
    "size",
    "integer",
    "number",
    "boolean",
    "list",
    "numbers",
    "name or number",
    "table",
]

ANY = "*"
"""Stands in a key for the name of a lane, a model, or an input of one."""
_NAMED_PARTS = {1: "NAME", 3: "TENSOR"}
"""How people write it, by its place in a key."""

_KINDS: Mapping[str, Kind] = {
    DURATION_PATTERN: "duration",
    SIZE_PATTERN: "size",
    "string": "text",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "array": "list",
    "object": "table",
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting; `default` is written as in TOML, None where there is none."""

    key: Key
    kind: Kind
    description: str
    required: bool
    default: str | None
    choices: tuple[str, ...]
    least: int | None
    most: int | None


@dataclass(frozen=True, slots=True)
class Section:
    """A table of settings; `key` ends in `ANY` where there is one for each lane, model or input."""

    key: Key
    description: str
    settings: tuple[Setting, ...]
    choice: str = ""
    """The setting that tells it from other tables under the same key; empty: there are none."""


@cache
def sections() -> tuple[Section, ...]:
    """Return all sections, in the order in which they are declared."""
    made = schema()
    return tuple(_sections(made["properties"], made["$defs"]))


@cache
def settings() -> Mapping[Key, Setting]:
    """Return all settings by key, such as ("lanes", "*", "linger")."""
    return {setting.key: setting for section in sections() for setting in section.settings}


def general(key: Key) -> Key:
    """Return `key` with `ANY` for the names of lanes, models and inputs in it."""
    found: Key = ()
    for part in key:
        named = (*found, ANY)
        found = named if _begins_some_section(named) else (*found, part)
    return found


def is_section(key: Key) -> bool:
    """Whether `key`, general or not, is a table: a section or the parent of one."""
    return _begins_some_section(general(key))


def dotted(key: Key) -> str:
    """Return `key` as people write it; `ANY` becomes NAME, or TENSOR for an input's."""
    return ".".join(_NAMED_PARTS[place] if part == ANY else part for place, part in enumerate(key))


def _begins_some_section(key: Key) -> bool:
    return any(section.key[: len(key)] == key for section in sections())


def _sections(tables: dict[str, Any], kinds: dict[str, Any]) -> Iterator[Section]:
    for name, table in tables.items():
        yield from _table((name,), table, kinds)


def _table(key: Key, table: dict[str, Any], kinds: dict[str, Any]) -> Iterator[Section]:
    """Yield the sections of `table`: one, or one for each name that somebody may give."""
    named = table.get("patternProperties")
    if named:
        yield from _section((*key, ANY), next(iter(named.values())), kinds)
    else:
        yield from _section(key, table, kinds)


def _section(key: Key, reference: dict[str, Any], kinds: dict[str, Any]) -> Iterator[Section]:
    """Yield the section that `reference` is, then those within it."""
    section = kinds[reference["$ref"].rpartition("/")[2]]
    required = section.get("required", ())
    within = {leaf: each for leaf, each in section["properties"].items() if is_table(each)}
    yield Section(
        key,
        section["description"],
        tuple(
            _setting((*key, leaf), described, required=leaf in required)
            for leaf, described in section["properties"].items()
            if leaf not in within
        ),
    )
    for leaf, each in within.items():
        yield from _table((*key, leaf), each, kinds)
    for leaf, each in section["properties"].items():
        for choice in choices_of_tables(each):
            yield from map(_told_apart, _section((*key, leaf), choice, kinds))


def _told_apart(section: Section) -> Section:
    """Return `section` as one of several under its key: first what it must have, which tells it."""
    ordered = sorted(section.settings, key=lambda setting: not setting.required)
    return replace(section, settings=tuple(ordered), choice=ordered[0].key[-1])


def _setting(key: Key, described: dict[str, Any], *, required: bool) -> Setting:
    default = described.get("default")
    return Setting(
        key,
        _kind(described),
        described["description"],
        required,
        None if default is None else json.dumps(default, ensure_ascii=False),
        tuple(described.get("enum", ())),
        described.get("minimum"),
        described.get("maximum"),
    )


def _kind(described: dict[str, Any]) -> Kind:
    pattern = described.get("pattern", "")
    if choices_of_tables(described):
        return "text"
    if described.get("items", {}).get("type") in {"integer", "number"}:
        return "numbers"
    if isinstance(described["type"], list):
        return "name or number"
    return _KINDS[pattern if pattern in _KINDS else described["type"]]
