"""The settings in force, each with where it was written. Pure."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from config.catalogue import general, settings
from config.load import Loaded
from config.secrets import redact

_OF_CUDA = ".cuda."
"""Below `models.NAME`."""


class Resolved(NamedTuple):
    """One setting: `value` is written as in TOML, `source` is empty for a default."""

    key: str
    value: str
    source: str


def resolve(loaded: Loaded) -> list[Resolved]:
    """Return every setting in force that has a value; secrets are in files and stay there.

    Of what the CUDA provider is told only what was set: the defaults of every model would be most of the list.
    """
    settings = [
        Resolved(key, shown(value), loaded.sources.get(key, ""))
        for key, value in _flatten(loaded.settings.model_dump(mode="json", exclude_none=True))
    ]
    return [each for each in settings if each.source or _OF_CUDA not in each.key]


def _flatten(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        key = prefix + name
        if not isinstance(value, Mapping):
            yield key, value
        elif general(tuple(key.split("."))) not in settings():
            yield from _flatten(value, f"{key}.")
        elif value:
            yield key, value


def shown(value: object) -> str:
    """Return `value` as TOML writes it."""
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{name} = {shown(each)}' for name, each in value.items())} }}"
    return json.dumps(redact(value) if isinstance(value, str) else value, ensure_ascii=False)
