"""Where a supervisor's sockets are: a folder that the next one removes if this one cannot."""

import contextlib
import fcntl
import os
import re
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

_PREFIX = "tidemill-s-"
_NAME = re.compile(re.escape(_PREFIX) + r"[a-z0-9_]{8}")
"""What tempfile makes of the prefix."""


@contextlib.contextmanager
def socket_folder(within: str | None) -> Iterator[Path]:
    """A folder of this user alone, removed at the end; raises OSError.

    `within`: the folder to make it in, else TMPDIR or /tmp. What supervisors that were killed have
    left there is removed first.
    """
    _remove_abandoned(Path(within or tempfile.gettempdir()))
    path, lock = _make(within)
    try:
        yield path
    finally:
        _remove(path)
        os.close(lock)


def _make(within: str | None) -> tuple[Path, int]:
    """Return a new folder, and a descriptor that keeps others from taking it for abandoned."""
    while True:
        path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=within))
        lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(lock, fcntl.LOCK_EX)
        if path.exists():
            return path, lock
        os.close(lock)  # it was taken for abandoned before it was locked


def _remove_abandoned(within: Path) -> None:
    """Remove this user's folders that nobody holds: the kernel drops the lock of a dead process."""
    found: list[Path] = []
    with contextlib.suppress(OSError):  # it may be one that can be used, but not listed
        found = [path for path in within.iterdir() if _NAME.fullmatch(path.name)]
    for path in found:
        with contextlib.suppress(OSError):  # somebody else's, or held, or just removed
            if path.lstat().st_uid != os.geteuid():
                continue
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(path)
            finally:
                os.close(lock)


def _remove(path: Path) -> None:
    """Remove the folder and its sockets, and nothing else: whatever else is in it stays."""
    with contextlib.suppress(OSError):
        for each in path.iterdir():
            if stat.S_ISSOCK(each.lstat().st_mode):
                each.unlink()
        path.rmdir()
