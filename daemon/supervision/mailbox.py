"""What one worker says of itself: the datagrams that services send to systemd (sd_notify(3)).

The supervisor is for its workers what systemd is for the supervisor, so that a worker speaks one
language: READY=1, STATUS=text, WATCHDOG=1, EXTEND_TIMEOUT_USEC=n, STOPPING=1.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Mapping
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
