"""What memory this process has, and what it may have: its cgroup's limit, or all of the host."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from daemon.process.memory import MemoryLimit

_V2, _V1 = "sys/fs/cgroup", "sys/fs/cgroup/memory"


def resident_bytes(root: Path = Path("/"), *, others: Iterable[int] = ()) -> int:
    """Return what this process, and `others` by number, have in memory now, 0 where nobody says.

    What they share counts for each.
    """
    statms = [_text(root / f"proc/{each}/statm").split() for each in ("self", *others)]
    return sum([int(words[1]) for words in statms if words]) * os.sysconf("SC_PAGE_SIZE")


def memory_limit(root: Path = Path("/")) -> MemoryLimit | None:
    """Return the smallest limit there is, None where the system does not say.

    `root` is where the file systems /proc and /sys are.
    """
    limits = [MemoryLimit(size_bytes, "cgroup") for size_bytes in _cgroup_bytes(root)]
    limits += [
        MemoryLimit(int(line.split()[1]) * 2**10, "host")
        for line in _text(root / "proc/meminfo").splitlines()
        if line.startswith("MemTotal:")
    ]
    return min(limits, default=None)


def _cgroup_bytes(root: Path) -> Iterator[int]:
    """Yield the limits of the cgroup of this process and of all that it is in."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            names = _upward(root / _V2, path)
            limits = [_text(folder / "memory.max") for folder in names]
        elif "memory" in controllers.split(","):
            names = _upward(root / _V1, path)
            limits = [_text(folder / "memory.limit_in_bytes") for folder in names]
        else:
            continue
        yield from [int(limit) for limit in limits if limit.strip().isdigit()]


def _upward(mount: Path, path: str) -> Sequence[Path]:
    """Return the folder of a cgroup and those above it; a container may see the last one only."""
    folder = mount / path.lstrip("/")
    return [each for each in (folder, *folder.parents) if each.is_relative_to(mount)]


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii")
    except OSError:
        return ""
