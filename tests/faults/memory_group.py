"""A cgroup of its own for a daemon, so that the kernel ends it when it takes too much memory."""

import contextlib
import os
from pathlib import Path

_V1 = Path("/sys/fs/cgroup/memory")
_V2 = Path("/sys/fs/cgroup")
_ENTER = (
    "import os, sys; open(sys.argv[1], 'w').write(str(os.getpid()));"
    " os.execv(sys.executable, [sys.executable, '-m', 'daemon', *sys.argv[2:]])"
)


class MemoryGroup:
    """A folder of the cgroup file system, version 1 or 2."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._v1 = folder.parent == _V1

    @property
    def program(self):
        """What Python is to run for a daemon that enters the group before it becomes one."""
        return ("-c", _ENTER, str(self._folder / "cgroup.procs"))

    def limit(self, size_bytes: int) -> None:
        """Let the kernel kill who makes the group larger; there is no swap to flee to."""
        name = "memory.limit_in_bytes" if self._v1 else "memory.max"
        (self._folder / name).write_text(str(size_bytes))
        with contextlib.suppress(OSError):  # no swap is counted here
            if self._v1:
                (self._folder / "memory.memsw.limit_in_bytes").write_text(str(size_bytes))
            else:
                (self._folder / "memory.swap.max").write_text("0")

    @property
    def kills(self) -> int:
        """How many processes the kernel has killed because the group was too large."""
        counts = (
            self._folder / ("memory.oom_control" if self._v1 else "memory.events")
        ).read_text()
        return int(dict(line.split() for line in counts.splitlines())["oom_kill"])


@contextlib.contextmanager
def memory_group(name: str = "worker"):
    """A group, or None where this process may make none; `name` tells it from its others."""
    parent = _V1 if _V1.exists() else _V2
    folder = parent / f"tidemill-test-{os.getpid()}-{name}"
    try:
        folder.mkdir()
        if not any((folder / name).exists() for name in ("memory.limit_in_bytes", "memory.max")):
            folder.rmdir()
            raise FileNotFoundError(folder)
    except OSError:
        yield None
        return
    try:
        yield MemoryGroup(folder)
    finally:
        with contextlib.suppress(OSError):  # somebody is still in it
            folder.rmdir()


def most_resident_bytes(pid: int) -> int:
    """The largest resident size that process had so far."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"process {pid} has no memory")
