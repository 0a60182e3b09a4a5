"""How far a part of a measurement is, for whoever waits."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

Told: TypeAlias = Callable[[int], None]
"""Takes how many are done by now."""


def silent(_done: int) -> None:
    """Tell nobody."""


@contextmanager
def bar(console: Console, what: str, total: int) -> Iterator[Told]:
    """Show a bar on a terminal; elsewhere one line at the end."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=console.is_terminal) as shown:
        task = shown.add_task(what, total=total)
        yield lambda done: shown.update(task, completed=done)
