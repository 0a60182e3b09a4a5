"""Resolved settings as text, for people: valid TOML, each line with where it was set."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from config.load import Loaded
from config.secrets import redact


def render(loaded: Loaded) -> str:
    """Return all settings as TOML with their sources; what may be secret is hidden.

    Without anything hidden the text is a configuration that loads to the same settings.
    """
    tree = loaded.settings.model_dump(mode="json")
    return "\n".join(_tables(tree, (), loaded.sources)).lstrip("\n") + "\n"


def _tables(
    table: Mapping[str, Any], path: tuple[str, ...], sources: Mapping[str, str]
) -> Iterator[str]:
    settings = {name: value for name, value in table.items() if not isinstance(value, dict)}
    if settings:
        yield f"\n[{'.'.join(path)}]"
    for name, value in settings.items():
        source = sources.get(".".join((*path, name)), "default")
        line = f"{name} = {_value(value)}"
        # TOML has no null: what is not set stands as a comment.
        yield f"# {name} is not set" if value is None else f"{line}  # {source}"
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _tables(value, (*path, name), sources)


def _value(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_value(item) for item in value)}]"
    if isinstance(value, str):
        # JSON lets DEL stand as it is, TOML does not.
        return json.dumps(redact(value), ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(value)
