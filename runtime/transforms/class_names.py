"""What a model's classes are called: in a file beside it, or in its own metadata."""

import ast
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from runtime.errors import ModelRefused

_METADATA = "names"
"""As Ultralytics' exporter writes it, {0: 'person', 1: 'bicycle'}, or by comma."""


def read_names(file: Path) -> Sequence[str]:
    """Return the names in the order of their classes; raises ModelRefused.

    A text file has one a line. JSON is a list, an object by number, or has one of these as
    `id2label`, as the config.json of a model on a hub.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelRefused(
            f"labels {file} cannot be read: {error}", "name a text file with one a line, or JSON"
        ) from error
    if file.suffix != ".json":
        return text.splitlines()
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ModelRefused(f"labels {file} is not JSON: {error}", "mend the file") from error
    names = _in_order(found.get("id2label", found) if isinstance(found, dict) else found)
    if names is None:
        raise ModelRefused(
            f"labels {file} has no names of classes",
            'write a list of names, or {"0": "cat", "1": "dog"}, or {"id2label": ...}',
        )
    return names


def names_in(metadata: Mapping[str, str]) -> Sequence[str] | None:
    """Return the names in the order of their classes, as far as the model says them."""
    text = metadata.get(_METADATA, "")
    try:
        return _in_order(ast.literal_eval(text))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text.split(",") if text else None


def _in_order(found: object) -> Sequence[str] | None:
    if isinstance(found, Mapping):
        by_number = {str(number): name for number, name in found.items()}
        found = [by_number.get(str(number)) for number in range(len(by_number))]
    if isinstance(found, list) and found and all(isinstance(name, str) for name in found):
        return found
    return None
