"""A transform's process, seen from the worker: started, asked, killed."""

import os
import pickle
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack

from config.transform_tables import described
from runtime.errors import ModelRefused
from runtime.processes.child import Load
from runtime.processes.frames import (
    Call,
    Channel,
    Failure,
    Loaded,
    Outcome,
    Refusal,
    Reply,
    Rows,
    Unusable,
)

_CODE = """\
import sys
sys.path[:] = {path!r}
from runtime.processes.child import serve
serve({descriptor}, {worker})
"""
"""A new program, and no copy of this one: of a process with threads a copy may hang at once."""


class TransformProcess:
    """One process with a transform; it ends with the thread that started it."""

    def __init__(self, load: Load) -> None:
        """Start it, and wait until the transform is loaded; raises ModelRefused."""
        self._name = described(load.transform)
        ours, theirs = socket.socketpair()
        with theirs, ExitStack() as failed:
            failed.callback(ours.close)
            self._child = self._start(theirs)
            failed.pop_all()
        self._channel = Channel(ours)
        self.loaded = self._load(load)

    def _start(self, end: socket.socket) -> subprocess.Popen[bytes]:
        code = _CODE.format(path=sys.path, descriptor=end.fileno(), worker=os.getpid())
        try:
            return subprocess.Popen(  # noqa: S603 -- our own words, no shell
                [sys.executable, "-c", code],
                stdin=subprocess.DEVNULL,
                pass_fds=[end.fileno()],
                process_group=0,  # what a terminal sends is for the worker
            )
        except OSError as error:
            raise ModelRefused(
                f"no process can be started for transform {self._name}: {error}",
                "look at the limits of processes (TasksMax, pids) and of memory",
            ) from error

    def _load(self, load: Load) -> Loaded:
        try:
            self._channel.send_bytes(pickle.dumps(load))
            told: Loaded | Unusable = self._channel.receive(Loaded | Unusable)
        except (EOFError, OSError, ValueError) as error:
            raise ModelRefused(
                f"the process of transform {self._name} ended while it loaded it: {self.end()}",
                "look at what it wrote to standard error",
            ) from error
        if isinstance(told, Unusable):
            self.end()
            raise ModelRefused(told.reason, told.remedy)
        return told

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._child.pid

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended; it has nothing to say before it is asked."""
        return not self._channel.has_something

    def ask(self, call: Call, *, limit_s: float) -> Outcome:
        """Return what comes of `call`.

        Raises TimeoutError after `limit_s`, EOFError, OSError or ValueError when the process has ended
        or is out of its mind: it is to be killed then.
        """
        until_s = time.monotonic() + limit_s
        self._channel.send(call, until_s=until_s)
        outcome: Outcome = self._channel.receive(Rows | Reply | Refusal | Failure, until_s=until_s)
        return outcome

    def kill(self) -> None:
        """End it, whatever it does."""
        self._child.kill()

    def end(self) -> str:
        """Kill it and let it go; return of what it has ended. By who asked it last, or would be next."""
        self.kill()
        of = self.wait()
        self._channel.close()
        return of

    def wait(self) -> str:
        """Wait until it has ended; return of what."""
        code = self._child.wait()
        if code >= 0:
            return f"exit code {code}"
        try:
            return f"signal {signal.Signals(-code).name}"
        except ValueError:
            return f"signal {-code}"
