"""What tests ask of a supervisor and do to its workers."""

import asyncio
import os
import signal
from pathlib import Path
from typing import NamedTuple

from tests.acceptance.jobs import events, metric, until

_ENDS = {"worker.exited", "worker.lost", "slot.closed"}
PATIENCE_S = 60.0
"""How long a number of workers may take to be reached; the machine may be busy."""


class Process(NamedTuple):
    """A worker that a supervisor started."""

    pid: int

    def kill(self):
        """End it at once."""
        os.kill(self.pid, signal.SIGKILL)

    def send(self, number):
        """Send it a signal."""
        os.kill(self.pid, number)

    @property
    def there(self):
        """Whether it lives still, or is a zombie of somebody else's."""
        try:
            stat = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii")
        except (FileNotFoundError, ProcessLookupError):
            return False
        return stat.rpartition(")")[2].split()[0] != "Z"


def running(supervisor):
    """The workers there are, by slot."""
    found = {}
    for event in supervisor.events():
        if event["event"] == "worker.spawned":
            found[event["slot"]] = Process(event["pid"])
        elif event["event"] in _ENDS:
            found.pop(event["slot"], None)
    return found


def spawned(supervisor):
    """Every worker that was ever started."""
    return [Process(event["pid"]) for event in events(supervisor, "worker.spawned")]


async def serving(supervisor):
    """How many workers serve."""
    return await metric(supervisor, "workers", state="serving")


async def until_serving(supervisor, count):
    """Return when exactly so many serve."""

    async def reached():
        return await serving(supervisor) == count

    await until(reached, PATIENCE_S)


async def until_gone(processes, patience_s=PATIENCE_S):
    """Return when none of them is there any more."""
    await until(lambda: not any(process.there for process in processes), patience_s)


async def kill(supervisor):
    """SIGKILL the supervisor alone; return its workers."""
    workers = list(running(supervisor).values())
    await asyncio.to_thread(supervisor.kill)
    return workers
