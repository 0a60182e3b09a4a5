"""What workers say of themselves: the datagrams that services send to systemd (sd_notify(3)).

The supervisor is for its workers what systemd is for the supervisor, so that a worker speaks one
language: READY=1, STATUS=text, WATCHDOG=1, EXTEND_TIMEOUT_USEC=n, STOPPING=1. Mailboxes are in a
folder that the next supervisor removes if this one cannot.
"""

import asyncio
import contextlib
import fcntl
import os
import re
import socket
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

Notice: TypeAlias = Mapping[str, str]
"""One datagram's assignments."""

_LONGEST_BYTES = 4096
"""As systemd's NOTIFY_BUFFER_MAX."""
_MOST_AT_ONCE = 16
"""Then others on the loop have their turn."""


def parse(datagram: bytes) -> Notice:
    """Return what a datagram says, VARIABLE=VALUE a line; lines of another form say nothing."""
    lines = datagram.decode("utf-8", "replace").splitlines()
    pairs = (line.partition("=") for line in lines)
    return {name: value for name, equals, value in pairs if equals and name}


class Mailbox:
    """A socket that one process may write to, on a running loop.

    A process has its own, so that nothing a predecessor left behind is taken for its word. Who
    may open the folder of `path` may write to it.
    """

    def __init__(self, path: Path, deliver: Callable[[Notice], None]) -> None:
        """`deliver` is called on the loop with each notice, and must return at once."""
        self._path = path
        self._deliver = deliver
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)

    def open(self) -> None:
        """Listen; raises OSError."""
        self._socket.bind(str(self._path))
        asyncio.get_running_loop().add_reader(self._socket, self._read)

    def close(self) -> None:
        """Listen no more, whether it was opened or not; what is there is delivered."""
        self._read()
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()
        self._path.unlink(missing_ok=True)

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            for _ in range(_MOST_AT_ONCE):
                self._deliver(parse(self._socket.recv(_LONGEST_BYTES)))


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
