"""The daemon's configuration file for a bench: what a user would write, all else by default. Pure."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

Value: TypeAlias = str | int | bool | list[str]


class Lane(NamedTuple):
    """A lane of one topic and one model; raw rows unless the request says otherwise."""

    topic: str
    model: Path
    max_rows: int
    linger: str
    eager: bool = False
    weight: int = 1


def configuration(
    bootstrap: str,
    group: str,
    lanes: Mapping[str, Lane],
    *,
    replies: str,
    allow: Sequence[str],
    dead: str,
) -> str:
    """Return the text of a TOML file; each lane's model has the name of its file."""
    sections: dict[str, dict[str, Value]] = {
        "kafka": {"bootstrap_servers": bootstrap, "group": group},
        "replies": {"topic": replies, "allow": list(allow)},
        "dead_letters": {"topic": dead},
    }
    for name, lane in lanes.items():
        sections[f"models.{lane.model.stem}"] = {"path": str(lane.model), "device": "cpu"}
        sections[f"lanes.{name}"] = {
            "topics": [lane.topic],
            "models": [lane.model.stem],
            "max_rows": lane.max_rows,
            "linger": lane.linger,
            "eager": lane.eager,
            "weight": lane.weight,
            "content_type": "application/octet-stream",
        }
    return "\n".join(_section(name, values) for name, values in sections.items())


def _section(name: str, values: Mapping[str, Value]) -> str:
    # TOML writes these values as JSON does.
    lines = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    return "\n".join([f"[{name}]", *lines, ""])
