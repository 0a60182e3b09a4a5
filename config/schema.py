"""The JSON schema of a configuration file, for editors that complete and check while one types."""

from collections.abc import Iterable, Iterator
from typing import Any

from config.settings import Settings
from config.units import DURATION_PATTERN, SIZE_PATTERN, format_duration, format_size

_FORMATTERS = {DURATION_PATTERN: format_duration, SIZE_PATTERN: format_size}


def schema() -> dict[str, Any]:
    """Return the JSON schema; defaults are written as people write them ("10s", not 10.0)."""
    made = Settings.model_json_schema()
    for section in (made, *made["$defs"].values()):
        section.pop("title", None)
        # That of a docstring, which `python -OO` does not have.
        section.pop("description", None)
        section["properties"] = {
            name: _tidy(setting) for name, setting in section["properties"].items()
        }
    for table in [*made["properties"].values(), *_within(made["$defs"].values())]:
        reference = next(iter(table.get("patternProperties", {"": table}).values()))["$ref"]
        made["$defs"][reference.rpartition("/")[2]]["description"] = table["description"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Tidemill configuration",
        **made,
    }


def is_table(setting: dict[str, Any]) -> bool:
    """Whether what the schema says of `setting` is a table of settings, or one for each name."""
    return "$ref" in setting or "patternProperties" in setting


def choices_of_tables(setting: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the tables of which one may stand where `setting` otherwise takes text."""
    return [each for each in setting.get("oneOf", ()) if "$ref" in each]


def _within(sections: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the tables that stand in a section."""
    for section in sections:
        for each in section["properties"].values():
            yield from [each] if is_table(each) else choices_of_tables(each)


def _tidy(setting: dict[str, Any]) -> dict[str, Any]:
    """Return what an editor needs of `setting`: TOML has no null, and a key needs no title."""
    given, *_null = setting.pop("anyOf", [{}])
    tidy = {**given, **setting}
    # "path" is a format of pydantic's own.
    for noise in ("title", "format"):
        tidy.pop(noise, None)
    default = tidy.pop("default", None)
    if default is not None:
        formatter = _FORMATTERS.get(tidy.get("pattern", ""))
        tidy["default"] = formatter(default) if formatter else default
    if "patternProperties" in tidy:
        tidy["additionalProperties"] = False
    return tidy
