"""A small configuration that holds, and changes to it by dotted key."""

import copy

from config.settings import Settings

SAMPLE = {
    "kafka": {"group": "classify"},
    "models": {"filetype": {"path": "model.onnx"}},
    "lanes": {
        "standard": {"topics": ["documents"], "models": ["filetype"]},
        "urgent": {"topics": ["documents.urgent"], "models": ["filetype"], "linger": "20ms"},
    },
    "replies": {"topic": "replies"},
    "dead_letters": {"topic": "dead"},
}


def tables(changes):
    changed = copy.deepcopy(SAMPLE)
    for key, value in changes.items():
        *path, leaf = key.split(".")
        table = changed
        for name in path:
            table = table.setdefault(name, {})
        table[leaf] = value
    return changed


def settings(changes=None):
    return Settings.model_validate(tables(changes or {}))
