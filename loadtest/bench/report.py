"""Figures for people, as a table and on a page between two marks, and for programs, as JSON."""

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from loadtest.bench.figures import BenchFigure, Section
from loadtest.bench.ground import Scale
from loadtest.deployment.machine import in_a_line

_THOUSAND = 1000


def show(console: Console, section: Section) -> None:
    """Print a section as a table."""
    table = Table(title=section.title, title_justify="left", title_style="bold")
    table.add_column("")
    for name in ("min", "median", "max"):
        table.add_column(name, justify="right")
    table.add_column("unit")
    table.add_column("target")
    for figure in section.figures:
        colour = "red" if figure.met is False else ""
        table.add_row(figure.name, *_values(figure), figure.unit, Text(_wanted(figure), colour))
    console.print(table)
    if section.accounts:
        console.print(Text(_replies(section), "" if section.is_right else "red"), "")


def write(
    path: Path, machine: dict[str, str], options: dict[str, str], sections: list[Section]
) -> None:
    """Write everything that was measured."""
    told = {
        "measured": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": machine,
        "options": options,
        "sections": [_plain(section) for section in sections],
    }
    path.write_text(json.dumps(told, indent=2) + "\n")


def markdown(section: Section) -> str:
    """Return a section as Markdown: a heading, a table, what the replies said."""
    rows = [
        " | ".join((figure.name, *_values(figure), figure.unit, _wanted(figure)))
        for figure in section.figures
    ]
    table = ["| | min | median | max | unit | target |", "|---|---:|---:|---:|---|---|"]
    lines = [f"### {section.title}", "", *table, *(f"| {row} |" for row in rows), ""]
    if section.accounts:
        lines += [_replies(section), ""]
    return "\n".join(lines)


def _plain(section: Section) -> dict[str, object]:
    return {
        "title": section.title,
        "figures": [
            {
                "name": figure.name,
                "unit": figure.unit,
                "values": figure.values,
                "min": min(figure.values),
                "median": figure.median,
                "max": max(figure.values),
                "target": figure.target and f"{figure.target.kind} {figure.target.bound}",
                "met": figure.met,
            }
            for figure in section.figures
        ],
        "runs": [
            {**account._asdict(), "errors": dict(account.errors)} for account in section.accounts
        ],
    }


def _values(figure: BenchFigure) -> list[str]:
    return [_number(value) for value in (min(figure.values), figure.median, max(figure.values))]


def _number(value: float) -> str:
    if abs(value) >= _THOUSAND:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _wanted(figure: BenchFigure) -> str:
    if figure.target is None:
        return ""
    met = "met" if figure.met else "missed"
    return f"{figure.target.kind} {_number(figure.target.bound)}: {met}"


def _replies(section: Section) -> str:
    bad = [account for account in section.accounts if not account.exactly_once]
    if bad:
        return "\n".join(str(account) for account in bad)
    sent = sum(account.sent for account in section.accounts)
    runs = len(section.accounts)
    return f"All replies of {runs} run{'s'[: runs > 1]} read back: {sent:,} right, each once."


class MarkMissing(Exception):
    """The page has no place for a bench; the message names its marks."""


def renewed(
    text: str,
    measured: Mapping[str, Sequence[Section]],
    machine: Mapping[str, str],
    scale: Scale,
) -> str:
    """Return `text` with the figures of `measured` in place of the older ones.

    Raises MarkMissing.
    """
    for name, sections in measured.items():
        text = _replaced(text, name, _block(name, sections, machine, scale))
    return text


def require_marks(text: str, names: Iterable[str]) -> None:
    """Raise MarkMissing unless a page has a place for each bench."""
    for name in names:
        _replaced(text, name, "")


def marks(name: str) -> tuple[str, str]:
    """Return the lines between which the figures of a bench stand."""
    return f"<!-- figures: {name} -->", f"<!-- end: {name} -->"


def _replaced(text: str, name: str, block: str) -> str:
    begin, end = marks(name)
    before, found, rest = text.partition(begin)
    _, ended, after = rest.partition(end)
    if not (found and ended):
        raise MarkMissing(f"the page lacks {begin} or {end}")
    return f"{before}{begin}\n{block}\n{end}{after}"


def _block(name: str, sections: Sequence[Section], machine: Mapping[str, str], scale: Scale) -> str:
    sizes = " --quick" * scale.quick + " --long" * scale.long
    command = f"tidemill-load bench {name} --repeat {scale.repeat}{sizes}"
    return "\n".join(
        [f"`{command}` on: {in_a_line(machine)}.", "", *map(markdown, sections)]
    ).rstrip()
