"""A real Kafka broker as a child process: started, stopped, killed, paused, restarted."""

import random
import signal
import socket
import struct
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from loadtest.kafka import java
from loadtest.kafka.jars import KafkaUnavailable
from loadtest.kafka.properties import HOST, Ports, properties
from loadtest.processes.child import Child
from loadtest.processes.scoped import Scoped

_START_TIMEOUT_S = 60.0
"""It takes 2 s (java.py); a guess for a machine that is busy with other things."""
_STOP_TIMEOUT_S = 30.0
"""A guess: it takes a second, more with much to flush."""
_POLL_S = 0.02
"""A hundredth of a start."""
# Below the ports that Linux and macOS hand to outgoing connections: a client that knocks on a
# stopped broker's port could otherwise be given that very port, connect to itself and keep it.
_PORTS = range(20_000, 32_000)
_PORT_ATTEMPTS = 5
"""A port may be taken between the choice and the start: by another test, seldom twice."""
# Metadata v1 for no topic: size, api key 3, version 1, correlation id 1, no client id, no topics.
_METADATA_REQUEST = struct.pack(">ihhihi", 14, 3, 1, 1, -1, 0)
_METADATA_HEAD = struct.Struct(">iii")


class Broker(Scoped):
    """A broker on loopback with data of its own; a context manager that leaves nothing behind.

    All methods block. Process and data end with this process, however it ends, unless `detached`:
    then they stay until somebody ends the process `pid`.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        settings: Mapping[str, str] | None = None,
        options: Sequence[str] = (),
        detached: bool = False,
        node_id: int = 1,
        cluster: Mapping[int, Ports] | None = None,
    ) -> None:
        """Prepare a broker; nothing runs yet.

        Args:
            port: where clients connect; 0 takes a free one and keeps it over restarts.
            settings: Kafka's own settings over ours, such as {"message.max.bytes": "65536"}.
            options: further options for Java, such as "-Xmx2g".
            detached: leave broker and data behind when this process ends.
            node_id: which node of `cluster` it is.
            cluster: the ports of all nodes; else it is the only one.
        """
        self._node_id = node_id
        self._cluster = cluster or {node_id: free_ports(port)}
        self._any_port = port == 0 and cluster is None
        self._settings = dict(settings or {})
        self._options = tuple(options)
        self._child = Child("kafka", detached=detached)

    @property
    def bootstrap(self) -> str:
        """Where clients connect, as host:port."""
        return f"{HOST}:{self.ports.client}"

    @property
    def ports(self) -> Ports:
        """All ports; `proxy` and `behind` are for loadtest.kafka.proxy."""
        return self._cluster[self._node_id]

    @property
    def pid(self) -> int:
        """The process id; raises RuntimeError when it does not run."""
        return self._child.pid

    @property
    def log(self) -> Path:
        """What the broker writes: warnings and errors."""
        return self._child.log

    @property
    def is_up(self) -> bool:
        """Whether it was started, and neither stopped nor killed since."""
        return self._child.is_up

    def log_end(self) -> str:
        """Return the last lines of its log."""
        return self._child.log_end()

    def start(self) -> None:
        """Start, or start again on the same port and data; return when it serves clients.

        Raises KafkaUnavailable with the end of the broker's log when it does not come up.
        """
        for _ in range(_PORT_ATTEMPTS):
            self.spawn()
            if self.serves_once_up():
                return
            exit_code = self._child.wait()
            # Another process may have taken a port between our look and Kafka's bind.
            if not (self._any_port and "Address already in use" in self._child.log_end()):
                raise KafkaUnavailable(f"Kafka ended with {exit_code}:\n{self._child.log_end()}")
            self._cluster = {self._node_id: free_ports()}
        raise KafkaUnavailable(f"Kafka found no free ports in {_PORT_ATTEMPTS} attempts.")

    def spawn(self) -> None:
        """Start, or start again, and return at once: a node of a cluster serves with the others."""
        data = self._child.folder / "data"
        if not data.exists():
            self._check_port()
            java.format_log(data, self._node_id)
        settings = self._child.folder / "server.properties"
        settings.write_text(properties(self._cluster, self._node_id, data, self._settings))
        self._child.spawn(java.command("kafka.Kafka", str(settings), options=self._options))

    def serves_once_up(self, brokers: int = 1) -> bool:
        """Wait until it serves and knows of so many `brokers`; whether it does: it may have ended.

        Raises KafkaUnavailable when that takes too long.
        """
        deadline_s = time.monotonic() + _START_TIMEOUT_S
        while self._child.has_ended() is None:
            if _brokers_known(self.ports.client) >= brokers:
                self._any_port = False  # from now on clients know it
                return True
            if time.monotonic() > deadline_s:
                self.kill()
                raise KafkaUnavailable(
                    f"Kafka did not serve within {_START_TIMEOUT_S:.0f} s:\n{self._child.log_end()}"
                )
            time.sleep(_POLL_S)
        return False

    def stop(self, timeout_s: float = _STOP_TIMEOUT_S) -> None:
        """End it in good order (SIGTERM); its data stays for a restart.

        Killed after `timeout_s`, it raises subprocess.TimeoutExpired.
        """
        self._child.end(timeout_s)

    def kill(self) -> None:
        """End it at once (SIGKILL); its data stays for a restart."""
        self._child.kill()

    def pause(self) -> None:
        """Let it stand still (SIGSTOP): connections stay open and nothing answers."""
        self._child.send(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after pause()."""
        self._child.send(signal.SIGCONT)

    def wait(self) -> None:
        """Wait until the broker ends by itself; raises KafkaUnavailable with the end of its log."""
        exit_code = self._child.wait()
        raise KafkaUnavailable(f"Kafka ended with {exit_code}:\n{self._child.log_end()}")

    def close(self) -> None:
        """End it and remove its data; does nothing when there is nothing left."""
        self._child.close()

    def _check_port(self) -> None:
        """Refuse a port that somebody listens on: another broker would answer in our place."""
        port = self.ports.client
        if not self._any_port and not _is_free(port, reuse=True):
            raise KafkaUnavailable(
                f"Port {port} of {HOST} is taken; --port chooses another one, 0 a free one."
            )


def free_ports(client: int = 0) -> Ports:
    """Return ports that nobody listens on at this moment; `client` unless it is 0."""
    wanted = 3 if client else 4
    found: list[int] = []
    # Entropy on purpose: several test runs on one machine must not walk the same ports.
    candidates = random.SystemRandom().sample(_PORTS, k=len(_PORTS))
    while len(found) < wanted:
        port = candidates.pop()
        if port != client and _is_free(port):
            found.append(port)
    return Ports(client, *found) if client else Ports(*found)


def _is_free(port: int, *, reuse: bool = False) -> bool:
    """Whether nobody has `port`; with `reuse`, connections of the past do not count."""
    with socket.socket() as probe:
        if reuse:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _brokers_known(port: int) -> int:
    """How many live brokers the one at `port` knows of, itself included; 0 while it is none.

    Only then can topics be created.
    """
    try:
        with socket.create_connection((HOST, port), timeout=1.0) as connection:
            connection.sendall(_METADATA_REQUEST)
            with connection.makefile("rb") as answer:
                head = answer.read(_METADATA_HEAD.size)
    except OSError:
        return 0
    if len(head) < _METADATA_HEAD.size:
        return 0
    brokers: int = _METADATA_HEAD.unpack(head)[2]
    return brokers
