"""Telling a service manager how this process stands, by the protocol of sd_notify(3).

Each message is one datagram to the socket that NOTIFY_SOCKET names; without one nothing is said.
Nothing here raises or waits: a manager that does not listen must not stop the work.
"""

import os
import socket
import time
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from typing import Self

NOTIFY_SOCKET = "NOTIFY_SOCKET"
WATCHDOG_PID = "WATCHDOG_PID"
WATCHDOG_USEC = "WATCHDOG_USEC"
HTTP_PORT = "X_HTTP_PORT"
UNREADY = "X_UNREADY"
"""Ours; systemd passes over what it does not know."""
ISOLATING = "X_ISOLATING"
"""Ours too: what may have killed the process before runs alone now, and may kill this one."""

_US_PER_S = 1_000_000
_LONGEST_STATUS = 500
"""Characters; systemd takes messages of at most 4096 bytes, and shows the status on one line."""


class Notifier:
    """Says what it is told to; each method returns whether the manager's socket took it."""

    def __init__(self, address: str = "", *, watchdog_s: float | None = None) -> None:
        """`address`: a path, or an abstract name after `@`; any other, and none, is never told."""
        self._address = _socket_address(address)
        self._watchdog_s = watchdog_s

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Return one for the manager that started this process, if there is one."""
        return cls(environ.get(NOTIFY_SOCKET, ""), watchdog_s=_watchdog_s(environ))

    @classmethod
    def claim(cls, environ: MutableMapping[str, str]) -> Self:
        """The same, and take it out of `environ`: child processes must not speak for this one."""
        notifier = cls.from_environment(environ)
        for name in (NOTIFY_SOCKET, WATCHDOG_PID, WATCHDOG_USEC):
            environ.pop(name, None)
        return notifier

    @property
    def watchdog_s(self) -> float | None:
        """How often the manager wants to be fed, or it ends this process; None: never."""
        return self._watchdog_s

    def ready(self) -> bool:
        """The process serves; also the end of `reloading`."""
        return self._tell("READY=1")

    def status(self, text: str) -> bool:
        """Say in one line how it stands."""
        return self._tell(f"STATUS={_line(text)}")

    def feed(self) -> bool:
        """The process moves; to be said at least twice in each `watchdog_s`."""
        return self._tell("WATCHDOG=1")

    def extend(self, seconds: float) -> bool:
        """Ask for `seconds` from now to start, to reload or to stop, whatever the unit allows."""
        return self._tell(f"EXTEND_TIMEOUT_USEC={round(seconds * _US_PER_S)}")

    def reloading(self) -> bool:
        """A reload begins; `ready` says that it is over."""
        return self._tell(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1_000}")

    def listening(self, port: int) -> bool:
        """Health and metrics are served at `port`."""
        return self._tell(f"{HTTP_PORT}={port}")

    def unready(self, reason: str) -> bool:
        """Say why the process, which was ready once, does not serve; "": it does again."""
        return self._tell(f"{UNREADY}={_line(reason)}")

    def isolating(self, *, on: bool) -> bool:
        """Say whether what runs now may kill the process, for a reason that is being found."""
        return self._tell(f"{ISOLATING}={int(on)}")

    def stopping(self) -> bool:
        """The process ends."""
        return self._tell("STOPPING=1")

    def _tell(self, message: str) -> bool:
        if self._address is None:
            return False
        data = message.encode(errors="replace")
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as own:
                own.settimeout(0.0)
                return own.sendto(data, self._address) == len(data)
        except OSError:  # nobody there, or its queue is full; what matters is said again
            return False


def _line(text: str) -> str:
    return "".join(each if each.isprintable() else " " for each in text)[:_LONGEST_STATUS]


def _socket_address(name: str) -> bytes | None:
    """An abstract name begins with a zero byte where the variable has an `@`."""
    if name.startswith("@"):
        return b"\0" + os.fsencode(name[1:])
    return os.fsencode(name) if name.startswith("/") else None


def _watchdog_s(environ: Mapping[str, str]) -> float | None:
    """The interval in seconds if this process, and not another one, is to keep it."""
    with suppress(ValueError):
        if int(environ.get(WATCHDOG_PID, os.getpid())) == os.getpid():
            interval_s = int(environ.get(WATCHDOG_USEC, "0")) / _US_PER_S
            return interval_s if interval_s > 0 else None
    return None
