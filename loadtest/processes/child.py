"""A child process with a folder of its own; both end with this process, however it ends."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from loadtest.processes import tether

_LOG_LINES_SHOWN = 20
"""As many as a terminal has room for below the question."""


class Child:
    """A process that may be started several times, one at a time. All methods block.

    It runs in a session of its own, so that Ctrl-C reaches only its parent, which ends things in
    their order. `detached`: process and folder stay when this process ends; the folder goes when
    the process does.
    """

    def __init__(self, name: str, *, detached: bool = False) -> None:
        self._name = name
        self._detached = detached
        self._process: subprocess.Popen[bytes] | None = None
        self.folder = Path(tempfile.mkdtemp(prefix=f"tidemill-{name}-"))
        self.log = self.folder / f"{name}.log"
        self._tether = None if detached else _fasten(self.folder, stdin=subprocess.PIPE)

    @property
    def pid(self) -> int:
        """The process id; raises RuntimeError when it does not run."""
        return self._running.pid

    @property
    def is_up(self) -> bool:
        """Whether it was spawned and its end was not yet seen by wait(), kill() or end()."""
        return self._process is not None

    def spawn(self, command: Sequence[str]) -> None:
        """Start it; what it writes is added to `log`."""
        if self._process is not None:
            raise RuntimeError(f"the {self._name} is already running")
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - a command line of our own
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        if self._detached:
            _fasten(self.folder, str(self._process.pid), stdin=subprocess.DEVNULL)
        elif self._tether is not None and self._tether.stdin is not None:
            self._tether.stdin.write(f"{self._process.pid}\n".encode())
            self._tether.stdin.flush()

    def has_ended(self) -> int | None:
        """Return its exit code when it ended by itself, else None."""
        return self._running.poll()

    def wait(self, timeout_s: float | None = None) -> int:
        """Return its exit code once it ends; raises subprocess.TimeoutExpired."""
        exit_code = self._running.wait(timeout_s)
        self._process = None
        return exit_code

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._running.send_signal(number)

    def end(self, timeout_s: float) -> int:
        """Return its exit code after SIGTERM; killed, it raises subprocess.TimeoutExpired."""
        self.send(signal.SIGCONT)
        self.send(signal.SIGTERM)
        try:
            return self.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        """End it at once (SIGKILL)."""
        self._running.kill()
        self.wait()

    def close(self) -> None:
        """End it and remove its folder; does nothing when there is nothing left."""
        if self._process is not None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
        if self._tether is not None:
            self._tether.communicate()
            self._tether = None

    def log_end(self) -> str:
        """Return the last lines it wrote."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-_LOG_LINES_SHOWN:])

    @property
    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError(f"the {self._name} is not running")
        return self._process


def _fasten(folder: Path, *arguments: str, stdin: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-I", "-S", os.fspath(tether.__file__), os.fspath(folder)]
    return subprocess.Popen(  # noqa: S603 - our own script
        [*command, *arguments],
        stdin=stdin,
        # It may outlive us, and must not keep the pipes of a reader of our output open.
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
