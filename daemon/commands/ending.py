"""How a process that serves begins and ends.

Nobody in it waits for who reads its log; whatever it ends for is in the log, and the end is the last.
"""

from collections.abc import Callable
from typing import NamedTuple

from daemon.process.standard_streams import serve
from daemon.telemetry import logs
from daemon.telemetry.events import Event
from daemon.values.errors import Exit, Fatal


class Ended(NamedTuple):
    """The exit code, and the reason where something went wrong."""

    code: Exit
    why: str


def begin() -> None:
    """Wait for no reader from here on; to be called before anything is logged."""
    serve(instead=logs.lines_dropped, dropped=logs.count_dropped)


def lived(life: Callable[[], Exit]) -> Ended:
    """Live `life` to its end, and log that."""
    ended = _lived(life)
    logs.summarise(last=True)
    logs.log(Event.WORKER_STOPPED, exit_code=int(ended.code), meaning=ended.code.name.lower())
    return ended


def _lived(life: Callable[[], Exit]) -> Ended:
    try:
        return Ended(life(), "")
    except Fatal as fatal:
        logs.log(Event.WORKER_FAILED, exit_code=int(fatal.exit_code), reason=str(fatal))
        return Ended(fatal.exit_code, str(fatal))
    except Exception as error:  # noqa: BLE001 -- a bug must be in the log like any other end
        logs.log(Event.WORKER_FAILED, exit_code=int(Exit.INTERNAL), exc_info=error)
        return Ended(Exit.INTERNAL, "a bug; the log has it whole")
