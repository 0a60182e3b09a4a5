"""One real Kafka broker as a child process: started, stopped, killed, paused, restarted."""

import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from loadtest.kafka import java, tether
from loadtest.kafka.jars import KafkaUnavailable
from loadtest.kafka.properties import HOST, Ports, properties

_START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 30.0
_POLL_S = 0.02
# Below the ports that Linux and macOS hand to outgoing connections: a client that knocks on a
# stopped broker's port could otherwise be given that very port, connect to itself and keep it.
_PORTS = range(20_000, 32_000)
_PORT_ATTEMPTS = 5
_LOG_LINES_SHOWN = 20
# Metadata v1 for no topic: size, api key 3, version 1, correlation id 1, no client id, no topics.
_METADATA_REQUEST = struct.pack(">ihhihi", 14, 3, 1, 1, -1, 0)
_METADATA_HEAD = struct.Struct(">iii")


class Broker:
    """A broker on loopback with data of its own; a context manager that leaves nothing behind.

    All methods block. Both the process and the data end with this process, however it ends, unless
    `detached`: then they stay until somebody ends the process `pid`.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        settings: Mapping[str, str] | None = None,
        options: Sequence[str] = (),
        detached: bool = False,
    ) -> None:
        """Prepare a broker; nothing runs yet.

        Args:
            port: where clients connect; 0 takes a free one and keeps it over restarts.
            settings: Kafka's own settings over ours, such as {"message.max.bytes": "65536"}.
            options: further options for Java, such as "-Xmx2g".
            detached: leave broker and data behind when this process ends.
        """
        self._any_port = port == 0
        self._settings = dict(settings or {})
        self._options = tuple(options)
        self._detached = detached
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = Path(tempfile.mkdtemp(prefix="tidemill-kafka-"))
        self._tether = None if detached else _fasten(self._folder)
        self._ports = _free_ports(port)

    @property
    def bootstrap(self) -> str:
        """Where clients connect, as host:port."""
        return f"{HOST}:{self._ports.client}"

    @property
    def ports(self) -> Ports:
        """All ports; `proxy` and `behind` are for loadtest.kafka.proxy."""
        return self._ports

    @property
    def pid(self) -> int:
        """The process id; raises RuntimeError when it does not run."""
        return self._running.pid

    @property
    def log(self) -> Path:
        """What the broker writes: warnings and errors."""
        return self._folder / "broker.log"

    def __enter__(self) -> Self:
        """Start."""
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()

    def start(self) -> None:
        """Start, or start again on the same port and data; return when it serves clients.

        Raises KafkaUnavailable with the end of the broker's log when it does not come up.
        """
        if self._process is not None:
            raise RuntimeError("the broker is already running")
        data = self._folder / "data"
        first = not data.exists()
        if first:
            shutil.copytree(java.formatted(), data)
        for attempt in range(_PORT_ATTEMPTS):
            self._spawn(data)
            if self._wait_until_serving():
                return
            exit_code = self._running.returncode
            self._process = None
            # Another process may have taken a port between our look and Kafka's bind.
            if not (first and self._any_port and "Address already in use" in self._log_end()):
                raise KafkaUnavailable(
                    f"Kafka ended with {exit_code} (attempt {attempt + 1}):\n{self._log_end()}"
                )
            self._ports = _free_ports(0)
        raise KafkaUnavailable(f"Kafka found no free ports in {_PORT_ATTEMPTS} attempts.")

    def stop(self) -> None:
        """End it in good order (SIGTERM); its data stays for a restart."""
        self._running.send_signal(signal.SIGCONT)
        self._running.terminate()
        try:
            self._running.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        self._process = None

    def kill(self) -> None:
        """End it at once (SIGKILL); its data stays for a restart."""
        self._running.kill()
        self._running.wait()
        self._process = None

    def pause(self) -> None:
        """Let it stand still (SIGSTOP): connections stay open and nothing answers."""
        self._running.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after pause()."""
        self._running.send_signal(signal.SIGCONT)

    def wait(self) -> None:
        """Wait until the broker ends by itself; raises KafkaUnavailable with the end of its log."""
        exit_code = self._running.wait()
        self._process = None
        raise KafkaUnavailable(f"Kafka ended with {exit_code}:\n{self._log_end()}")

    def close(self) -> None:
        """End it and remove its data; does nothing when there is nothing left."""
        if self._process is not None:
            self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)
        if self._tether is not None:
            self._tether.communicate()
            self._tether = None

    @property
    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("the broker is not running")
        return self._process

    def _spawn(self, data: Path) -> None:
        settings = self._folder / "server.properties"
        settings.write_text(properties(self._ports, data, self._settings))
        with self.log.open("ab") as log:
            # A session of its own: Ctrl-C reaches the parent, which ends things in order.
            self._process = subprocess.Popen(  # noqa: S603 - our own command line
                java.command("kafka.Kafka", str(settings), options=self._options),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        if self._tether is not None and self._tether.stdin is not None:
            self._tether.stdin.write(f"{self._process.pid}\n".encode())
            self._tether.stdin.flush()

    def _wait_until_serving(self) -> bool:
        deadline_s = time.monotonic() + _START_TIMEOUT_S
        while self._running.poll() is None:
            if _serves(self._ports.client):
                return True
            if time.monotonic() > deadline_s:
                self.kill()
                raise KafkaUnavailable(
                    f"Kafka did not serve within {_START_TIMEOUT_S:.0f} s:\n{self._log_end()}"
                )
            time.sleep(_POLL_S)
        return False

    def _log_end(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-_LOG_LINES_SHOWN:])


def _fasten(folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - our own script
        [sys.executable, "-I", "-S", os.fspath(tether.__file__), os.fspath(folder)],
        stdin=subprocess.PIPE,
        start_new_session=True,
    )


def _free_ports(client: int) -> Ports:
    wanted = 3 if client else 4
    found: list[int] = []
    # Entropy on purpose: several test runs on one machine must not walk the same ports.
    candidates = random.SystemRandom().sample(_PORTS, k=len(_PORTS))
    while len(found) < wanted:
        port = candidates.pop()
        if port != client and _is_free(port):
            found.append(port)
    return Ports(client, *found) if client else Ports(*found)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _serves(port: int) -> bool:
    """Whether the broker answers and counts itself as alive, so that topics can be created."""
    try:
        with socket.create_connection((HOST, port), timeout=1.0) as connection:
            connection.sendall(_METADATA_REQUEST)
            with connection.makefile("rb") as answer:
                head = answer.read(_METADATA_HEAD.size)
    except OSError:
        return False
    return len(head) == _METADATA_HEAD.size and _METADATA_HEAD.unpack(head)[2] > 0
