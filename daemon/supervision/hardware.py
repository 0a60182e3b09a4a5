"""What this process may use of its host: cores, GPUs and ports."""

import contextlib
import os
import re
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path

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
