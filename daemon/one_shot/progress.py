"""How far a one-shot run has come: a bar on a terminal, else events in the log."""

from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from daemon.one_shot.eta import RunStanding
from daemon.telemetry.events import Event
from daemon.telemetry.logs import log

_LOGGED_EVERY_S = 10.0
"""As a job tells how it gets on (daemon/jobs/progress.py): 360 lines an hour."""


class View(Protocol):
    """Shows where a run stands."""

    def told(self, standing: RunStanding, now: float) -> None:
        """Show this; called about once a second, the first time at the start."""

    def close(self) -> None:
        """Show nothing more; may be called twice, and before anything was shown."""


class Logged:
    """An event now and then."""

    def __init__(self) -> None:
        self._next_s: float | None = None

    def told(self, standing: RunStanding, now: float) -> None:
        """Log it if the last time is long enough ago."""
        if self._next_s is not None and now >= self._next_s:
            log(
                Event.CATCH_UP_PROGRESSED,
                due=standing.due,
                answered=standing.answered,
                left=standing.left,
                rate_per_s=round(standing.rate_per_s, 1),
                remaining_s=None if standing.remaining_s is None else round(standing.remaining_s),
            )
        if self._next_s is None or now >= self._next_s:
            self._next_s = now + _LOGGED_EVERY_S

    def close(self) -> None:
        """Nothing is open."""


class Bar:
    """One line that changes, below what else is printed to `console`."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.completed:,.0f} of {task.total:,.0f}"),
            BarColumn(),
            TextColumn("{task.percentage:3.0f} %  {task.fields[pace]}"),
            console=console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task: TaskID | None = None

    def told(self, standing: RunStanding, now: float) -> None:  # noqa: ARG002 -- as View has it
        """Draw it."""
        if self._task is None:
            self._task = self._progress.add_task("", total=standing.due, pace="")
            self._progress.start()
        self._progress.update(
            self._task,
            total=standing.due,
            completed=standing.answered,
            pace=pace_of(standing),
            refresh=True,
        )

    def close(self) -> None:
        """Take the line away."""
        self._progress.stop()


def pace_of(standing: RunStanding) -> str:
    """Return rate and remaining time as a person reads them."""
    rate = f"{standing.rate_per_s:,.0f}/s"
    if standing.remaining_s is None:
        return rate
    minutes, seconds = divmod(round(standing.remaining_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{rate}  {hours}:{minutes:02}:{seconds:02} left"
