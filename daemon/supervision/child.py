"""One worker as a process: its command, its environment, its signals, its end."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from daemon.process.last_words import LAST_WORDS
from daemon.process.notify import NOTIFY_SOCKET, WATCHDOG_USEC
from daemon.process.parent_death import SUPERVISOR

_LONGEST_WORDS_BYTES = 16 * 2**20
"""Metrics of a thousand lanes; so much may be left behind, and no more is read."""


def worker_command(
    config: Path | None, overrides: Sequence[str], own: Mapping[str, str]
) -> Sequence[str]:
    """Return the command line of a worker: the supervisor's settings, then the slot's `own`.

    It imports from where this process does: the folder it was started in only if this one did, so
    that no folder named `config` there is taken for ours.
    """
    main = sys.modules["__main__"]
    as_module = getattr(main, "__spec__", None) is not None and not sys.flags.safe_path
    command = [sys.executable, *([] if as_module else ["-P"]), "-m", "daemon", "run"]
    if config is not None:
        command += ["--config", str(config)]
    for pair in [*overrides, *(f"{name}={value}" for name, value in own.items())]:
        command += ["--set", pair]
    return command


def check_command(worker: Sequence[str]) -> Sequence[str]:
    """Return the command that tries what the command line `worker` would run."""
    place = worker.index("run")
    return [*worker[:place], "check", "--json", *worker[place + 1 :]]


def worker_environment(
    environment: Mapping[str, str], own: Mapping[str, str], *, mailbox: Path, heartbeat_s: float
) -> Mapping[str, str]:
    """Return a worker's environment: the supervisor's, with a mailbox, and the slot's `own`."""
    return {
        **environment,
        **own,
        SUPERVISOR: str(os.getpid()),
        NOTIFY_SOCKET: str(mailbox),
        WATCHDOG_USEC: str(round(heartbeat_s * 1_000_000)),
        # At SIGABRT, which ends a worker that hangs, each thread shows where it stands.
        "PYTHONFAULTHANDLER": "1",
    }


class Child:
    """A process that runs. To be spawned on the main thread: its end would end the child."""

    def __init__(self, process: asyncio.subprocess.Process, last_words: int) -> None:
        """`last_words`: the descriptor of the file that the process leaves them in; closed here."""
        self._process = process
        self._last_words = last_words

    @classmethod
    async def spawn(cls, command: Sequence[str], environment: Mapping[str, str]) -> "Child":
        """Start `command`; raises OSError.

        It writes its log where this process does, and has a session of its own, so that Ctrl-C
        reaches only the supervisor.
        """
        last_words = os.memfd_create("last-words")
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                env={**environment, LAST_WORDS: str(last_words)},
                start_new_session=True,
                pass_fds=[last_words],
            )
        except BaseException:
            os.close(last_words)
            raise
        return cls(process, last_words)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def send(self, number: signal.Signals) -> None:
        """Send it a signal; does nothing when it has ended."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    async def wait(self) -> tuple[int, bytes]:
        """Return its exit code once it ends, negative for a signal, and its last words; only once."""
        code = await self._process.wait()
        with os.fdopen(self._last_words, "rb") as left:
            return code, left.read(_LONGEST_WORDS_BYTES)
