"""All settings in one flat table, for whoever must look one up by its dotted key."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, TypeAlias

from config.schema import schema
from config.units import DURATION_PATTERN, SIZE_PATTERN

Key: TypeAlias = tuple[str, ...]
Kind: TypeAlias = Literal["text", "duration", "size", "integer", "number", "boolean", "list"]

ANY = "*"
"""Stands in a key for the name of a lane or a model."""

_KINDS: Mapping[str, Kind] = {
    DURATION_PATTERN: "duration",
    SIZE_PATTERN: "size",
    "string": "text",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "array": "list",
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
    """A table of settings; `key` ends in `ANY` where there is one per lane or model."""

    key: Key
    description: str
    settings: tuple[Setting, ...]


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
    """Return `key` with `ANY` for the name of its lane or model."""
    named = len(key) > 1 and any(section.key == (key[0], ANY) for section in sections())
    return (key[0], ANY, *key[2:]) if named else key


def is_section(key: Key) -> bool:
    """Whether `key`, general or not, is a table: a section or the parent of one."""
    size = len(key)
    return any(section.key[:size] == general(key) for section in sections())


def dotted(key: Key) -> str:
    """Return `key` as people write it; `ANY` becomes NAME."""
    return ".".join("NAME" if part == ANY else part for part in key)


def _sections(tables: dict[str, Any], kinds: dict[str, Any]) -> Iterator[Section]:
    for name, table in tables.items():
        named = table.get("patternProperties")
        key = (name, ANY) if named else (name,)
        yield from _section(key, next(iter(named.values())) if named else table, kinds)


def _section(key: Key, reference: dict[str, Any], kinds: dict[str, Any]) -> Iterator[Section]:
    """Yield the section that `reference` is, then those within it."""
    section = kinds[reference["$ref"].rpartition("/")[2]]
    required = section.get("required", ())
    within = {leaf: each for leaf, each in section["properties"].items() if "$ref" in each}
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
        yield from _section((*key, leaf), each, kinds)


def _setting(key: Key, described: dict[str, Any], *, required: bool) -> Setting:
    pattern = described.get("pattern", "")
    default = described.get("default")
    return Setting(
        key,
        _KINDS[pattern if pattern in _KINDS else described["type"]],
        described["description"],
        required,
        None if default is None else json.dumps(default, ensure_ascii=False),
        tuple(described.get("enum", ())),
        described.get("minimum"),
        described.get("maximum"),
    )
