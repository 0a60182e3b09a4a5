"""What a service manager hears: a socket as NOTIFY_SOCKET names it, of the kind systemd has."""

import contextlib
import itertools
import os
import socket
import time

_PATIENCE_S = 30.0
_numbers = itertools.count()


class ServiceManager:
    """A context manager; `messages` are what it has heard, whole datagrams in their order."""

    def __init__(self, folder=None, *, watchdog_s=None):
        """The socket is a file in `folder`, whose path must be short, or a name without a file."""
        self.name = f"{folder}/n" if folder else f"@tidemill-{os.getpid()}-{next(_numbers)}"
        self.messages = []
        self._watchdog_s = watchdog_s
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.name if folder else self.name.replace("@", "\0", 1))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Listen no more."""
        self._socket.close()

    @property
    def environment(self):
        """What it gives to the process it starts."""
        given = {"NOTIFY_SOCKET": self.name}
        if self._watchdog_s is not None:
            given["WATCHDOG_USEC"] = str(round(self._watchdog_s * 1e6))
        return given

    def hear(self):
        """Return what was said since the last time."""
        heard = []
        self._socket.settimeout(0.0)
        with contextlib.suppress(BlockingIOError):
            while True:
                heard.append(self._socket.recv(4096).decode())
        self.messages += heard
        return heard

    def wait_for(self, start, patience_s=_PATIENCE_S):
        """Return the next message that begins so; earlier ones are not looked at again."""
        deadline_s = time.monotonic() + patience_s
        while True:
            self._socket.settimeout(max(0.001, deadline_s - time.monotonic()))
            message = self._socket.recv(4096).decode()
            self.messages.append(message)
            if message.startswith(start):
                return message
