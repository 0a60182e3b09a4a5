"""Figures for people, as a table and on a page between two marks, and for programs, as JSON."""

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

from loadtest.bench.figures import BenchFigure, Measured, Section, is_right
from loadtest.bench.ground import Scale
from loadtest.deployment.machine import in_a_line

_THOUSAND = 1000
_MISSED = "missed"


def show(console: Console, section: Measured) -> None:
    """Print a section as a table."""
    table = Table(title=section.title, title_justify="left", title_style="bold")
    for head in _heads(section):
        table.add_column(head.name, justify="right" if head.is_number else "left")
    for row in _rows(section):
        *cells, last = row
        table.add_row(*cells, Text(last, "red" if last.endswith(_MISSED) else ""))
    console.print(table)
    if section.accounts:
        console.print(Text(_replies(section), "" if is_right(section) else "red"), "")


def write(
    path: Path, machine: dict[str, str], options: dict[str, str], sections: list[Measured]
) -> None:
    """Write everything that was measured."""
    told = {
        "measured": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": machine,
        "options": options,
        "sections": [_plain(section) for section in sections],
    }
    path.write_text(json.dumps(told, indent=2) + "\n")


def markdown(section: Measured) -> str:
    """Return a section as Markdown: a heading, a table, what the replies said."""
    heads = _heads(section)
    table = [
        "|".join(["", *(f" {head.name} ".replace("  ", " ") for head in heads), ""]),
        "|".join(["", *("---:" if head.is_number else "---" for head in heads), ""]),
        *(f"| {' | '.join(row)} |" for row in _rows(section)),
    ]
    lines = [f"### {section.title}", "", *table, ""]
    if section.accounts:
        lines += [_replies(section), ""]
    return "\n".join(lines)


class _Head(NamedTuple):
    """Of a column."""

    name: str
    is_number: bool = False


def _heads(section: Measured) -> list[_Head]:
    names = ("min", "median", "max") if isinstance(section, Section) else tuple(section.columns)
    last = ("unit", "target") if isinstance(section, Section) else ("unit",)
    return [_Head(""), *(_Head(name, is_number=True) for name in names), *map(_Head, last)]


def _rows(section: Measured) -> list[list[str]]:
    """Return the table: the range of each figure, or, side by side, what is the same of all."""
    if isinstance(section, Section):
        return [
            [figure.name, *_values(figure), figure.unit, _wanted(figure)]
            for figure in section.figures
        ]
    alike = zip(*section.columns.values(), strict=True)
    return [
        [figures[0].name, *(_number(figure.median) for figure in figures), figures[0].unit]
        for figures in alike
    ]


def _plain(section: Measured) -> dict[str, object]:
    told: dict[str, object] = {"title": section.title}
    if isinstance(section, Section):
        told["figures"] = [_plain_figure(figure) for figure in section.figures]
    else:
        told["columns"] = {
            name: [_plain_figure(figure) for figure in figures]
            for name, figures in section.columns.items()
        }
    told["runs"] = [
        {**account._asdict(), "errors": dict(account.errors)} for account in section.accounts
    ]
    return told


def _plain_figure(figure: BenchFigure) -> dict[str, object]:
    return {
        "name": figure.name,
        "unit": figure.unit,
        "values": figure.values,
        "min": min(figure.values),
        "median": figure.median,
        "max": max(figure.values),
        "target": figure.target and f"{figure.target.kind} {figure.target.bound}",
        "met": figure.met,
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
    met = "met" if figure.met else _MISSED
    return f"{figure.target.kind} {_number(figure.target.bound)}: {met}"


def _replies(section: Measured) -> str:
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
    measured: Mapping[str, Sequence[Measured]],
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


def _block(
    name: str, sections: Sequence[Measured], machine: Mapping[str, str], scale: Scale
) -> str:
    sizes = " --quick" * scale.quick + " --long" * scale.long
    command = f"tidemill-load bench {name} --repeat {scale.repeat}{sizes}"
    return "\n".join(
        [f"`{command}` on: {in_a_line(machine)}.", "", *map(markdown, sections)]
    ).rstrip()
