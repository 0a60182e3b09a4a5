"""What one revision of the settings means on this host, its cores, GPUs and ports: which workers, started how."""

import contextlib
import os
import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from config.load import Loaded
from daemon.group_watch.model_files import files_of
from daemon.process.announcer import longest_end_s
from daemon.slots.placement import (
    base_name,
    gpus_to_deal,
    most_workers,
    slot_environment,
    slot_settings,
)
from daemon.slots.slot import Patience
from daemon.supervision.child import worker_command, worker_environment
from daemon.supervision.workers import Recipe

_DEVICES = Path("/dev")
_OWN_GROUP = Path("/proc/self/cgroup")
_GROUPS = Path("/sys/fs/cgroup")


def usable_cores(own_group: Path = _OWN_GROUP, groups: Path = _GROUPS) -> int:
    """Return how many cores this process may keep busy, at least 1.

    The smaller of the CPUs it may run on and the quotas of its control groups (cgroup v2, cpu.max),
    such as a container's limit.
    """
    allowed = len(os.sched_getaffinity(0))
    return max(1, int(min([allowed, *_quotas(own_group, groups)])))


def _quotas(own_group: Path, groups: Path) -> Iterator[float]:
    """Yield the quotas in cores of this process's group and of all above it."""
    found = re.search(r"^0::/(.*)$", _read(own_group), re.MULTILINE)
    group = groups / found[1] if found else groups
    for folder in (group, *group.parents):
        if not folder.is_relative_to(groups):
            return
        quota, _, period = _read(folder / "cpu.max").strip().partition(" ")
        if quota.isdecimal() and period.isdecimal():
            yield int(quota) / int(period)


def visible_gpus(environment: Mapping[str, str], devices: Path = _DEVICES) -> tuple[str, ...]:
    """Return the NVIDIA GPUs there are, as CUDA_VISIBLE_DEVICES names them.

    Those that the variable names when it is set (as CUDA reads it: none from the first invalid one
    on), else one for each device file.
    """
    named = environment.get("CUDA_VISIBLE_DEVICES")
    if named is None:
        files = [name for name in _names(devices) if re.fullmatch(r"nvidia[0-9]+", name)]
        return tuple(str(number) for number in range(len(files)))
    valid = []
    for name in (each.strip() for each in named.split(",")):
        if not name or name.startswith("-"):
            break
        valid.append(name)
    return tuple(valid)


def is_free(host: str, port: int) -> bool:
    """Return whether a server could listen there now; port 0 always is."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as asyncio's servers do
        try:
            server.bind((host, port))
        except OSError:
            return False
    return True


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 -- names are all that is wanted
    except OSError:
        return []


def _read(file: Path) -> str:
    with contextlib.suppress(OSError):
        return file.read_text(encoding="ascii", errors="replace")
    return ""


_START_S = 90.0
"""systemd's DefaultTimeoutStartSec. A worker that loads for longer says so and gets more time."""
_HEARTBEATS = 3
"""Session timeouts without a sign of life. After one the group has given the worker's partitions
away; who is not back after three will not be soon."""
_SHORTEST_HEARTBEAT_S = 5.0
"""A worker says each second that it is well, and a busy host may delay that."""


class Revision:
    """Settings and what follows from them here; `name` is what the names of its workers begin with.

    Args:
        loaded: the settings.
        config, overrides: what was typed; workers are started with the same.
        first_port: the supervisor's own, 0 for any; those of its workers follow.
    """

    def __init__(
        self,
        loaded: Loaded,
        config: Path | None,
        overrides: Sequence[str],
        *,
        first_port: int,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        settings = loaded.settings
        self.settings = settings
        self.base = loaded.base
        self.files = files_of(settings, loaded.base)
        self.gpus = gpus_to_deal(settings, visible_gpus(environment))
        self.most = most_workers(settings, cores=usable_cores(), gpus=self.gpus)
        self.name = base_name(settings, socket.gethostname())
        self.patience = Patience(
            start_s=_START_S,
            heartbeat_s=max(_SHORTEST_HEARTBEAT_S, _HEARTBEATS * settings.kafka.session_timeout),
            drain_s=longest_end_s(settings),
        )
        self._config = config
        self._overrides = overrides
        self._first_port = first_port
        self._environment = environment

    def recipe(self, slot: int) -> Recipe:
        """Return how the slot's worker is started."""
        own = slot_settings(slot, name=self.name, first_port=self._first_port, is_free=is_free)

        def environment(mailbox: Path) -> Mapping[str, str]:
            return worker_environment(
                self._environment,
                slot_environment(slot, self.gpus),
                mailbox=mailbox,
                heartbeat_s=self.patience.heartbeat_s,
            )

        return Recipe(worker_command(self._config, self._overrides, own), environment)
