"""The command `compare`: is the second run worse than the first, beyond noise?"""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from loadtest.compare.gate import Change, ChangeWord, changes, obstacles
from loadtest.report import words
from loadtest.report.document import BadReport, read
from loadtest.scenario.quantities import share
from loadtest.verdict.exits import Exit

_COLOURS = {
    ChangeWord.WORSE: "red",
    ChangeWord.BETTER: "green",
    ChangeWord.NOISE: "dim",
    ChangeWord.UNDECIDED: "yellow",
    ChangeWord.SAME: "dim",
}


def compare(first: Path, second: Path, tolerance: str) -> int:
    """Compare two reports and return the exit code: 1 when the second is worse."""
    console = Console(highlight=False)
    try:
        before, after, most = read(first), read(second), share(tolerance)
    except (BadReport, ValueError) as error:
        console.print(f"tidemill-load compare: {error}", markup=False, style="red")
        return Exit.USAGE
    obstacle = obstacles(before, after)
    if obstacle:
        for each in obstacle:
            console.print(f"invalid: {each}", markup=False, style="yellow")
        return Exit.INVALID
    found = changes(before, after, most)
    _show(console, found)
    undecided = sum(change.word is ChangeWord.UNDECIDED for change in found)
    if undecided:
        console.print(
            f"\n{undecided} undecided: beyond {tolerance} and chance, but in a part of the run alone, or by too "
            "few samples: run both again, longer.",
            style="yellow",
        )
    worse = [change for change in found if change.word is ChangeWord.WORSE]
    if worse:
        console.print(f"\n[bold red]WORSE[/]: {len(worse)} of {len(found)} figures")
        return Exit.MISSED
    console.print(
        f"\n[bold green]NOT WORSE[/]: none of {len(found)} figures, beyond {tolerance} and noise"
    )
    return Exit.PASS


def _show(console: Console, found: list[Change]) -> None:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in ("class", "figure", "first", "second", "change", ""):
        table.add_column(
            title, justify="right" if title in {"first", "second", "change"} else "left"
        )
    for change in found:
        shown = words.seconds if change.name.startswith("p") else words.amount
        table.add_row(
            change.traffic,
            change.name,
            shown(change.before),
            shown(change.after),
            words.change(change.before, change.after),
            f"[{_COLOURS[change.word]}]{change.word.value}[/]",
        )
    console.print(table)
