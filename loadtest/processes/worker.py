"""A daemon as its users run it: a process, seen through its log, its health and its metrics."""

import http.client
import json
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from loadtest.processes.child import Child
from loadtest.processes.metrics import Metrics
from loadtest.processes.scoped import Scoped

_HOST = "127.0.0.1"
DAEMON = ("-m", "daemon")
"""What Python runs for it."""
READY_TIMEOUT_S = 60.0
"""Twenty times what docs/performance.md allows a worker with a small model."""
EXIT_TIMEOUT_S = 70.0
"""limits.drain as it is by default, and the process's own end."""
_HTTP_TIMEOUT_S = 5.0
_POLL_S = 0.05


class WorkerFailed(Exception):
    """The daemon did not do what was asked; the message ends with its log."""


class Worker(Scoped):
    """`tidemill run`, or `does`, with one configuration; a context manager that leaves nothing behind.

    All methods block. The process ends with this one, however it ends, unless `detached`.
    """

    def __init__(
        self,
        config: Path,
        overrides: Mapping[str, str] | None = None,
        *,
        detached: bool = False,
        program: Sequence[str] = DAEMON,
        does: Literal["run", "supervise", "scaler"] = "run",
    ) -> None:
        """Prepare a worker; nothing runs yet.

        `overrides` are given to --set. `program` is what Python runs: another stands in for the
        daemon where a test must see one that is broken, or runs it under a sampler.
        """
        settings = {"http.port": "0", "log.form": "json"} | dict(overrides or {})
        pairs = [f"{name}={value}" for name, value in settings.items()]
        self._command = [sys.executable, *program, does, "--config", str(config)]
        for pair in pairs:
            self._command += ["--set", pair]
        self._child = Child("worker", detached=detached)
        self._seen_bytes = 0

    @property
    def command(self) -> list[str]:
        """The command line it runs as."""
        return list(self._command)

    @property
    def pid(self) -> int:
        """The process id; raises RuntimeError when it does not run."""
        return self._child.pid

    @property
    def log(self) -> Path:
        """What it writes to standard error, over all its starts."""
        return self._child.log

    def start(self) -> None:
        """Start, or start again, and return at once: wait_until_ready() waits.

        Its earlier events are no longer looked at.
        """
        self._seen_bytes = self.log.stat().st_size if self.log.exists() else 0
        self._child.spawn(self._command)

    def wait_until_ready(self, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Return when /readyz says so; raises WorkerFailed when it ends or takes too long."""
        deadline_s = time.monotonic() + timeout_s
        while not self._is_ready():
            if self._child.has_ended() is not None:
                raise WorkerFailed(f"exit code {self._child.wait()}:\n{self._child.log_end()}")
            if time.monotonic() > deadline_s:
                raise WorkerFailed(f"not ready in {timeout_s:.0f} s:\n{self._child.log_end()}")
            time.sleep(_POLL_S)

    def events(self) -> list[dict[str, Any]]:
        """Return the log events since the last start, each with `event` and its fields."""
        if not self.log.exists():
            return []
        with self.log.open("rb") as log:
            log.seek(self._seen_bytes)
            lines = log.read().decode(errors="replace").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    @property
    def http_port(self) -> int | None:
        """Where health and metrics are served, None before they are; a supervisor's come first."""
        ports = [event["port"] for event in self.events() if event["event"] == "http.started"]
        return int(ports[0]) if ports else None

    def metrics(self) -> Metrics:
        """Return the metrics of this moment; raises WorkerFailed when it does not answer."""
        return Metrics(self._got("/metrics"))

    def status(self) -> dict[str, Any]:
        """Return what its status page shows now; raises WorkerFailed when it does not answer."""
        shown: dict[str, Any] = json.loads(self._got("/status.json"))
        return shown

    def get(self, path: str) -> tuple[int, str]:
        """Return status and text of a path such as /livez; status 0 when nobody answers."""
        port = self.http_port
        if port is None:
            return 0, ""
        connection = http.client.HTTPConnection(_HOST, port, timeout=_HTTP_TIMEOUT_S)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except OSError:
            return 0, ""
        finally:
            connection.close()

    def terminate(self, timeout_s: float = EXIT_TIMEOUT_S) -> int:
        """Return the exit code after SIGTERM; raises WorkerFailed when it does not end in time."""
        self._child.send(signal.SIGTERM)
        return self.wait(timeout_s)

    def wait(self, timeout_s: float) -> int:
        """Return the exit code when it ends by itself; raises WorkerFailed when it does not."""
        deadline_s = time.monotonic() + timeout_s
        while self._child.has_ended() is None:
            if time.monotonic() > deadline_s:
                raise WorkerFailed(f"still runs after {timeout_s:.0f} s:\n{self._child.log_end()}")
            time.sleep(_POLL_S)
        return self._child.wait()

    def has_ended(self) -> int | None:
        """Return its exit code once it has ended by itself, else None; wait() lets it start again."""
        return self._child.has_ended()

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, such as SIGSTOP, SIGCONT, SIGHUP."""
        self._child.send(number)

    def kill(self) -> None:
        """End it at once (SIGKILL)."""
        self._child.kill()

    def close(self) -> None:
        """End it and remove its log; does nothing when there is nothing left."""
        self._child.close()

    def _got(self, path: str) -> str:
        status, body = self.get(path)
        if status != http.client.OK:
            raise WorkerFailed(f"{path} answered {status}:\n{self._child.log_end()}")
        return body

    def _is_ready(self) -> bool:
        return self.get("/readyz")[0] == http.client.OK
