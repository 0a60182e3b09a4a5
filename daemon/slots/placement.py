"""How many workers a host has room for, and what tells one slot's worker from another's. Pure."""

import re
from collections.abc import Callable, Mapping, Sequence

from config.settings import Settings

_LONGEST_NAME = 240
"""Kafka takes 249 characters; the slot's number needs a few."""
_HIGHEST_PORT = 65_535
_HOST = "127.0.0.1"


def wants_gpus(settings: Settings) -> bool:
    """Whether any model may run on one."""
    return any(model.device != "cpu" for model in settings.models.values())


def gpus_to_deal(settings: Settings, detected: Sequence[str]) -> Sequence[str]:
    """Return what slots get as CUDA_VISIBLE_DEVICES, in turn; nothing when no model needs any."""
    return (settings.scaling.gpus or detected) if wants_gpus(settings) else ()


def most_workers(settings: Settings, *, cores: int, gpus: Sequence[str]) -> int:
    """Return how many workers may run here: as set, else one a GPU, else what the cores can carry.

    A worker runs one model at a time, so it needs the cores of the model with the most threads.
    """
    if settings.scaling.max_workers is not None:
        return settings.scaling.max_workers
    if gpus:
        return len(gpus)
    threads = max(model.threads for model in settings.models.values())
    return max(1, settings.scaling.min_workers, cores // threads)


def base_name(settings: Settings, host: str) -> str:
    """Return what all slots' names begin with: `kafka.instance_id`, else the host and the group."""
    name = settings.kafka.instance_id or f"{host}-{settings.kafka.group}"
    return re.sub(r"[^a-zA-Z0-9._-]", "-", name)[:_LONGEST_NAME]


def slot_settings(
    slot: int, *, name: str, first_port: int, is_free: Callable[[str, int], bool]
) -> Mapping[str, str]:
    """Return the settings that are the slot's own, as --set takes them.

    `name` as base_name(); `first_port` is the supervisor's, 0 for any; `is_free` tells whether a
    host's port can be had.
    """
    port = first_port + 1 + slot if first_port else 0
    # Somebody may have the port, such as the last supervisor's worker that still drains: that is no
    # reason not to serve, and the supervisor hears which other one it is.
    usable = port <= _HIGHEST_PORT and is_free(_HOST, port)
    return {
        "kafka.instance_id": f"{name}-{slot}",
        "http.host": _HOST,
        "http.port": str(port if usable else 0),
    }


def slot_environment(slot: int, gpus: Sequence[str]) -> Mapping[str, str]:
    """Return the variables that are the slot's own: the GPU it has or shares."""
    return {"CUDA_VISIBLE_DEVICES": gpus[slot % len(gpus)]} if gpus else {}
